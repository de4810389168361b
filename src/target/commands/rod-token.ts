// POPULATE TOKEN (SBC-3 5.7), which makes a ROD token of ranges of the logical unit, and WRITE USING TOKEN (SBC-3 5.46), which
// writes what a token stands for. What they have done is told by RECEIVE ROD TOKEN INFORMATION.

import { randomBytes } from 'node:crypto'
import type { POPULATE_TOKEN, WRITE_USING_TOKEN } from '../../../protocol/scsi/commands/rod-token.ts'
import { ASSOCIATION, scsiName } from '../../../protocol/scsi/designator.ts'
import {
  decodeRodToken,
  encodeRodToken,
  ROD_TOKEN_LENGTH,
  ROD_TOKEN_SECRET_BYTES,
  ROD_TYPE,
} from '../../../protocol/scsi/rod-token.ts'
import {
  type BlockRange,
  decodePopulateTokenList,
  decodeWriteUsingTokenList,
  POPULATE_TOKEN_FIELDS,
  populateRangeOffset,
  RANGE_DESCRIPTOR_LENGTH_BYTE,
  WRITE_USING_TOKEN_FIELDS,
  type WriteUsingTokenList,
  writeRangeOffset,
} from '../../../protocol/scsi/rod-token-lists.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { STATUS } from '../../../protocol/scsi/status.ts'
import { conduct, OperationStopped } from '../copy-conductor.ts'
import { CREATABLE_ROD_TYPES, ROD_LIMITS } from '../copy-parameters.ts'
import { invalidParameter } from '../device-server.ts'
import { StatusError } from '../failures.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { copyFromToken, writeZeroes } from '../rod-copy.ts'
import type { LivingToken, RodRun } from '../rod-tokens.ts'
import type { Task } from '../task.ts'
import { unitDesignators } from '../vpd-pages.ts'
import { decodeParameters, parameterList } from './parameters.ts'

const MS = 1000

export async function populateToken(task: Task<typeof POPULATE_TOKEN>): Promise<void> {
  const { lu, target, cdb } = task
  if (cdb.parameterListLength === 0) return
  const source = await parameterList(task, cdb.parameterListLength)
  const list = decodeParameters(() => decodePopulateTokenList(source))
  const { defaultInactivitySeconds, maximumInactivitySeconds } = ROD_LIMITS
  if (list.inactivityTimeout > maximumInactivitySeconds)
    throw invalidParameter(POPULATE_TOKEN_FIELDS.inactivityTimeout.byte)
  // Without ROD TYPE VALID the copy manager chooses.
  const asked = list.rtv ? list.rodType : ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE
  const type = CREATABLE_ROD_TYPES.get(asked)
  if (type === undefined) throw invalidParameter(POPULATE_TOKEN_FIELDS.rodType.byte)
  const runs = judgeRanges(lu, list.ranges, RANGE_DESCRIPTOR_LENGTH_BYTE.populate, populateRangeOffset)
  const timeoutMs = (list.inactivityTimeout || defaultInactivitySeconds) * MS
  await conduct({ task, listId: cdb.listId, immed: list.immed }, async (operation) => {
    const watch = await lu.gate.watch(runs)
    if (operation.stopped || !target.rodTokens.makeRoom()) {
      watch.stop()
      if (operation.stopped) throw new OperationStopped()
      throw new SenseError(SENSE.INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN)
    }
    const bytes = lengthOf(runs)
    const rod = { lu, runs, bytes, timeoutMs, watch }
    operation.token = target.rodTokens.add(rod, (identifier) => newToken(task, type, identifier, bytes))
    operation.transferred = bytes
  })
}

function newToken({ lu, target }: Task, type: number, identifier: Buffer, bytes: number): Buffer {
  return encodeRodToken({
    type,
    identifier,
    creator: {
      luIdType: 0,
      nul: false,
      peripheralDeviceType: 0,
      relativeInitiatorPortId: 0,
      designator: unitDesignators(lu).at(-1)!,
      pad: false,
      blockLength: lu.blockSize,
    },
    representedBytes: BigInt(bytes),
    blockLength: lu.blockSize,
    logicalBlocksPerPhysicalExponent: Math.log2(lu.physicalBlockSize / lu.blockSize),
    lbpme: lu.thin,
    lbprz: lu.thin,
    targetDevice: scsiName(target.iqn, ASSOCIATION.TARGET_DEVICE),
    secret: randomBytes(ROD_TOKEN_SECRET_BYTES),
  })
}

