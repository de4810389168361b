// The switch of each VAAI primitive: off means absent, not broken. Its operation codes, REPORT SUPPORTED OPERATION CODES, the
// VPD pages and the 3PC bit say so, from the start of an array and on a running one. The command table says what is whose.

import { describe, expect, test } from 'vitest'
import {
  BLOCK_LIMITS,
  decodeCommandSupport,
  decodeLogicalBlockProvisioning,
  decodeStandardInquiry,
  decodeSupportedCommands,
  INQUIRY,
  REPORTING_OPTIONS,
  REPORT_SUPPORTED_OPERATION_CODES as RSOC,
  SENSE,
  STATUS,
  SUPPORT,
  VPD_PAGE,
} from '../../protocol/index.ts'
import { type Command, CommandTable } from '../../src/target/command-table.ts'
import { COMMANDS } from '../../src/target/commands/index.ts'
import { arrayForTest, type LunInput, memory } from './array.ts'
import { type Disk, expectGood } from './disk.ts'
import { Load } from './load.ts'
import { change, news } from './reconfiguring.ts'

type Primitive = 'ats' | 'clone' | 'zero' | 'delete'
const PRIMITIVES: readonly Primitive[] = ['ats', 'clone', 'zero', 'delete']
const ALL: ReadonlySet<Primitive> = new Set(PRIMITIVES)
const NONE: ReadonlySet<Primitive> = new Set()

const TABLE = new CommandTable(COMMANDS)
const OPCODE_MAX = 0xff

/** What the switches are said to hide, so that a row without its switch is noticed. */
const OPERATION_CODES: Readonly<Record<Primitive, readonly number[]>> = {
  ats: [0x89],
  clone: [0x83, 0x84],
  zero: [0x41, 0x93],
  delete: [0x42],
}

const without = (...off: Primitive[]): ReadonlySet<Primitive> => new Set(PRIMITIVES.filter((one) => !off.includes(one)))

const lun = (on: ReadonlySet<Primitive>): LunInput =>
  memory({
    vaai: Object.fromEntries(PRIMITIVES.map((one) => [one, on.has(one)])),
    limits: { writeSameBlocks: 4096, writeSameZeroMeansEnd: false },
  })

const key = ({ opcode, serviceAction }: { opcode: number; serviceAction?: number | undefined }): string =>
  `${opcode.toString(16)}/${serviceAction?.toString(16) ?? ''}`

const isOn = ({ row }: Command, on: ReadonlySet<Primitive>): boolean => row.vaai === undefined || on.has(row.vaai)

async function inquire(disk: Disk, pageCode?: number): Promise<Buffer> {
  const page = pageCode === undefined ? {} : { evpd: true, pageCode }
  return expectGood(await disk.run(INQUIRY, { ...page, allocationLength: 4096 }, { dataInLength: 4096 })).data
}

const vpdPages = async (disk: Disk): Promise<number[]> => [
  ...(await inquire(disk, VPD_PAGE.SUPPORTED_PAGES)).subarray(4),
]

/** Everything that tells of a primitive tells the same. */
async function expectPrimitives(disk: Disk, on: ReadonlySet<Primitive>): Promise<void> {
  expect(decodeStandardInquiry(await inquire(disk)).threePc).toBe(on.has('clone'))
  expect((await vpdPages(disk)).includes(VPD_PAGE.THIRD_PARTY_COPY)).toBe(on.has('clone'))
  const refused = await disk.run(
    INQUIRY,
    { evpd: true, pageCode: VPD_PAGE.THIRD_PARTY_COPY, allocationLength: 255 },
    { dataInLength: 255 },
  )
  expect(refused.status).toBe(on.has('clone') ? STATUS.GOOD : STATUS.CHECK_CONDITION)
  expect(BLOCK_LIMITS.decode(await inquire(disk, VPD_PAGE.BLOCK_LIMITS))).toMatchObject({
    maximumCompareAndWriteLength: on.has('ats') ? 255 : 0,
    wsnz: on.has('zero'),
    maximumWriteSameLength: on.has('zero') ? 4096n : 0n,
    maximumUnmapLbaCount: on.has('delete') ? 0xffff_ffff : 0,
    maximumUnmapBlockDescriptorCount: on.has('delete') ? 256 : 0,
    ugavalid: on.has('delete') || on.has('zero'),
  })
  expect(decodeLogicalBlockProvisioning(await inquire(disk, VPD_PAGE.LOGICAL_BLOCK_PROVISIONING))).toMatchObject({
    lbpu: on.has('delete'),
    lbpws: on.has('zero'),
    lbpws10: on.has('zero'),
    ancSup: on.has('delete') || on.has('zero'),
  })
  await expectCommands(disk, on)
}

