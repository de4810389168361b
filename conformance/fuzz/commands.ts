// Every command of the table with fields that make sense, and now and then with some that do not.

import * as CDB from '../../protocol/scsi/commands/index.ts'
import type { Field } from '../../protocol/wire/fields.ts'
import type { Layout } from '../../protocol/wire/layout.ts'
import { mutated } from './mutation.ts'
import { LIST_IDS, PARAMETER_LISTS, REPAIRING_LISTS, someLba } from './parameter-lists.ts'
import type { Random } from './random.ts'
import type { FuzzedUnit, World } from './world.ts'

export interface FuzzedCommand {
  readonly name: string
  readonly unit: FuzzedUnit
  readonly cdb: Buffer
  /** Empty for a command that sends nothing. */
  readonly dataOut: Buffer
  /** What it may return, in bytes. */
  readonly dataIn: number
}

const LAYOUTS = Object.values(CDB).filter((value) => typeof value === 'object' && 'usage' in value) as readonly Layout[]
const BLOCK_COUNTS = [0, 1, 1, 8, 8, 64, 600, 2100]
const ALLOCATIONS = [0, 4, 8, 36, 96, 255, 512, 1024, 4096, 65_535]
const MANAGED_BUFFER_MODES = [0, 2, 3, 10, 11]

/**
 * A reserved, formatted or write-protected logical unit has little to do, and neither has one whose port is unavailable: these
 * come seldom, and `repairs` takes them back.
 */
const SELDOM =
  /^(RESERVE|FORMAT|SANITIZE|START STOP|PREVENT|MODE SELECT|SET TARGET PORT|PERSISTENT RESERVE OUT, (RES|PRE))/

export function fuzzedCommand(random: Random, world: World): FuzzedCommand {
  const layout = random.chance(0.35) ? random.pick(TRANSFERS) : pickLayout(random)
  return build(layout, random, world, random.pick(world.units))
}

const TRANSFERS: readonly Layout[] = [CDB.READ_16, CDB.WRITE_16, CDB.READ_10, CDB.WRITE_10]

function pickLayout(random: Random): Layout {
  const layout = random.pick(LAYOUTS)
  return SELDOM.test(layout.name) && random.chance(0.85) ? random.pick(LAYOUTS) : layout
}

function build(layout: Layout, random: Random, world: World, unit: FuzzedUnit): FuzzedCommand {
  const values = randomFields(layout, random, unit)
  const blocks = Number(values.blocks ?? 0)
  const make = PARAMETER_LISTS[layout.name]
  let dataOut = make?.({ random, world, unit, blocks }) ?? Buffer.alloc(0)
  if (make && dataOut.length < 10_000 && random.chance(0.1)) dataOut = mutated(dataOut, random)
  if (layout.find('parameterListLength') && random.chance(0.95))
    values.parameterListLength = bounded(layout, dataOut.length)
  const returned = Number(values.allocationLength ?? (layout.name.startsWith('READ(') ? blocks * unit.blockSize : 512))
  const cdb = Buffer.alloc(16)
  layout.encode(values as never, cdb)
  // Bits that are reserved are refused: most of the time nothing else would be tried.
  if (random.chance(0.03)) cdb[1 + random.below(layout.size - 1)]! ^= 1 << random.below(8)
  return { name: layout.name, unit, cdb, dataOut, dataIn: make ? 0 : returned }
}

const bounded = (layout: Layout, length: number): number =>
  Math.min(length, 2 ** layout.find('parameterListLength')!.bits - 1)

function randomFields(layout: Layout, random: Random, unit: FuzzedUnit): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const field of layout.fields) {
    const value = randomValue(field, random, unit)
    if (value !== undefined) values[field.name] = value
  }
  if (layout.name.startsWith('MODE SELECT')) values.pf = true
  if (layout.name === 'FORMAT UNIT')
    Object.assign(values, { fmtData: true, longList: false, fmtpinfo: 0, defectListFormat: 0 })
  return values
}

function randomValue(field: Field, random: Random, unit: FuzzedUnit): unknown {
  if (field.kind === 'flag') return random.chance(field.name === 'immed' ? 0.7 : 0.12)
  if (field.kind !== 'uint' && field.kind !== 'bigint') return undefined
  const value = wanted(field.name, random, unit)
  if (field.kind === 'bigint') return BigInt(value)
  return Number(BigInt(value) % 2n ** BigInt(field.bits))
}

function wanted(name: string, random: Random, unit: FuzzedUnit): number | bigint {
  if (name === 'lba') return someLba({ random, unit })
  if (name === 'blocks') return random.pick(BLOCK_COUNTS)
  if (name === 'allocationLength') return random.pick(ALLOCATIONS)
  if (name === 'listId') return random.pick(LIST_IDS)
  if (name === 'mode') return random.pick(MANAGED_BUFFER_MODES)
  if (name === 'type') return random.pick([1, 3, 5, 6, 7, 8, 15])
  if (name === 'pageCode') return random.below(64) // of VPD, modes and logs
  return random.chance(0.85) ? 0 : random.below(2 ** 31)
}

/** What brings a spoilt logical unit back, in this order. */
export function repairs(random: Random, world: World): FuzzedCommand[] {
  const unit = random.pick(world.units)
  const { keyOne, modes, activePortGroups } = REPAIRING_LISTS
  const command = (
    layout: Layout,
    values: Record<string, unknown> = {},
    dataOut: Buffer = Buffer.alloc(0),
  ): FuzzedCommand => {
    const cdb = Buffer.alloc(16)
    const length = layout.find('parameterListLength') ? { parameterListLength: dataOut.length } : {}
    layout.encode({ ...values, ...length } as never, cdb)
    return { name: layout.name, unit, cdb, dataOut, dataIn: 0 }
  }
  return [
    command(CDB.SET_TARGET_PORT_GROUPS, {}, activePortGroups(world)),
    command(CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, {}, keyOne),
    command(CDB.PERSISTENT_RESERVE_OUT_CLEAR, {}, keyOne),
    command(CDB.PREVENT_ALLOW_MEDIUM_REMOVAL),
    command(CDB.START_STOP_UNIT, { loej: true, start: true }),
    command(CDB.START_STOP_UNIT, { start: true }),
    command(CDB.SANITIZE_EXIT_FAILURE_MODE),
    command(CDB.MODE_SELECT_10, { pf: true }, modes),
  ]
}
