// Writes what a ROD token stands for into ranges of a logical unit (SBC-3 4.28): run by run, from wherever the token's data
// and the ranges have their borders. Zeroes are written where the token stands for zeroes.

import { AbortedError } from '../../luns/errors.ts'
import { SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import { OperationStopped } from './copy-conductor.ts'
import type { CopyOperation } from './copy-operations.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { LivingToken, RodRun } from './rod-tokens.ts'

/** Copies from `start` bytes into the token's data on, into `runs` of the logical unit, which are not longer than the rest. */
export async function copyFromToken(
  source: LivingToken,
  start: number,
  lu: LogicalUnit,
  runs: readonly RodRun[],
  operation: CopyOperation,
): Promise<void> {
  const stop = (): boolean =>
    operation.stopped || source.revoked || !source.lu.readiness.mediumReady || !lu.readiness.mediumReady
  for (const { from, to, length } of pairs(source.runs, start, runs)) {
    const before = operation.transferred
    const progress = (bytes: number): void => {
      operation.transferred = before + bytes
      operation.steps++
    }
    try {
      const copying = lu.gate.copyFrom(source.lu.gate, from, to, length, { stop, progress })
      await lu.background.letEnd(source.lu.background.letEnd(copying, operation), operation)
    } catch (error) {
      if (!(error instanceof AbortedError)) throw error
    }
    if (operation.stopped) throw new OperationStopped()
    // Also what was copied last may be the new data.
    if (source.revoked) throw new SenseError(SENSE.TOKEN_REVOKED)
    requireReady(source.lu)
    requireReady(lu)
  }
  await settle(lu)
}

export async function writeZeroes(lu: LogicalUnit, runs: readonly RodRun[], operation: CopyOperation): Promise<void> {
  const block = Buffer.alloc(lu.blockSize)
  const stop = (): boolean => operation.stopped || !lu.readiness.mediumReady
  for (const { offset, length } of runs) {
    try {
      const writing = lu.gate.writeSame(block, offset, length, { unmap: lu.thin, fua: false, stop })
      await lu.background.letEnd(writing, operation)
    } catch (error) {
      if (!(error instanceof AbortedError)) throw error
    }
    if (operation.stopped) throw new OperationStopped()
    requireReady(lu)
    operation.transferred += length
    operation.steps++
  }
  await settle(lu)
}

/** A unit may have been ejected, or a SANITIZE of it begun, while the copy ran. */
function requireReady(lu: LogicalUnit): void {
  const refusal = lu.readiness.refusal('medium')
  if (refusal) throw refusal
}

async function settle(lu: LogicalUnit): Promise<void> {
  if (!lu.modes.writeCache) await lu.gate.flush()
}

interface Pair {
  readonly from: number
  readonly to: number
  readonly length: number
}

/** Cuts both lists of runs into pieces that lie in one run of each. */
function* pairs(sources: readonly RodRun[], start: number, destinations: readonly RodRun[]): Generator<Pair, void> {
  let index = 0
  let within = start
  for (const { offset, length } of destinations) {
    for (let done = 0; done < length; ) {
      const source = sources[index]!
      if (within >= source.length) {
        within -= source.length
        index++
        continue
      }
      const count = Math.min(source.length - within, length - done)
      yield { from: source.offset + within, to: offset + done, length: count }
      within += count
      done += count
    }
  }
}
