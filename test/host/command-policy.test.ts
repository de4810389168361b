// What becomes of a command that has been answered (SAM-5 5.3, 5.14; SPC-4 4.5): done, sent again within a bound, or failed.

import { describe, expect, test } from 'vitest'
import { SENSE, type Sense, STATUS } from '../../protocol/index.ts'
import { newTries, type Tries, verdict } from '../../src/host/command-policy.ts'
import type { CommandResult } from '../../src/host/index.ts'

const SAFE = { repeatable: true, reserved: false }
const status = (code: number): CommandResult => ({ status: code, response: 0, data: Buffer.alloc(0) })
const check = (sense: Sense, more = {}): CommandResult => ({
  ...status(STATUS.CHECK_CONDITION),
  sense: { sense, ...more },
})

/** How often it is sent again before it fails. */
function timesAgain(result: CommandResult, situation = SAFE, tries: Tries = newTries()): number {
  for (let times = 0; times < 1000; times++) if (verdict(result, tries, situation).kind === 'failed') return times
  throw new Error('for ever')
}

describe('done', () => {
  test.each([status(STATUS.GOOD), status(STATUS.CONDITION_MET), check({ ...SENSE.NO_SENSE, key: 1 })])(
    '%o',
    (result) => {
      expect(verdict(result, newTries(), SAFE).kind).toBe('done')
    },
  )
})

describe('failed at once', () => {
  test.each([
    ['RESERVATION CONFLICT', status(STATUS.RESERVATION_CONFLICT)],
    ['CHECK CONDITION without sense data', status(STATUS.CHECK_CONDITION)],
    ['a target failure without a status', { ...status(STATUS.GOOD), response: 1 }],
    ['ILLEGAL REQUEST', check(SENSE.INVALID_FIELD_IN_CDB)],
    ['MISCOMPARE', check(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)],
    ['MEDIUM NOT PRESENT', check(SENSE.MEDIUM_NOT_PRESENT)],
    ['a deferred error, whatever it is', check(SENSE.POWER_ON_OCCURRED, { deferred: true })],
    ['another medium', check(SENSE.NOT_READY_TO_READY_CHANGE)],
    ['a reservation that was preempted', check(SENSE.REGISTRATIONS_PREEMPTED)],
  ])('%s', (_, result) => {
    expect(timesAgain(result)).toBe(0)
  })
})

describe('sent again', () => {
  test.each([
    status(STATUS.BUSY),
    status(STATUS.TASK_SET_FULL),
    check(SENSE.LOGICAL_UNIT_NOT_READY_SPACE_ALLOCATION_IN_PROGRESS),
  ])('with a backoff that grows to a bound, twenty times, also what may not run twice: %o', (result) => {
    const tries = newTries()
    const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(() => {
      const next = verdict(result, tries, { ...SAFE, repeatable: false })
      return next.kind === 'again' ? next.afterMs : undefined
    })
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000])
    expect(timesAgain(result, SAFE, tries)).toBe(11)
  })

  test('what the device server gave up, where it may run twice', () => {
    for (const result of [status(STATUS.TASK_ABORTED), check(SENSE.PROTOCOL_SERVICE_CRC_ERROR)]) {
      expect(timesAgain(result)).toBe(5)
      expect(timesAgain(result, { ...SAFE, repeatable: false })).toBe(0)
    }
  })

  test('unit attentions, also of what may not run twice, and each is told; sixteen, also of one kind', () => {
    const [reset, threshold] = [SENSE.POWER_ON_OCCURRED, SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED].map((sense) =>
      check(sense),
    ) as [CommandResult, CommandResult]
    const tries = newTries()
    const situation = { ...SAFE, repeatable: false }
    expect(verdict(reset, tries, situation)).toEqual({ kind: 'again', afterMs: 0, attention: reset.sense })
    expect(verdict(threshold, tries, situation)).toEqual({ kind: 'again', afterMs: 0, attention: threshold.sense })
    expect(timesAgain(reset, situation, tries)).toBe(14)
    expect(verdict(reset, tries, situation)).toEqual({ kind: 'failed', attention: reset.sense })
  })

  test('not past a reset while this nexus relies on its RESERVE', () => {
    const reserved = { ...SAFE, reserved: true }
    expect(timesAgain(check(SENSE.I_T_NEXUS_LOSS_OCCURRED), reserved)).toBe(0)
    expect(timesAgain(check(SENSE.MODE_PARAMETERS_CHANGED), reserved)).toBe(16)
  })
})
