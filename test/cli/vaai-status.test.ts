// lunette vaai status: the layout of esxcli, and the right thing with the right reasons of an array with each primitive off, and of
// disks that contradict themselves.

import { describe, expect, test } from 'vitest'
import { encodeDeviceIdentification, RESERVE_6, t10VendorId, VPD_PAGE } from '../../protocol/index.ts'
import { FAULTLESS, limitsPage, type Profile, profileReplies, scriptedDisk } from '../host/scripted-disk.ts'
import { arrayForTest, type LunInput, memory } from '../target/array.ts'
import { expectGood } from '../target/disk.ts'
import { runHere } from './terminal.ts'

const layout = (device: string, ats: string, clone: string, zero: string, remove: string): string =>
  [
    device,
    '   VAAI Plugin Name: ',
    `   ATS Status: ${ats}`,
    `   Clone Status: ${clone}`,
    `   Zero Status: ${zero}`,
    `   Delete Status: ${remove}`,
    '',
    '',
  ].join('\n')

interface Told {
  readonly device: string
  readonly primitives: Record<string, { status: string; checks: { item: string; result: string; why?: string }[] }>
  readonly checks: readonly { item: string; result: string }[]
}

async function status(url: string): Promise<{ code: number; text: string; told: Told }> {
  const { code, stdout: text } = await runHere(['vaai', 'status', url])
  const { stdout } = await runHere(['vaai', 'status', url, '--json'])
  return { code, text, told: JSON.parse(stdout) }
}

const faults = (told: Told, primitive: string): string[] =>
  told.primitives[primitive]!.checks.filter(({ result }) => result !== 'ok').map(
    ({ result, item }) => `${result} ${item}`,
  )

async function lunette(lun: LunInput): Promise<ReturnType<typeof status>> {
  const array = await arrayForTest([memory(lun)])
  return status(`iscsi://127.0.0.1:${array.port}/${array.iqn}/0`)
}

const YES = 'supported'
const NO = 'unsupported'

describe('Lunette', () => {
  test('everything on', async () => {
    const { code, text, told } = await lunette({ identity: { naa: '6024c55000000000000000000000abcd' } })
    expect(code).toBe(0)
    expect(text).toContain(layout('naa.6024c55000000000000000000000abcd', YES, YES, YES, YES))
    expect(text).toMatch(
      /^ATS: supported\n {2}ok {5}COMPARE AND WRITE \(89h\) {2,}supported {2,}reported by REPORT SUPPORTED/m,
    )
    for (const { checks } of [...Object.values(told.primitives), told])
      expect(checks.filter(({ result }) => result !== 'ok')).toEqual([])
  })

  test.each<[string, string[], string[]]>([
    ['ats', [NO, YES, YES, YES], ['missing COMPARE AND WRITE (89h)', 'missing MAXIMUM COMPARE AND WRITE LENGTH (B0h)']],
    [
      'clone',
      [YES, NO, YES, YES],
      [
        'missing EXTENDED COPY(LID1) (83h/00h)',
        'missing 3PC (INQUIRY)',
        'missing RECEIVE COPY OPERATING PARAMETERS (84h/03h)',
      ],
    ],
    ['zero', [YES, YES, NO, YES], ['missing WRITE SAME(16) (93h)']],
    [
      'delete',
      [YES, YES, YES, NO],
      [
        'missing UNMAP (42h)',
        'missing LBPU (B2h)',
        'missing MAXIMUM UNMAP LBA COUNT (B0h)',
        'missing MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT (B0h)',
      ],
    ],
  ])('%s off', async (primitive, verdicts, reasons) => {
    const { code, text, told } = await lunette({ vaai: { [primitive]: false } })
    expect(code).toBe(0)
    const [ats = '', clone = '', zero = '', remove = ''] = verdicts
    expect(text).toContain(layout(told.device, ats, clone, zero, remove))
    expect(faults(told, primitive)).toEqual(reasons)
    for (const other of ['ats', 'clone', 'zero', 'delete'].filter((each) => each !== primitive)) {
      const warned = primitive === 'clone' && other === 'ats' ? ['warning EXTENDED COPY(LID1) (83h/00h)'] : []
      expect([other, faults(told, other)]).toEqual([other, warned])
    }
  })

  test('a thick LUN: nothing to delete', async () => {
    const { code, text, told } = await lunette({ provisioning: 'thick' })
    expect(code).toBe(0)
    expect(text).toContain(layout(told.device, YES, YES, YES, NO))
    expect(faults(told, 'delete')).toContain('missing LBPME (READ CAPACITY(16))')
  })

  test('what another initiator has reserved: unknown, with why, exit 1', async () => {
    const array = await arrayForTest([memory()])
    const holder = await array.disk(0, { initiatorName: 'iqn.2026-11.io.lunette:holder' })
    expectGood(await holder.run(RESERVE_6, {}))
    const url = `iscsi://127.0.0.1:${array.port}/${array.iqn}/0`
    const { code, stdout, stderr } = await runHere(['vaai', 'status', url])
    expect(code).toBe(1)
    expect(stderr).toBe(`${url}: it could not be found out whether ATS, Clone, Zero, Delete would work\n`)
    expect(stdout).toContain('   ATS Status: unknown\n')
    expect(stdout).toMatch(
      /unknown {2}COMPARE AND WRITE \(89h\) {2,}not known {2,}tried of 0 blocks: RESERVATION CONFLICT/,
    )
  })
})

