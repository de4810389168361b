// What vaai status asks of a disk over iSCSI, and how it finds out about commands where they are not reported. The disk is scripted:
// it may contradict itself.

import { describe, expect, onTestFinished, test } from 'vitest'
import { encodeDeviceIdentification, RESERVE_6, SENSE, t10VendorId, VPD_PAGE } from '../../../protocol/index.ts'
import { observe } from '../../../src/host/observer.ts'
import { parseIscsiUrl } from '../../../src/host/url.ts'
import type { VaaiCommand, VaaiFacts } from '../../../src/host/vaai/facts.ts'
import { gatherVaaiFacts } from '../../../src/host/vaai/gather.ts'
import { judgeVaai } from '../../../src/host/vaai/status.ts'
import { arrayForTest, memory } from '../../target/array.ts'
import { expectGood } from '../../target/disk.ts'
import {
  FAULTLESS,
  limitsPage,
  type Profile,
  profileReplies,
  type Reply,
  refuse,
  type ScriptedDisk,
  scriptedDisk,
  UNKNOWN_COMMAND,
} from '../scripted-disk.ts'

const DONE = Buffer.alloc(0)

async function gather(changes: Partial<Profile>): Promise<{ facts: VaaiFacts; disk: ScriptedDisk }> {
  const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, ...changes }))
  const unit = await observe({ ...parseIscsiUrl(disk.url), timeoutMs: 5000 })
  onTestFinished(() => unit.close())
  return { facts: await gatherVaaiFacts(unit, disk.url), disk }
}

const verdicts = (facts: VaaiFacts) => judgeVaai(facts).primitives.map(({ verdict }) => verdict)

test('a faultless disk', async () => {
  const { facts } = await gather({})
  expect(verdicts(facts)).toEqual(['supported', 'supported', 'supported', 'supported'])
  expect(facts.commands.unmap).toEqual({ supported: true, method: 'reported by REPORT SUPPORTED OPERATION CODES' })
  expect(facts.thirdPartyCopy).toEqual({ missing: 'the logical unit does not list this VPD page', certain: true })
})

test('nothing is asked twice, and no command that it reports is tried', async () => {
  const { disk } = await gather({})
  const asked = disk.cdbs.map((cdb) => cdb.toString('hex'))
  expect(new Set(asked).size).toBe(asked.length)
  const tried = [0x89, 0x93, 0x41, 0x42, 0x83]
  expect(disk.cdbs.filter((cdb) => tried.includes(cdb[0]!))).toEqual([])
})

test('a disk without an NAA designator', async () => {
  const pages = {
    ...FAULTLESS.pages,
    [VPD_PAGE.DEVICE_IDENTIFICATION]: encodeDeviceIdentification([t10VendorId('ACME', 'D')]),
  }
  const { facts } = await gather({ pages })
  expect(verdicts(facts)).toEqual(['supported', 'unsupported', 'supported', 'supported'])
})

test('a disk whose Block Limits contradict its commands', async () => {
  const pages = { ...FAULTLESS.pages, [VPD_PAGE.BLOCK_LIMITS]: limitsPage({ maximumCompareAndWriteLength: 0 }) }
  const { facts } = await gather({ pages })
  const [ats] = judgeVaai(facts).primitives
  expect(ats!.verdict).toBe('unsupported')
  expect(ats!.checks.map(({ result }) => result)).toEqual(['ok', 'missing', 'contradiction'])
})

test('other LUNs: disks are compared, controllers and what is not there are passed over', async () => {
  const other = { ...FAULTLESS.inquiry, product: 'OTHER' }
  const { facts } = await gather({
    others: [{ peripheralDeviceType: 0x0c, vendor: 'ACME', product: 'CONTROLLER' }, other, { peripheralQualifier: 3 }],
  })
  expect(facts.products).toEqual({
    told: [
      { lun: 0, vendor: 'ACME', product: 'DISK' },
      { lun: 2, vendor: 'ACME', product: 'OTHER' },
    ],
  })
})

test('a page that nobody can read has not been told', async () => {
  const pages = { ...FAULTLESS.pages, [VPD_PAGE.DEVICE_IDENTIFICATION]: Buffer.from('0083000401030010', 'hex') }
  const { facts } = await gather({ pages })
  expect(facts.designators).toMatchObject({ certain: true, missing: expect.stringContaining('truncated') })
})