export async function writeUsingToken(task: Task<typeof WRITE_USING_TOKEN>): Promise<void> {
  const { lu, cdb } = task
  if (cdb.parameterListLength === 0) return
  const source = await parameterList(task, cdb.parameterListLength)
  const list = decodeParameters(() => decodeWriteUsingTokenList(source))
  const runs = judgeRanges(lu, list.ranges, RANGE_DESCRIPTOR_LENGTH_BYTE.write, writeRangeOffset)
  const request = { task, listId: cdb.listId, immed: list.immed }
  if (isZeroToken(list.token)) return conduct(request, (operation) => writeZeroes(lu, runs, operation))
  const token = findToken(task, list.token)
  const { start, reached } = judgeUse(lu, list, runs, token)
  const { rodTokens } = task.target
  return conduct(request, async (operation) => {
    rodTokens.begin(token)
    try {
      await copyFromToken(token, start, lu, reached, operation)
      operation.partial = lengthOf(reached) < lengthOf(runs)
    } finally {
      rodTokens.end(token)
    }
    if (list.delTkn) rodTokens.delete(token)
  })
}

/** Also one whose rest is not zero: it stands for nothing that could be altered. */
function isZeroToken(token: Buffer): boolean {
  const { type, length } = decodeRodToken(token)
  if (type !== ROD_TYPE.BLOCK_DEVICE_ZERO) return false
  if (length !== ROD_TOKEN_LENGTH) throw new SenseError(SENSE.INVALID_TOKEN_LENGTH)
  return true
}

/** What the initiator may not read by itself is not read for it, whoever gave it the token. */
function findToken({ target, nexus }: Task, token: Buffer): LivingToken {
  const found = target.rodTokens.find(token, target.units)
  if ('key' in found) throw new SenseError(found)
  const { lu } = found
  if (!target.visible(nexus).includes(lu)) throw new SenseError(SENSE.TOKEN_UNKNOWN)
  if (lu.refuses(nexus, 'read')) throw new StatusError(STATUS.RESERVATION_CONFLICT)
  const refusal = lu.readiness.refusal('medium')
  if (refusal) throw refusal
  return found
}

/**
 * Where in the token's data the copy starts, in bytes, and what of the ranges it reaches: as much is written as the token
 * stands for (SBC-4 5.59.2).
 */
function judgeUse(
  lu: LogicalUnit,
  { offsetIntoRod }: WriteUsingTokenList,
  runs: readonly RodRun[],
  token: LivingToken,
): { start: number; reached: readonly RodRun[] } {
  if (token.lu.blockSize !== lu.blockSize) throw new SenseError(SENSE.INVALID_TOKEN_OPERATION_CAUSE_NOT_REPORTABLE)
  if (offsetIntoRod * BigInt(lu.blockSize) >= BigInt(token.bytes))
    throw invalidParameter(WRITE_USING_TOKEN_FIELDS.offsetIntoRod.byte)
  const start = Number(offsetIntoRod) * lu.blockSize
  let left = token.bytes - start
  const reached = runs.map(({ offset, length }) => {
    const run = { offset, length: Math.min(length, left) }
    left -= run.length
    return run
  })
  // What it stands for would change while it is copied.
  const over = token.lu === lu ? reached.findIndex((run) => token.runs.some((one) => overlap(one, run))) : -1
  if (over >= 0) throw invalidParameter(writeRangeOffset(over))
  return { start, reached }
}

/** The ranges as runs of bytes: inside the logical unit, not too many, none over another (SBC-3 5.7.3). */
function judgeRanges(
  lu: LogicalUnit,
  ranges: readonly BlockRange[],
  lengthByte: number,
  offsetOf: (index: number) => number,
): RodRun[] {
  if (ranges.length > ROD_LIMITS.rangeDescriptors)
    throw new SenseError(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS, { field: { in: 'parameters', byte: lengthByte } })
  const runs: RodRun[] = []
  for (const [index, { lba, blocks }] of ranges.entries()) {
    if (lba + BigInt(blocks) > BigInt(lu.blocks))
      throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, {
        information: lba > BigInt(lu.blocks) ? lba : lu.blocks,
      })
    const run = { offset: Number(lba) * lu.blockSize, length: blocks * lu.blockSize }
    if (runs.some((earlier) => overlap(earlier, run))) throw invalidParameter(offsetOf(index))
    runs.push(run)
  }
  return runs
}

const overlap = (a: RodRun, b: RodRun): boolean =>
  Math.max(a.offset, b.offset) < Math.min(a.offset + a.length, b.offset + b.length)

const lengthOf = (runs: readonly RodRun[]): number => runs.reduce((sum, { length }) => sum + length, 0)
