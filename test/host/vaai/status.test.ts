// From facts to verdicts: what ESXi needs of each primitive (shared notes, SPC-4 6.4, SBC-4 5.3, 5.37, 5.57), one thing taken away
// or contradicted at a time.

import { describe, expect, test } from 'vitest'
import {
  BLOCK_LIMITS,
  type Designator,
  decodeCapacity16,
  decodeDeviceIdentification,
  decodeLogicalBlockProvisioning,
  decodeStandardInquiry,
  encodeCapacity16,
  encodeStandardInquiry,
  eui64,
  naa,
  t10VendorId,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import { VAAI_COMMANDS, type VaaiCommand, type VaaiFacts } from '../../../src/host/vaai/facts.ts'
import { judgeVaai, type PrimitiveName } from '../../../src/host/vaai/status.ts'
import { FAULTLESS, limitsPage, provisioningPage } from '../scripted-disk.ts'

const METHOD = 'reported by REPORT SUPPORTED OPERATION CODES'
const MIB = 1024 * 1024

const reported = (...absent: VaaiCommand[]): VaaiFacts['commands'] =>
  Object.fromEntries(
    (Object.keys(VAAI_COMMANDS) as VaaiCommand[]).map((name) => [
      name,
      { supported: !absent.includes(name), method: METHOD },
    ]),
  ) as VaaiFacts['commands']

const limits = (values: Parameters<typeof limitsPage>[0] = {}) => ({ told: BLOCK_LIMITS.decode(limitsPage(values)) })
const provisioning = (values: Parameters<typeof provisioningPage>[0] = {}) => ({
  told: decodeLogicalBlockProvisioning(provisioningPage(values)),
})
const capacity = (values: Parameters<typeof encodeCapacity16>[0] = {}) => ({
  told: decodeCapacity16(encodeCapacity16({ ...FAULTLESS.capacity, ...values })),
})
const inquiry = (values: Parameters<typeof encodeStandardInquiry>[0] = {}) =>
  decodeStandardInquiry(encodeStandardInquiry({ ...FAULTLESS.inquiry, ...values }))
const parameters = (values: Partial<NonNullable<typeof FAULTLESS.copyParameters>> = {}) => ({
  told: { ...FAULTLESS.copyParameters!, ...values },
})

const GOOD: VaaiFacts = {
  url: 'iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:x/0',
  inquiry: inquiry(),
  designators: { told: decodeDeviceIdentification(FAULTLESS.pages[VPD_PAGE.DEVICE_IDENTIFICATION]!) },
  capacity: capacity(),
  blockLimits: limits(),
  provisioning: provisioning(),
  commands: reported(),
  copyParameters: parameters(),
  thirdPartyCopy: { missing: 'the logical unit does not list this VPD page', certain: true },
  products: { told: [{ lun: 0, vendor: 'ACME', product: 'DISK' }] },
}

const judge = (changes: Partial<VaaiFacts>) => judgeVaai({ ...GOOD, ...changes })

function verdicts(changes: Partial<VaaiFacts>): Record<PrimitiveName, string> {
  const entries = judge(changes).primitives.map(({ name, verdict }) => [name, verdict])
  return Object.fromEntries(entries) as Record<PrimitiveName, string>
}

const ALL = { ATS: 'supported', Clone: 'supported', Zero: 'supported', Delete: 'supported' }

/** The checks of a primitive that are not ok, as "result item: found". */
function faults(name: PrimitiveName, changes: Partial<VaaiFacts>): string[] {
  const { checks } = judge(changes).primitives.find((primitive) => primitive.name === name)!
  return checks.filter(({ result }) => result !== 'ok').map(({ result, item, found }) => `${result} ${item}: ${found}`)
}

test('a faultless disk: all supported, every check ok, named by its NAA designator', () => {
  const status = judge({})
  expect(verdicts({})).toEqual(ALL)
  const checks = [...status.primitives.flatMap((primitive) => primitive.checks), ...status.deviceChecks]
  expect(checks.filter(({ result }) => result !== 'ok')).toEqual([])
  expect(status.device).toBe('naa.600c0ffee00000000000000000000001')
})

describe('one command is missing', () => {
  test.each<[VaaiCommand, PrimitiveName, string]>([
    ['compareAndWrite', 'ATS', 'COMPARE AND WRITE (89h)'],
    ['extendedCopy', 'Clone', 'EXTENDED COPY(LID1) (83h/00h)'],
    ['writeSame16', 'Zero', 'WRITE SAME(16) (93h)'],
    ['unmap', 'Delete', 'UNMAP (42h)'],
  ])('%s: %s is unsupported, and only that', (command, primitive, item) => {
    const commands = reported(command)
    expect(verdicts({ commands })).toEqual({ ...ALL, [primitive]: 'unsupported' })
    const [first] = judge({ commands }).primitives.find(({ name }) => name === primitive)!.checks
    expect(first).toEqual({ item, found: 'not supported', result: 'missing', why: METHOD })
  })

  test('one that nobody could find out about makes the primitive unknown', () => {
    const unknown = { supported: undefined, method: 'tried of 0 blocks: RESERVATION CONFLICT' }
    expect(verdicts({ commands: { ...reported(), compareAndWrite: unknown } })).toEqual({ ...ALL, ATS: 'unknown' })
    expect(faults('ATS', { commands: { ...reported(), compareAndWrite: unknown } })).toEqual([
      'unknown COMPARE AND WRITE (89h): not known',
    ])
  })
})

describe('ATS', () => {
  test('needs one block at least', () => {
    const blockLimits = limits({ maximumCompareAndWriteLength: 0 })
    expect(verdicts({ blockLimits })).toEqual({ ...ALL, ATS: 'unsupported' })
    expect(verdicts({ blockLimits: limits({ maximumCompareAndWriteLength: 1 }) })).toEqual(ALL)
  })
  test('contradiction: Block Limits allows it, the command is not there (tgt)', () => {
    expect(
      faults('ATS', {
        commands: reported('compareAndWrite'),
        blockLimits: limits({ maximumCompareAndWriteLength: 128 }),
      }),
    ).toEqual([
      'missing COMPARE AND WRITE (89h): not supported',
      'contradiction MAXIMUM COMPARE AND WRITE LENGTH (B0h): 128 blocks',
    ])
  })
  test('contradiction: the command is there, Block Limits says that it is not', () => {
    expect(faults('ATS', { blockLimits: limits({ maximumCompareAndWriteLength: 0 }) })).toEqual([
      'missing MAXIMUM COMPARE AND WRITE LENGTH (B0h): 0 blocks',
      'contradiction MAXIMUM COMPARE AND WRITE LENGTH (B0h): 0 blocks',
    ])
  })
  test('without EXTENDED COPY it works, with a warning', () => {
    const commands = reported('extendedCopy')
    expect(verdicts({ commands })).toMatchObject({ ATS: 'supported', Clone: 'unsupported' })
    expect(faults('ATS', { commands })).toEqual(['warning EXTENDED COPY(LID1) (83h/00h): not supported'])
  })
  test('without a Block Limits page', () => {
    const gone = { missing: 'the logical unit does not list this VPD page', certain: true }
    expect(verdicts({ blockLimits: gone })).toEqual({ ...ALL, ATS: 'unsupported', Delete: 'unsupported' })
    expect(verdicts({ blockLimits: { ...gone, certain: false } })).toEqual({
      ...ALL,
      ATS: 'unknown',
      Delete: 'unknown',
    })
  })
})

describe('Clone', () => {
  const names = (...told: Designator[]) => ({ designators: { told } })

  test('without an NAA designator: unsupported, and the device goes by its next name', () => {
    const changes = names(t10VendorId('ACME', 'DISK 1'))
    expect(verdicts(changes)).toEqual({ ...ALL, Clone: 'unsupported' })
    expect(faults('Clone', changes)).toEqual([
      'missing NAA designator of the logical unit (83h): none; only t10.ACME    DISK 1',
    ])
    expect(judge(changes).device).toBe('t10.ACME    DISK 1')
    expect(judge(names(t10VendorId('A', 'B'), eui64(Buffer.alloc(8, 1)))).device).toBe('eui.0101010101010101')
    expect(judge(names()).device).toBe(GOOD.url)
    expect(judge(changes).deviceChecks[0]).toMatchObject({ result: 'warning' })
  })
  test('an NAA designator of a port, or of a wrong length, is none', () => {
    const right = naa(Buffer.from('600c0ffee00000000000000000000001', 'hex'))
    expect(verdicts(names({ ...right, association: 1 })).Clone).toBe('unsupported')
    expect(verdicts(names({ ...right, value: right.value.subarray(0, 8) })).Clone).toBe('unsupported')
  })
  test('NAA 6 is preferred to one that is locally assigned, which alone is a warning', () => {
    const local = naa(Buffer.from('3000000100000001', 'hex'))
    const registered = naa(Buffer.from('600c0ffee00000000000000000000001', 'hex'))
    expect(judge(names(local, registered)).device).toBe('naa.600c0ffee00000000000000000000001')
    expect(verdicts(names(local))).toEqual(ALL)
    expect(faults('Clone', names(local))).toEqual([
      'warning NAA designator of the logical unit (83h): naa.3000000100000001',
    ])
  })
  test('3PC clear: unsupported, and a contradiction where the command is there', () => {
    expect(faults('Clone', { inquiry: inquiry({ threePc: false }) })).toEqual([
      'missing 3PC (INQUIRY): 0',
      'contradiction 3PC (INQUIRY): 0',
    ])
    expect(faults('Clone', { commands: reported('extendedCopy') })).toEqual([
      'missing EXTENDED COPY(LID1) (83h/00h): not supported',
      'contradiction 3PC (INQUIRY): 1',
    ])
  })
  test.each<[string, Parameters<typeof parameters>[0], string]>([
    ['SNLID', { snlid: false }, 'missing SNLID: 0'],
    ['two CSCDs', { maximumCscdDescriptorCount: 1 }, 'missing MAXIMUM CSCD DESCRIPTOR COUNT: 1'],
    ['a segment', { maximumSegmentDescriptorCount: 0 }, 'missing MAXIMUM SEGMENT DESCRIPTOR COUNT: 0'],
    [
      'segments of 4 MiB',
      { maximumSegmentLength: 4 * MIB - 1 },
      `missing MAXIMUM SEGMENT LENGTH: ${4 * MIB - 1} bytes`,
    ],
    [
      'segment descriptors of type 02h',
      { implementedDescriptors: [0x0a, 0xe4] },
      'missing descriptor type 02h, block -> block: not supported',
    ],
    [
      'identification CSCD descriptors',
      { implementedDescriptors: [0x02] },
      'missing descriptor type e4h, CSCD: Identification Descriptor: not supported',
    ],
  ])('needs %s', (_, values, fault) => {
    expect(verdicts({ copyParameters: parameters(values) })).toEqual({ ...ALL, Clone: 'unsupported' })
    expect(faults('Clone', { copyParameters: parameters(values) })).toEqual([fault])
  })
  test('segments of less than 16 MiB are a warning; zero is no limit', () => {
    expect(faults('Clone', { copyParameters: parameters({ maximumSegmentLength: 4 * MIB }) })).toEqual([
      `warning MAXIMUM SEGMENT LENGTH: ${4 * MIB} bytes`,
    ])
    expect(faults('Clone', { copyParameters: parameters({ maximumSegmentLength: 0 }) })).toEqual([])
  })
  test('operating parameters that are refused, or that could not be had', () => {
    const missing = 'RECEIVE COPY OPERATING PARAMETERS: CHECK CONDITION'
    expect(verdicts({ copyParameters: { missing, certain: true } }).Clone).toBe('unsupported')
    expect(verdicts({ copyParameters: { missing, certain: false } }).Clone).toBe('unknown')
  })
  test('contradiction: the Third-Party Copy page says something else', () => {
    const page = {
      supportedCommands: [{ opcode: 0x83, serviceActions: [0x01] }],
      parameterData: {
        maximumCscdDescriptorCount: 8,
        maximumSegmentDescriptorCount: 1,
        maximumDescriptorListLength: 1024,
        maximumInlineDataLength: 0,
      },
    }
    expect(faults('Clone', { thirdPartyCopy: { told: page } })).toEqual([
      'contradiction Third-Party Copy page (8Fh): does not list EXTENDED COPY(LID1) (83h/00h)',
      'contradiction Third-Party Copy page (8Fh): maximum CSCD count 8',
    ])
    const listed = { supportedCommands: [{ opcode: 0x83, serviceActions: [0x00, 0x01] }] }
    expect(faults('Clone', { thirdPartyCopy: { told: listed } })).toEqual([])
    expect(faults('Clone', { thirdPartyCopy: { told: listed }, commands: reported('extendedCopy') })).toContain(
      'contradiction Third-Party Copy page (8Fh): lists EXTENDED COPY(LID1) (83h/00h)',
    )
  })
})

describe('Zero', () => {
  test('a limit of less than 1 MiB is a warning, in blocks of any size', () => {
    expect(faults('Zero', { blockLimits: limits({ maximumWriteSameLength: 2047n }) })).toEqual([
      'warning MAXIMUM WRITE SAME LENGTH (B0h): 2047 blocks, WSNZ 0',
    ])
    expect(faults('Zero', { blockLimits: limits({ maximumWriteSameLength: 2048n }) })).toEqual([])
    const large = capacity({ blockLength: 4096 })
    expect(faults('Zero', { capacity: large, blockLimits: limits({ maximumWriteSameLength: 256n }) })).toEqual([])
  })
  test('contradiction: Block Limits, LBPWS or LBPWS10 tell of a command that is not there', () => {
    const commands = reported('writeSame16', 'writeSame10')
    const told = { blockLimits: limits({ wsnz: true }), provisioning: provisioning({ lbpws: true, lbpws10: true }) }
    expect(faults('Zero', { commands, ...told })).toEqual([
      'missing WRITE SAME(16) (93h): not supported',
      'contradiction MAXIMUM WRITE SAME LENGTH (B0h): 0 blocks, WSNZ 1',
      'contradiction LBPWS (B2h): 1',
      'contradiction LBPWS10 (B2h): 1',
    ])
    const silent = { provisioning: provisioning({ lbpws: false }) }
    expect(faults('Zero', { commands, ...silent })).toEqual(['missing WRITE SAME(16) (93h): not supported'])
  })
})

describe('Delete', () => {
  test('a fully provisioned LUN, all of which agrees', () => {
    const thick = {
      commands: reported('unmap'),
      capacity: capacity({ lbpme: false, lbprz: false }),
      provisioning: provisioning({ lbpu: false, lbpws: false, lbprz: 0, provisioningType: 0 }),
      blockLimits: limits({ maximumUnmapLbaCount: 0, maximumUnmapBlockDescriptorCount: 0, ugavalid: false }),
    }
    expect(verdicts(thick)).toEqual({ ...ALL, Delete: 'unsupported' })
    expect(faults('Delete', thick)).toEqual([
      'missing UNMAP (42h): not supported',
      'missing LBPME (READ CAPACITY(16)): 0',
      'missing LBPU (B2h): 0',
      'missing MAXIMUM UNMAP LBA COUNT (B0h): 0 blocks',
      'missing MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT (B0h): 0',
    ])
  })
  test.each<[string, Partial<VaaiFacts>, string[]]>([
    [
      'UNMAP without limits',
      { blockLimits: limits({ maximumUnmapLbaCount: 0 }) },
      ['missing MAXIMUM UNMAP LBA COUNT (B0h): 0 blocks', 'contradiction MAXIMUM UNMAP LBA COUNT (B0h): 0'],
    ],
    [
      'limits, LBPU and LBPME without UNMAP',
      { commands: reported('unmap') },
      [
        'missing UNMAP (42h): not supported',
        'contradiction MAXIMUM UNMAP LBA COUNT (B0h): unbounded',
        'contradiction LBPU (B2h): 1',
      ],
    ],
    [
      'UNMAP without LBPU',
      { provisioning: provisioning({ lbpu: false }) },
      ['missing LBPU (B2h): 0', 'contradiction LBPU (B2h): 0'],
    ],
    [
      'LBPU without LBPME',
      { capacity: capacity({ lbpme: false }) },
      ['missing LBPME (READ CAPACITY(16)): 0', 'contradiction LBPME (READ CAPACITY(16)): 0'],
    ],
    [
      'LBPME of a fully provisioned LUN',
      { provisioning: provisioning({ provisioningType: 0 }) },
      ['contradiction provisioning type (B2h): 0, fully provisioned'],
    ],
    ['two kinds of LBPRZ', { capacity: capacity({ lbprz: false }) }, ['contradiction LBPRZ (B2h): 1']],
  ])('contradiction: %s', (_, changes, expected) => expect(faults('Delete', changes)).toEqual(expected))

  test('a granularity that does not divide 1 MiB, or is not aligned to it, is a warning', () => {
    expect(faults('Delete', { blockLimits: limits({ optimalUnmapGranularity: 3072 }) })).toEqual([
      'warning OPTIMAL UNMAP GRANULARITY (B0h): 3072 blocks, 1572864 bytes',
    ])
    expect(
      faults('Delete', { blockLimits: limits({ optimalUnmapGranularity: 8, unmapGranularityAlignment: 7 }) }),
    ).toEqual(['warning UNMAP GRANULARITY ALIGNMENT (B0h): 7 blocks'])
    const ignored = limits({ optimalUnmapGranularity: 8, unmapGranularityAlignment: 7, ugavalid: false })
    expect(faults('Delete', { blockLimits: ignored })).toEqual([])
    expect(faults('Delete', { blockLimits: limits({ optimalUnmapGranularity: 0 }) })).toEqual([])
  })
})

describe('what the primitives share', () => {
  const device = (changes: Partial<VaaiFacts>) => judge(changes).deviceChecks.filter(({ result }) => result !== 'ok')

  test('product identification: one for all disks of the array', () => {
    const told = [
      { lun: 0, vendor: 'ACME', product: 'DISK' },
      { lun: 1, vendor: 'ACME', product: 'OTHER' },
    ]
    expect(device({ products: { told } })).toEqual([
      {
        item: 'product identification',
        found: 'ACME DISK',
        result: 'warning',
        why: 'LUN 1 is ACME OTHER: ESXi wants one for all LUNs of an array',
      },
    ])
  })
  test('RESERVE(6) and RELEASE(6)', () => {
    expect(device({ commands: reported('release') })).toMatchObject([{ result: 'warning', found: 'not supported' }])
  })
})