test('no disk: one sentence that tells what it is', async () => {
  await expect(gather({ inquiry: { peripheralDeviceType: 0x01 }, others: [FAULTLESS.inquiry!] })).rejects.toThrow(
    /LUN 0 is no disk but a tape; the target has LUNs 0, 1$/,
  )
  await expect(gather({ inquiry: { peripheralQualifier: 3, peripheralDeviceType: 0x1f } })).rejects.toThrow(
    /there is no LUN 0; the target has LUN 0$/,
  )
})

describe('where operation codes are not reported', () => {
  const OPCODES: Partial<Record<number, VaaiCommand>> = {
    137: 'compareAndWrite',
    131: 'extendedCopy',
    147: 'writeSame16',
    66: 'unmap',
  }
  const trying = (reply: Reply) =>
    gather({ opcodes: undefined, override: (cdb) => (OPCODES[cdb[0]!] ? reply : undefined) })

  test('commands are tried where they can change nothing', async () => {
    const { facts, disk } = await trying(DONE)
    const cdb = (opcode: number) => disk.cdbs.find((each) => each[0] === opcode)!
    expect(cdb(0x89).subarray(2).toString('hex')).toBe('00'.repeat(14)) // no blocks
    expect(cdb(0x83).readUInt32BE(10)).toBe(0) // an empty parameter list
    expect(cdb(0x42).readUInt16BE(7)).toBe(0)
    expect([cdb(0x93).readBigUInt64BE(2), cdb(0x93).readUInt32BE(10)]).toEqual([0x10_0000n, 1]) // past the end
    expect([cdb(0x41).readUInt32BE(2), cdb(0x41).readUInt16BE(7)]).toEqual([0x10_0000, 1])
    expect(verdicts(facts)).toEqual(['supported', 'supported', 'supported', 'supported'])
    expect(facts.commands.compareAndWrite).toEqual({ supported: true, method: 'tried of 0 blocks: GOOD' })
  })

  test.each<[string, Reply, boolean | undefined, boolean | undefined]>([
    ['INVALID COMMAND OPERATION CODE', UNKNOWN_COMMAND, false, false],
    ['LOGICAL BLOCK ADDRESS OUT OF RANGE', refuse(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE), true, true],
    ['PARAMETER LIST LENGTH ERROR', refuse(SENSE.PARAMETER_LIST_LENGTH_ERROR), true, true],
    ['WRITE PROTECTED', refuse(SENSE.WRITE_PROTECTED), true, true],
    ['INVALID FIELD IN CDB', refuse(SENSE.INVALID_FIELD_IN_CDB), true, undefined],
    ['of the service action', refuse(SENSE.INVALID_FIELD_IN_CDB, { field: { in: 'cdb', byte: 1 } }), true, false],
    ['of another field', refuse(SENSE.INVALID_FIELD_IN_CDB, { field: { in: 'cdb', byte: 10 } }), true, true],
    ['UNRECOVERED READ ERROR', refuse(SENSE.UNRECOVERED_READ_ERROR), undefined, undefined],
  ])('%s', async (_, reply, plain, withServiceAction) => {
    const { facts } = await trying(reply)
    const { compareAndWrite, writeSame16, unmap, extendedCopy } = facts.commands
    expect([compareAndWrite, writeSame16, unmap].map(({ supported }) => supported)).toEqual([plain, plain, plain])
    expect(extendedCopy.supported).toBe(withServiceAction)
  })

  test('a write past the end is not tried where the capacity is not known', async () => {
    const { facts, disk } = await gather({
      opcodes: undefined,
      override: (cdb) => (cdb[0] === 0x9e ? UNKNOWN_COMMAND : undefined),
    })
    expect(facts.commands.writeSame16.supported).toBeUndefined()
    expect(disk.cdbs.filter((cdb) => cdb[0] === 0x93 || cdb[0] === 0x41)).toEqual([])
  })
})

test('a reservation of another initiator leaves open what it hides', async () => {
  const array = await arrayForTest([memory()])
  const holder = await array.disk(0, { initiatorName: 'iqn.2026-11.io.lunette:holder' })
  expectGood(await holder.run(RESERVE_6, {}))
  const where = { host: '127.0.0.1', port: array.port, targetName: array.iqn, lun: 0, timeoutMs: 5000 }
  const unit = await observe(where)
  onTestFinished(() => unit.close())
  const facts = await gatherVaaiFacts(unit, 'the LUN')
  expect(facts.commands.compareAndWrite).toEqual({
    supported: undefined,
    method: 'tried of 0 blocks: RESERVATION CONFLICT',
  })
  expect(verdicts(facts)).toEqual(['unknown', 'unknown', 'unknown', 'unknown'])
})