async function expectCommands(disk: Disk, on: ReadonlySet<Primitive>): Promise<void> {
  const { data } = expectGood(await disk.run(RSOC, { allocationLength: 8192 }, { dataInLength: 8192 }))
  expect(decodeSupportedCommands(data).map(key)).toEqual(TABLE.rows.filter((command) => isOn(command, on)).map(key))
  for (const command of TABLE.rows) {
    if (command.row.vaai === undefined) continue
    expect([key(command), await reportedAlone(disk, command)]).toEqual([key(command), isOn(command, on)])
    if (!isOn(command, on)) await expectAbsent(disk, command, on)
  }
}

async function reportedAlone(disk: Disk, { opcode, serviceAction }: Command): Promise<boolean> {
  const cdb = {
    reportingOptions: REPORTING_OPTIONS.ONE_COMMAND_EITHER,
    requestedOperationCode: opcode,
    requestedServiceAction: serviceAction ?? 0,
    allocationLength: 255,
  }
  const { support } = decodeCommandSupport(expectGood(await disk.run(RSOC, cdb, { dataInLength: 255 })).data)
  return support !== SUPPORT.NOT_SUPPORTED
}

/** INVALID COMMAND OPERATION CODE; where another command shares the operation code, the service action is what is invalid. */
async function expectAbsent(disk: Disk, command: Command, on: ReadonlySet<Primitive>): Promise<void> {
  const { sense } = await disk.send(command.row.wire.encode({} as never))
  const shared = TABLE.rows.some((other) => other.opcode === command.opcode && isOn(other, on))
  const field = command.opcode === 0x7f ? { in: 'cdb', byte: 8 } : { in: 'cdb', byte: 1, bit: 4 }
  expect([key(command), sense]).toEqual([
    key(command),
    shared
      ? { sense: SENSE.INVALID_FIELD_IN_CDB, field }
      : { sense: SENSE.INVALID_COMMAND_OPERATION_CODE, field: { in: 'cdb', byte: 0 } },
  ])
}

test.each(PRIMITIVES)('%s: every row of its operation codes carries the switch', (primitive) => {
  for (const { opcode, row } of TABLE.rows)
    if (OPERATION_CODES[primitive].includes(opcode))
      expect([row.wire.name, row.vaai]).toEqual([row.wire.name, primitive])
  for (let opcode = 0; opcode <= OPCODE_MAX; opcode++) {
    const rows = TABLE.rows.filter((command) => command.opcode === opcode)
    if (opcode !== 0x7f && rows.some(({ row }) => row.vaai === primitive))
      expect(OPERATION_CODES[primitive]).toContain(opcode)
  }
})

describe('from the start of the array', () => {
  test.each<[string, ReadonlySet<Primitive>]>([
    ['all on', ALL],
    ...PRIMITIVES.map((off): [string, ReadonlySet<Primitive>] => [`${off} off`, without(off)]),
    ['delete and zero off', without('delete', 'zero')],
    ['all off', NONE],
  ])('%s', async (_, on) => {
    const array = await arrayForTest([lun(on)])
    await expectPrimitives(await array.disk(), on)
  })
})

describe('on the running array, while sessions go on', () => {
  test.each(PRIMITIVES)('%s off and on again', async (primitive) => {
    const array = await arrayForTest([lun(ALL)])
    const [disk, loaded] = [await array.disk(), await array.disk()]
    const load = new Load(loaded)
    await expectPrimitives(disk, ALL)
    for (const on of [without(primitive), ALL]) {
      const state = on.has(primitive)
      expect(await change(array, [lun(on)])).toEqual([`${array.iqn} LUN 0: vaai.${primitive} ${!state} -> ${state}`])
      expect(await news(disk)).toEqual([SENSE.INQUIRY_DATA_HAS_CHANGED])
      await expectPrimitives(disk, on)
      await load.moves()
    }
    await load.stop()
    expect(load.news).toEqual([SENSE.INQUIRY_DATA_HAS_CHANGED, SENSE.INQUIRY_DATA_HAS_CHANGED])
  })

  test('all at once, and one by one again', async () => {
    const array = await arrayForTest([lun(ALL)])
    const disk = await array.disk()
    for (const on of [NONE, new Set<Primitive>(['ats']), without('delete'), ALL]) {
      await change(array, [lun(on)])
      expect(await news(disk)).toEqual([SENSE.INQUIRY_DATA_HAS_CHANGED])
      await expectPrimitives(disk, on)
    }
  })
})
