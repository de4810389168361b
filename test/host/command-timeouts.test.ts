// A target that does not answer: what is late is aborted and sent once more, or fails with a named error; what comes too late is
// passed over; a target from which nothing comes is asked, and given up.

import { describe, expect, test } from 'vitest'
import { INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE, TASK_MANAGEMENT_FUNCTION } from '../../protocol/index.ts'
import { ConnectionLostError, OutcomeUnknownError } from '../../src/host/index.ts'
import { NotSentError } from '../../src/host/initiator/errors.ts'
import { accepted, answer, ats, openNexus, PROMPT, read, write } from './nexus-fixture.ts'
import type { TargetEnd } from './scripted-target.ts'

const { NOP_IN } = TARGET_OPCODE

describe('a command is not answered in time', () => {
  const timeouts = { commandMs: 1000, abortMs: 100, lunResetMs: 200 }
  const { ABORT_TASK, LOGICAL_UNIT_RESET } = TASK_MANAGEMENT_FUNCTION

  /** The initiator has given a command up. */
  async function takeFunction(target: TargetEnd, code: number): Promise<number> {
    const { header } = await target.take(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST)
    expect(header.function).toBe(code)
    return header.initiatorTaskTag
  }

  async function late(command = read) {
    const stage = await openNexus({ timeouts })
    const result = stage.nexus.execute(command)
    result.catch(() => {})
    const { initiatorTaskTag } = (await stage.target.takeCommand()).header
    stage.clock.advance(1001)
    return { ...stage, result, initiatorTaskTag }
  }

  const respond = (target: TargetEnd, initiatorTaskTag: number, response: number): void =>
    target.say(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, { initiatorTaskTag, response })

  test('ABORT TASK, then once more; the late answer to the first is passed over', async () => {
    const { target, result, initiatorTaskTag } = await late()
    respond(target, await takeFunction(target, ABORT_TASK), 0)
    const again = (await target.takeCommand()).header
    expect(again.initiatorTaskTag).not.toBe(initiatorTaskTag)
    target.dataIn(initiatorTaskTag, 0, 0, Buffer.alloc(512, 1), { final: true, hasStatus: true })
    target.dataIn(again.initiatorTaskTag, 0, 0, Buffer.alloc(512, 2), { final: true, hasStatus: true })
    expect((await result).data).toEqual(Buffer.alloc(512, 2))
  })

  test('an answer that comes before the one to ABORT TASK counts', async () => {
    const { target, result, initiatorTaskTag } = await late(ats)
    const abort = await takeFunction(target, ABORT_TASK)
    target.good(initiatorTaskTag)
    respond(target, abort, 1)
    expect((await result).status).toBe(0)
    await target.expectSilence()
  })

  test('the task does not exist: the command never came, or its answer never will', async () => {
    const { target, result } = await late()
    respond(target, await takeFunction(target, ABORT_TASK), 1)
    await answer(target, read)
    expect((await result).status).toBe(0)
  })

  test('what may not run twice fails with OutcomeUnknownError', async () => {
    const { target, result } = await late(ats)
    respond(target, await takeFunction(target, ABORT_TASK), 0)
    await expect(result).rejects.toBeInstanceOf(OutcomeUnknownError)
    await target.expectSilence()
  })

  test('a timeout of its own: the session is not waited for', async () => {
    const { clock, nexus, target } = await openNexus({ timeouts })
    nexus.execute({ ...read, timeoutMs: 10 }).catch(() => {})
    await target.takeCommand()
    clock.advance(11)
    await takeFunction(target, ABORT_TASK)
  })

  test('late five times: CommandTimeoutError', async () => {
    const { target, result, clock } = await late()
    for (let times = 1; times < 5; times++) {
      respond(target, await takeFunction(target, ABORT_TASK), 0)
      await target.takeCommand()
      clock.advance(1001)
    }
    respond(target, await takeFunction(target, ABORT_TASK), 0)
    await expect(result).rejects.toThrow('READ(10): no answer within 1000 ms, 5 times')
  })

  test('ABORT TASK refused: LOGICAL UNIT RESET, and all of its commands once more', async () => {
    const { target, nexus, result } = await late()
    const abort = await takeFunction(target, ABORT_TASK)
    const other = nexus.execute(write)
    await target.takeCommand()
    respond(target, abort, 5)
    const generation = nexus.generation
    const reset = await takeFunction(target, LOGICAL_UNIT_RESET)
    expect(nexus.generation).not.toBe(generation)
    respond(target, reset, 0)
    for (const command of [read, write]) await answer(target, command)
    expect((await Promise.all([result, other])).map(({ status }) => status)).toEqual([0, 0])
  })

  test('nothing is answered: the connection is dropped, and a new one made', async () => {
    const stage = await late()
    const { target, clock, result } = stage
    await takeFunction(target, ABORT_TASK)
    await clock.pass(100)
    await takeFunction(target, LOGICAL_UNIT_RESET)
    await clock.pass(200)
    await target.expectClosed()
    await answer(await accepted(stage), read)
    expect((await result).status).toBe(0)
  })

  test('a command that left after LOGICAL UNIT RESET, and is late before that is answered, is aborted then', async () => {
    const { nexus, clock, target } = await openNexus({ timeouts: { ...timeouts, lunResetMs: 5000 } })
    nexus.execute(read).catch(() => {})
    await target.takeCommand()
    clock.advance(1001)
    respond(target, await takeFunction(target, ABORT_TASK), 5)
    const reset = await takeFunction(target, LOGICAL_UNIT_RESET)
    const result = nexus.execute(write)
    await target.takeCommand()
    clock.advance(1001)
    respond(target, reset, 0)
    await answer(target, read)
    respond(target, await takeFunction(target, ABORT_TASK), 0)
    await answer(target, write)
    expect((await result).status).toBe(0)
  })

  describe('a command that must not be carried out later', () => {
    const urgent = { ...write, abortMs: 50 }

    test.each([
      ['not answered', undefined],
      ['refused', 5],
    ])(
      'ABORT TASK %s: the connection is dropped in its own time, and no LOGICAL UNIT RESET sent',
      async (_, response) => {
        const stage = await late(urgent)
        const { target, clock, result } = stage
        const abort = await takeFunction(target, ABORT_TASK)
        if (response !== undefined) respond(target, abort, response)
        else await clock.pass(50)
        await target.expectClosed()
        await answer(await accepted(stage), write)
        expect((await result).status).toBe(0)
      },
    )

    test('while the logical unit is being reset for others: it does not wait for that', async () => {
      const stage = await openNexus({ timeouts: { ...timeouts, lunResetMs: 5000 } })
      const { nexus, clock, target } = stage
      nexus.execute(read).catch(() => {})
      await target.takeCommand()
      clock.advance(1001)
      respond(target, await takeFunction(target, ABORT_TASK), 5)
      await takeFunction(target, LOGICAL_UNIT_RESET)
      nexus.execute(urgent).catch(() => {})
      await target.takeCommand()
      clock.advance(1001)
      await takeFunction(target, ABORT_TASK)
      await clock.pass(50)
      await target.expectClosed()
    })

    test('an R2T asks for its data when it may not leave any more: aborted at once, and the data stay here', async () => {
      let mayLeave = true
      const { nexus, target } = await openNexus({
        timeouts,
        answers: { ...PROMPT, ImmediateData: 'No', InitialR2T: 'Yes' },
      })
      const result = nexus.execute({ ...urgent, mayLeave: () => mayLeave })
      result.catch(() => {})
      const { initiatorTaskTag } = (await target.takeCommand()).header
      mayLeave = false
      target.say(
        TARGET_OPCODE.R2T,
        {
          ...{ initiatorTaskTag, targetTransferTag: 50, r2tSn: 0, bufferOffset: 0, desiredDataTransferLength: 512 },
        },
        { status: false },
      )
      respond(target, await takeFunction(target, ABORT_TASK), 0)
      await expect(result).rejects.toBeInstanceOf(NotSentError)
      await target.expectSilence()
    })

    test('it waits for the window, and may not leave any more when that opens', async () => {
      let mayLeave = true
      const { nexus, target } = await openNexus({ timeouts, window: 1 })
      const first = nexus.execute(read)
      const result = nexus.execute({ ...urgent, mayLeave: () => mayLeave })
      result.catch(() => {})
      mayLeave = false
      await answer(target, read)
      await first
      await expect(result).rejects.toBeInstanceOf(NotSentError)
      await target.expectSilence()
    })
  })

  test('a task management function of the caller: the connection is dropped, and a new one made', async () => {
    const stage = await openNexus({ timeouts })
    const asked = stage.nexus.manage(LOGICAL_UNIT_RESET, { lun: 0 })
    await takeFunction(stage.target, LOGICAL_UNIT_RESET)
    stage.clock.advance(200)
    await expect(asked).rejects.toThrow('task management: no answer within 200 ms')
    await accepted(stage)
  })

  test('a process that was stopped looks again before it gives up', async () => {
    const stage = await openNexus({ timeouts })
    const result = stage.nexus.execute(read)
    const { initiatorTaskTag } = (await stage.target.takeCommand()).header
    stage.clock.advance(1000) // its timers are due, and the answer lies unread in the socket
    stage.target.dataIn(initiatorTaskTag, 0, 0, Buffer.alloc(512), { final: true, hasStatus: true })
    expect((await result).status).toBe(0)
    stage.clock.advance(1)
    await stage.target.expectSilence()
  })
})

describe('the target is silent', () => {
  const timeouts = { keepAliveIntervalMs: 5000, keepAliveTimeoutMs: 3000 }

  test('a NOP-Out asks; its answer is enough', async () => {
    const { clock, target } = await openNexus({ timeouts })
    for (let times = 0; times < 3; times++) {
      await clock.pass(5000)
      const { initiatorTaskTag } = (await target.take(INITIATOR_OPCODE.NOP_OUT)).header
      expect(initiatorTaskTag).not.toBe(RESERVED_TAG)
      target.say(NOP_IN, { initiatorTaskTag, targetTransferTag: RESERVED_TAG })
      await target.expectSilence()
      await clock.pass(3000)
    }
    expect(target.isClosed).toBe(false)
  })

  test('no answer: a new connection', async () => {
    const stage = await openNexus({ timeouts })
    await stage.clock.pass(5000)
    await stage.clock.pass(3000)
    await stage.clock.pass(1)
    await stage.target.expectClosed()
    await accepted(stage)
    expect(stage.events[0]).toMatchObject({ kind: 'lost', error: expect.any(ConnectionLostError) })
  })
})
