// What dispatch derives from the command table once: rows by operation code and service action, and where in the CDB the
// fields stand that are judged before every handler.

import { operationCode, serviceAction } from '../../protocol/scsi/commands/cdb.ts'
import { SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import type { Position } from '../../protocol/wire/layout.ts'
import type { CommandRow } from './commands/row.ts'
import type { LogicalUnit } from './logical-unit.ts'

export interface Command {
  readonly row: CommandRow
  readonly opcode: number
  readonly serviceAction: number | undefined
  readonly lba: Position | undefined
  readonly blocks: Position | undefined
  /** Fields that ask for protection information, which no logical unit has: any but zero is refused. */
  readonly protect: Position | undefined
  readonly dpo: Position | undefined
  readonly fua: Position | undefined
}

export class CommandTable {
  readonly rows: readonly Command[]
  readonly #byOpcode: (Command | Map<number, Command> | undefined)[] = new Array(256).fill(undefined)

  constructor(rows: readonly CommandRow[]) {
    this.rows = rows.map(prepare)
    for (const command of this.rows) this.#add(command)
  }

  /** The command of a CDB, as far as the logical unit has it. Throws the sense that SPC-4 4.3 asks for where it has not. */
  find(cdb: Buffer, offset: number, lu: LogicalUnit): Command {
    const entry = this.#byOpcode[cdb[offset]!]
    if (entry === undefined) throw new SenseError(SENSE.INVALID_COMMAND_OPERATION_CODE, OPERATION_CODE)
    if (!(entry instanceof Map)) {
      if (isOffered(entry.row, lu)) return entry
      throw new SenseError(SENSE.INVALID_COMMAND_OPERATION_CODE, OPERATION_CODE)
    }
    const command = entry.get(cdb[offset + 1]! & 0x1f)
    if (command && isOffered(command.row, lu)) return command
    const none = ![...entry.values()].some((c) => isOffered(c.row, lu))
    if (none) throw new SenseError(SENSE.INVALID_COMMAND_OPERATION_CODE, OPERATION_CODE)
    throw new SenseError(SENSE.INVALID_FIELD_IN_CDB, SERVICE_ACTION)
  }

  /** Every command that the logical unit has, by operation code and service action. */
  offered(lu: LogicalUnit): Command[] {
    return this.rows.filter((command) => isOffered(command.row, lu))
  }

  #add(command: Command): void {
    const { opcode, serviceAction: action } = command
    if (action === undefined) this.#byOpcode[opcode] = command
    else {
      const actions = this.#byOpcode[opcode] ?? new Map<number, Command>()
      if (!(actions instanceof Map)) throw new RangeError(`${command.row.wire.name}: operation code taken`)
      this.#byOpcode[opcode] = actions.set(action, command)
    }
  }
}

const OPERATION_CODE = { field: { in: 'cdb', byte: 0 } } as const
/** Five bits of byte 1 in every CDB that has one (SPC-4 4.3.5.2). */
const SERVICE_ACTION = { field: { in: 'cdb', byte: 1, bit: 4 } } as const

function isOffered(row: CommandRow, lu: LogicalUnit): boolean {
  if (row.vaai !== undefined && !lu.vaai[row.vaai]) return false
  if (row.absentWithout !== undefined && lu.limits[row.absentWithout] === 0) return false
  return row.thinOnly === undefined || lu.thin
}

function prepare(row: CommandRow): Command {
  const { wire } = row
  return {
    row,
    opcode: operationCode(wire),
    serviceAction: serviceAction(wire),
    lba: wire.find('lba'),
    blocks: wire.find('blocks'),
    protect: wire.find('rdprotect') ?? wire.find('wrprotect') ?? wire.find('vrprotect') ?? wire.find('orprotect'),
    dpo: wire.find('dpo'),
    fua: wire.find('fua'),
  }
}