describe('a disk', () => {
  const of = async (changes: Partial<Profile>) =>
    status((await scriptedDisk(profileReplies({ ...FAULTLESS, ...changes }))).url)

  test('without an NAA designator', async () => {
    const designators = encodeDeviceIdentification([t10VendorId('ACME', 'DISK 1')])
    const { code, text, told } = await of({
      pages: { ...FAULTLESS.pages, [VPD_PAGE.DEVICE_IDENTIFICATION]: designators },
    })
    expect(code).toBe(0)
    expect(text).toContain(layout('t10.ACME    DISK 1', YES, NO, YES, YES))
    expect(faults(told, 'clone')).toEqual(['missing NAA designator of the logical unit (83h)'])
    expect(text).toMatch(
      /missing +NAA designator .*none; only t10\.ACME {4}DISK 1 +EXTENDED COPY names the logical unit by it/,
    )
  })

  test('whose Block Limits contradict its operation codes, either way', async () => {
    const limits = limitsPage({ maximumCompareAndWriteLength: 0, maximumUnmapLbaCount: 0 })
    const denied = await of({ pages: { ...FAULTLESS.pages, [VPD_PAGE.BLOCK_LIMITS]: limits } })
    expect(denied.text).toContain(layout(denied.told.device, NO, YES, YES, NO))
    expect(faults(denied.told, 'ats')).toContain('contradiction MAXIMUM COMPARE AND WRITE LENGTH (B0h)')
    expect(faults(denied.told, 'delete')).toContain('contradiction MAXIMUM UNMAP LBA COUNT (B0h)')
    const absent = await of({ opcodes: FAULTLESS.opcodes!.filter(([opcode]) => opcode !== 0x89 && opcode !== 0x42) })
    expect(absent.text).toContain(layout(absent.told.device, NO, YES, YES, NO))
    expect(absent.text).toMatch(
      /contradiction .*Block Limits allows a length, but there is no COMPARE AND WRITE \(89h\)/,
    )
    expect(faults(absent.told, 'delete')).toEqual([
      'missing UNMAP (42h)',
      'contradiction MAXIMUM UNMAP LBA COUNT (B0h)',
      'contradiction LBPU (B2h)',
    ])
  })

  test('that does not report its operation codes: the method is named', async () => {
    const override = (cdb: Buffer) => ([0x42, 0x83, 0x89, 0x93].includes(cdb[0]!) ? Buffer.alloc(0) : undefined)
    const { code, text, told } = await of({ opcodes: undefined, override })
    expect(code).toBe(0)
    expect(text).toContain(layout(told.device, YES, YES, YES, YES))
    expect(text).toMatch(/ok .*COMPARE AND WRITE \(89h\) +supported +tried of 0 blocks: GOOD/)
  })

  test('of an array with another product beside it', async () => {
    const { told, text } = await of({ others: [{ ...FAULTLESS.inquiry, product: 'OTHER' }] })
    expect(told.checks.map(({ result }) => result)).toEqual(['ok', 'warning', 'ok'])
    expect(text).toContain('LUN 1 is ACME OTHER: ESXi wants one for all LUNs of an array')
  })

  test('that is none', async () => {
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, inquiry: { peripheralDeviceType: 5 } }))
    expect(await runHere(['vaai', 'status', disk.url])).toEqual({
      code: 1,
      stdout: '',
      stderr: `${disk.url}: LUN 0 is no disk but a cd/dvd; the target has LUN 0\n`,
    })
  })
})
