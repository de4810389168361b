// The device server (SAM-5 4.5.21): judges every command in a fixed order, each check a function of its own, and then lets
// its handler act. After that a handler never checks again what stands here.

import { cdbLength } from '../../protocol/scsi/commands/cdb.ts'
import { fieldPointer } from '../../protocol/scsi/field-pointer.ts'
import { type FieldPointer, SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import type { Position } from '../../protocol/wire/layout.ts'
import type { Command, CommandTable } from './command-table.ts'
import { StatusError } from './failures.ts'
import { carryOut } from './injection.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { UA_INTERLOCK } from './mode-pages.ts'
import type { Need } from './readiness.ts'
import type { Task } from './task.ts'

/** Judges the command and starts its handler. Throws what failureOf turns into a status. */
export function execute(table: CommandTable, task: Task, lu: LogicalUnit): void | Promise<void> {
  const { header, cdbOffset } = task
  const command = table.find(header, cdbOffset, lu)
  const { row } = command
  task.lu = lu
  task.row = row
  checkReservedBits(command, task)
  if (lu.unitAttentions.pending !== 0 && row.unitAttention === undefined) checkUnitAttention(task)
  if (lu.reservations.held && lu.reservations.refuse(task.nexus, row.reservation))
    throw new StatusError(STATUS.RESERVATION_CONFLICT)
  if (row.needs !== 'nothing') checkReadiness(row.needs, task)
  if (row.access === 'write' && lu.writeProtected) throw writeProtected(lu)
  if (command.protect) checkProtection(command.protect, task)
  if (command.dpo) checkDpoFua(command, task)
  if (row.zero !== undefined) checkZero(row.zero, task)
  if (row.removableOnly !== undefined && !lu.medium.removable) checkZero(row.removableOnly, task)
  if (command.lba) checkRange(command, command.lba, task)
  if (row.limit !== undefined) checkLimit(task, lu.limits[row.limit])
  lu.statistics.commands[row.access]++
  const { injector } = task.target
  return injector ? carryOut(task, injector) : row.run(task)
}

function checkReservedBits({ row }: Command, { header, cdbOffset }: Task): void {
  const set = row.wire.reservedBit(header, cdbOffset)
  if (set) throw invalidField({ in: 'cdb', ...set })
}

/** Through this port, and of the logical unit itself. */
function checkReadiness(need: Need, { lu, target, nexus }: Task): void {
  const refusal = target.portGroups.refusal(lu, nexus.targetPortGroupTag, need) ?? lu.readiness.refusal(need)
  if (refusal) throw refusal
}

function checkUnitAttention(task: Task): void {
  const { modes, unitAttentions } = task.lu
  const cleared = modes.unitAttentionInterlock === UA_INTERLOCK.CLEAR
  const condition = cleared ? unitAttentions.take(task.nexus) : unitAttentions.peek(task.nexus)
  if (condition) throw new SenseError(condition.sense, condition)
}

const writeProtected = (lu: LogicalUnit): SenseError =>
  new SenseError(lu.readOnly ? SENSE.WRITE_PROTECTED : SENSE.LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED)

/** No logical unit here is formatted with protection information (SBC-3 4.22). */
function checkProtection(protect: Position, { header, cdbOffset }: Task): void {
  if ((header[cdbOffset + protect.byte]! & 0xe0) !== 0)
    throw invalidField({ in: 'cdb', byte: protect.byte, bit: protect.bit })
}

/** Without the DPOFUA bit in MODE SENSE neither may be set (SBC-3 6.4.1). */
function checkDpoFua({ dpo, fua }: Command, task: Task): void {
  const byte = task.header[task.cdbOffset + 1]!
  task.fua = fua !== undefined && (byte & (1 << fua.bit)) !== 0
  if (task.lu.dpoFua) return
  if (dpo && (byte & (1 << dpo.bit)) !== 0) throw invalidField({ in: 'cdb', byte: 1, bit: dpo.bit })
  if (fua && task.fua) throw invalidField({ in: 'cdb', byte: 1, bit: fua.bit })
}

function checkZero(names: readonly string[], task: Task): void {
  const cdb = task.cdb as Readonly<Record<string, unknown>>
  for (const name of names) if (cdb[name]) throw invalidCdbField(task, name)
}

/**
 * Reads LBA and NUMBER OF LOGICAL BLOCKS and holds them against the capacity (SBC-3 4.5.2). An LBA beyond 2^53 is no longer
 * exact as a number, and far beyond any capacity all the same.
 */
function checkRange(command: Command, lba: Position, task: Task): void {
  const { header, cdbOffset, lu } = task
  const at = cdbOffset + lba.byte
  const first =
    lba.bits === 32
      ? header.readUInt32BE(at)
      : lba.bits === 64
        ? header.readUInt32BE(at) * 0x1_0000_0000 + header.readUInt32BE(at + 4)
        : header.readUIntBE(at, 3) & 0x1f_ffff
  const blocks = command.blocks ? readBlocks(header, cdbOffset, command.blocks) : 0
  if (first + blocks > lu.blocks)
    throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, {
      information: firstMissing(header, at, lba.bits, lu),
    })
  task.lba = first
  task.blocks = blocks
}

function readBlocks(header: Buffer, cdbOffset: number, { byte, bits }: Position): number {
  const at = cdbOffset + byte
  if (bits === 16) return header.readUInt16BE(at)
  if (bits === 32) return header.readUInt32BE(at)
  const blocks = header[at]!
  return blocks === 0 && cdbLength(header[cdbOffset]!) === 6 ? 256 : blocks // SBC-2 5.5: zero is 256
}

/** The first LBA of the range that does not exist, exact. */
function firstMissing(header: Buffer, at: number, bits: number, lu: LogicalUnit): bigint {
  const first = bits === 64 ? header.readBigUInt64BE(at) : 0n
  return first > BigInt(lu.blocks) ? first : BigInt(Math.max(lu.blocks, bits === 32 ? header.readUInt32BE(at) : 0))
}

function checkLimit(task: Task, blocks: number): void {
  if (blocks !== 0) requireAtMost(task, 'blocks', task.blocks, blocks)
}

/** A field of the CDB that this logical unit accepts only up to a limit that it advertises. */
export function requireAtMost(task: Task, field: string, value: number, limit: number): void {
  if (value > limit) throw invalidCdbField(task, field)
}

/** ILLEGAL REQUEST, INVALID FIELD IN CDB, with a pointer to the field of the command's layout. */
export function invalidCdbField(task: Task, name: string): SenseError {
  const field = fieldPointer(task.row.wire, name)
  if (!field) throw new RangeError(`${task.row.wire.name} has no field ${name}`)
  return invalidField(field)
}

/** The same for a byte of the parameter list. */
export function invalidParameter(byte: number, bit?: number): SenseError {
  return new SenseError(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, {
    field: bit === undefined ? { in: 'parameters', byte } : { in: 'parameters', byte, bit },
  })
}

const invalidField = (field: FieldPointer): SenseError => new SenseError(SENSE.INVALID_FIELD_IN_CDB, { field })
