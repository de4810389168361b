// The numbers of commands over several connections (RFC 7143 4.2.2): a gap that ABORT TASK closes, and the window that early
// commands fill.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  distance,
  INITIATOR_OPCODE,
  lessThan,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  TASK_MANAGEMENT_RESPONSE_CODE as TMF_RESPONSE,
} from '../../protocol/index.ts'
import { CommandWindow } from '../../src/target/command-window.ts'
import { two, write } from './ordering.ts'
import type { RawInitiator } from './raw.ts'
import { expectUp, send } from './tasks.ts'

const { NOP_OUT } = INITIATOR_OPCODE
const { NOP_IN, TASK_MANAGEMENT_RESPONSE } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

/** ExpCmdSN and MaxCmdSN as a connection hears them. */
async function windowOf(raw: RawInitiator): Promise<{ expCmdSn: number; maxCmdSn: number }> {
  const initiatorTaskTag = raw.takeTag()
  raw.send(NOP_OUT, { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn })
  return (await raw.take(NOP_IN)).header
}

describe('gaps', () => {
  test('ABORT TASK with the RefCmdSN of a command that never comes: function complete, the others go on', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    const early = b.command(TUR, { cmdSn: first + 1 })
    await b.expectSilence(20)
    a.cmdSn = first + 2
    const tag = send(a, TASK_MANAGEMENT_FUNCTION.ABORT_TASK, { referencedTaskTag: 12345, refCmdSn: first })
    const { header } = await a.take(TASK_MANAGEMENT_RESPONSE)
    expect(header).toMatchObject({ initiatorTaskTag: tag, response: TMF_RESPONSE.FUNCTION_COMPLETE })
    expect(header.expCmdSn).toBe(first + 2)
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag: early, status: STATUS.GOOD })
    a.command(TUR, { cmdSn: first }) // it comes after all: too late
    await a.expectSilence(20)
    a.expStatSn++
    await expectUp(a)
  })

  test('one in the middle is plugged before its turn', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    b.command(TUR, { cmdSn: first + 2 })
    a.cmdSn = first + 3
    send(a, TASK_MANAGEMENT_FUNCTION.ABORT_TASK, { referencedTaskTag: 12345, refCmdSn: first + 1 })
    const { header } = await a.take(TASK_MANAGEMENT_RESPONSE)
    expect(header).toMatchObject({ response: TMF_RESPONSE.FUNCTION_COMPLETE, expCmdSn: first })
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.status).toBe(STATUS.GOOD)
    expect((await b.response()).header).toMatchObject({ status: STATUS.GOOD, expCmdSn: first + 3 })
  })

  test.each([
    ['that has passed', -1],
    ['outside the window', 100_000],
    ['of the function itself, and after it', 2],
  ])('RefCmdSN %s: task does not exist', async (_, offset) => {
    const { a } = await two()
    const first = a.cmdSn
    a.cmdSn = first + 2
    send(a, TASK_MANAGEMENT_FUNCTION.ABORT_TASK, { referencedTaskTag: 12345, refCmdSn: (first + offset) >>> 0 })
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject({
      response: TMF_RESPONSE.TASK_DOES_NOT_EXIST,
      expCmdSn: first,
    })
  })

  test('a command that is aborted before its turn is not carried out, and leaves no gap', async () => {
    const { store, a, b, built } = await two()
    const first = a.cmdSn
    const referencedTaskTag = write(b, first + 1, 0, 9)
    const after = write(b, first + 2, 1, 1)
    await b.expectSilence(20)
    a.cmdSn = first + 3
    send(a, TASK_MANAGEMENT_FUNCTION.ABORT_TASK, { referencedTaskTag, refCmdSn: first + 1 })
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header.response).toBe(TMF_RESPONSE.FUNCTION_COMPLETE)
    a.command(TUR, { cmdSn: first })
    await a.response()
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag: after, expCmdSn: first + 3 })
    await b.expectSilence(20)
    expect(store.writes).toEqual([{ offset: 512, length: 512 }])
    await built.close()
    expect(built.host.pool.used).toBe(0)
  })
})

describe('the window', () => {
  test('early commands fill it and no more; what is outside or there already is dropped; MaxCmdSN never goes back', async () => {
    const { a, b } = await two()
    const { expCmdSn: first, maxCmdSn } = await windowOf(a)
    const size = distance(first, maxCmdSn) + 1
    for (let n = 1; n < size + 20; n++) b.command(TUR, { cmdSn: first + n })
    b.command(TUR, { cmdSn: first + 1, initiatorTaskTag: 9_999_999 })
    expect(await windowOf(b)).toMatchObject({ expCmdSn: first, maxCmdSn })
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.status).toBe(STATUS.GOOD)
    let last = maxCmdSn
    for (let n = 1; n < size; n++) {
      const { header } = await b.response()
      expect(header).toMatchObject({ status: STATUS.GOOD, expCmdSn: first + n + 1 })
      expect(lessThan(header.maxCmdSn, last)).toBe(false)
      last = header.maxCmdSn
    }
    await b.expectSilence(30)
    expect(await windowOf(a)).toMatchObject({ expCmdSn: first + size, maxCmdSn: last })
    a.cmdSn = first + size
    await expectUp(a)
  })

  test('commands that run take their places on every connection', async () => {
    const { store, a, b } = await two()
    const { expCmdSn, maxCmdSn } = await windowOf(a)
    store.hold()
    for (let n = 0; n < 10; n++) write(n % 2 ? a : b, a.cmdSn++, n, n)
    await store.untilWaiting(10)
    for (const raw of [a, b]) expect(await windowOf(raw)).toMatchObject({ expCmdSn: expCmdSn + 10, maxCmdSn })
    store.release()
    for (let n = 0; n < 10; n++) expect((await (n % 2 ? a : b).response()).header.status).toBe(STATUS.GOOD)
    expect((await windowOf(a)).maxCmdSn).toBe(maxCmdSn + 10)
  })

  test('pure: whatever the order in which numbers come, each is delivered once and in its turn, across the wrap', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(32).keys()], { minLength: 32 }), fc.nat(40), (order, before) => {
        const start = (0x1_0000_0000 - before) >>> 0
        const window = new CommandWindow(start, 32)
        const delivered: number[] = []
        for (const n of order) {
          const cmdSn = (start + n) >>> 0
          expect(window.take((start + 32 + n) >>> 0) || window.admits((start + 64 + n) >>> 0)).toBe(false)
          if (window.take(cmdSn)) delivered.push(n)
          else {
            expect(window.admits(cmdSn)).toBe(true)
            window.hold(cmdSn, undefined, () => delivered.push(n))
            expect(window.admits(cmdSn)).toBe(false)
          }
          window.deliver()
        }
        expect(delivered).toEqual([...Array(32).keys()])
        expect(window).toMatchObject({ expCmdSn: (start + 32) >>> 0, maxCmdSn: (start + 63) >>> 0, busy: false })
      }),
    )
  })
})
