// A nexus whose connections are lost (RFC 7143 6.3.5, 7): what is unfinished is sent again or fails with a named error, nothing is
// lost, nothing is answered twice.

import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  encodeSense,
  INITIATOR_OPCODE,
  REJECT_REASON,
  SENSE,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import {
  ConnectionLostError,
  lunReset,
  OutcomeUnknownError,
  RecoveryFailedError,
  RejectedError,
  SessionClosedError,
} from '../../src/host/index.ts'
import { accepted, answer, ats, ISID, openNexus, PROMPT, read, write } from './nexus-fixture.ts'
import { textOf } from './scripted-target.ts'

const { ASYNC_MESSAGE, REJECT } = TARGET_OPCODE

describe('the connection is lost', () => {
  test('reads and writes are sent again in their order by the same initiator port', async () => {
    const stage = await openNexus()
    const results = [stage.nexus.execute(read), stage.nexus.execute(write), stage.nexus.execute(read)]
    for (const _ of results) await stage.target.takeCommand()
    stage.target.destroy()
    const target = await stage.server.accept()
    const first = await target.takeLogin()
    expect(first.header).toMatchObject({ isid: ISID, tsih: 0 })
    target.answerLogin(first, {}, textOf({ AuthMethod: 'None', TargetPortalGroupTag: '1' }))
    target.answerLogin(await target.takeLogin(), { tsih: 6 }, textOf(PROMPT))
    for (const command of [read, write, read]) await answer(target, command)
    expect((await Promise.all(results)).map(({ status }) => status)).toEqual([0, 0, 0])
    expect(stage.events.map(({ kind }) => kind)).toEqual(['lost', 'recovered'])
  })

  test('what may not run twice fails with OutcomeUnknownError, and is not sent again', async () => {
    const stage = await openNexus()
    const result = stage.nexus.execute(ats)
    result.catch(() => {})
    await stage.target.takeCommand()
    stage.target.destroy()
    await expect(result).rejects.toBeInstanceOf(OutcomeUnknownError)
    await expect(result).rejects.toMatchObject({ command: 'COMPARE AND WRITE' })
    const target = await accepted(stage)
    await target.expectSilence()
  })

  test('what has not left is sent, whatever it is', async () => {
    const stage = await openNexus({ window: 0 })
    const first = stage.nexus.execute(read)
    await stage.target.takeCommand()
    const waiting = stage.nexus.execute(ats) // the window is closed
    stage.target.destroy()
    const betweenConnections = stage.nexus.execute(ats)
    const target = await accepted(stage)
    for (const command of [read, ats, ats]) await answer(target, command)
    expect((await Promise.all([first, waiting, betweenConnections])).map(({ status }) => status)).toEqual([0, 0, 0])
  })

  test('a command on which every connection ends fails in the end', async () => {
    const stage = await openNexus()
    const result = stage.nexus.execute(read)
    result.catch(() => {})
    await stage.target.takeCommand()
    stage.target.destroy()
    for (const pauseMs of [0, 250, 500, 1000]) {
      if (pauseMs > 0) await stage.clock.pass(pauseMs)
      const target = await accepted(stage)
      await target.takeCommand()
      target.destroy()
    }
    await expect(result).rejects.toBeInstanceOf(ConnectionLostError)
  })

  test('Time2Wait of the login is waited for', async () => {
    const stage = await openNexus({ answers: { ...PROMPT, DefaultTime2Wait: '3' } })
    const result = stage.nexus.execute(read)
    await stage.target.takeCommand()
    stage.target.destroy()
    await stage.clock.pass(3000)
    await answer(await accepted(stage), read)
    expect((await result).status).toBe(0)
  })

  test('no new connection within the replacement timeout: everything fails with RecoveryFailedError', async () => {
    const stage = await openNexus({ timeouts: { replacementMs: 700, firstBackoffMs: 300 } })
    const sent = stage.nexus.execute(read)
    sent.catch(() => {})
    await stage.target.takeCommand()
    const lost = new Promise((resolve) => stage.nexus.onEvent(resolve))
    stage.target.destroy()
    await lost
    const waiting = stage.nexus.execute(ats)
    waiting.catch(() => {})
    const refused = await stage.server.accept()
    refused.destroy()
    await stage.clock.pass(600)
    const silent = await stage.server.accept() // and no answer to the login
    await stage.clock.pass(100)
    for (const result of [sent, waiting, stage.nexus.execute(read)])
      await expect(result).rejects.toBeInstanceOf(RecoveryFailedError)
    expect(await stage.nexus.closed).toBeInstanceOf(RecoveryFailedError)
    silent.destroy()
  })

  test('a target that refuses the initiator for good ends it at once; one that does not know itself yet does not', async () => {
    const stage = await openNexus()
    stage.target.destroy()
    const early = await stage.server.accept()
    early.answerLogin(await early.takeLogin(), { statusClass: 2, statusDetail: 3, transit: false })
    await stage.clock.pass(500)
    const final = await stage.server.accept()
    final.answerLogin(await final.takeLogin(), { statusClass: 2, statusDetail: 1, transit: false })
    const error = (await stage.nexus.closed) as Error
    expect(error).toBeInstanceOf(RecoveryFailedError)
    expect(error.message).toContain('authentication failure')
  })

  test('closed while it connects anew: the attempt ends, and no timer is left', async () => {
    const stage = await openNexus()
    stage.target.destroy()
    const attempt = await stage.server.accept()
    await attempt.takeLogin()
    await stage.nexus.close()
    await attempt.expectClosed()
    expect(stage.clock.armed).toBe(0)
  })

  test('no timer is left when it is closed', async () => {
    const stage = await openNexus({ timeouts: { keepAliveIntervalMs: 1000 } })
    stage.nexus.execute(read).catch(() => {})
    await stage.target.takeCommand()
    stage.nexus.destroy()
    expect(await stage.nexus.closed).toBeUndefined()
    expect(stage.clock.armed).toBe(0)
    await expect(stage.nexus.execute(read)).rejects.toBeInstanceOf(SessionClosedError)
  })
})

describe('what the target announces', () => {
  test('a request for logout: outstanding commands end, the rest waits for the new session', async () => {
    const stage = await openNexus()
    const { target, nexus } = stage
    const outstanding = nexus.execute(read)
    const { initiatorTaskTag } = (await target.takeCommand()).header
    target.say(ASYNC_MESSAGE, { asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED, parameter3: 10 })
    await stage.clock.pass(5000).then(
      () => {},
      () => {},
    ) // half of the time it gives
    const { header } = await target.take(INITIATOR_OPCODE.LOGOUT_REQUEST)
    const later = nexus.execute(ats)
    target.dataIn(initiatorTaskTag, 0, 0, Buffer.alloc(512), { final: true, hasStatus: true })
    expect((await outstanding).status).toBe(0)
    target.say(TARGET_OPCODE.LOGOUT_RESPONSE, { initiatorTaskTag: header.initiatorTaskTag })
    await answer(await accepted(stage), ats)
    expect((await later).status).toBe(0)
  })

  test('a request for logout, the last command answered: logout at once', async () => {
    const { target, nexus } = await openNexus()
    const outstanding = nexus.execute(read)
    const { initiatorTaskTag } = (await target.takeCommand()).header
    target.say(ASYNC_MESSAGE, { asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED, parameter3: 10 })
    target.dataIn(initiatorTaskTag, 0, 0, Buffer.alloc(512), { final: true, hasStatus: true })
    await outstanding
    await target.take(INITIATOR_OPCODE.LOGOUT_REQUEST)
  })

  test.each([
    ['the connection', ASYNC_EVENT.CONNECTION_DROPPED],
    ['all connections', ASYNC_EVENT.ALL_CONNECTIONS_DROPPED],
  ])('the end of %s: a new one after its Time2Wait', async (_, asyncEvent) => {
    const stage = await openNexus()
    const result = stage.nexus.execute(read)
    await stage.target.takeCommand()
    stage.target.say(ASYNC_MESSAGE, { asyncEvent, parameter2: 7 })
    await stage.clock.pass(7000)
    await answer(await accepted(stage), read)
    expect((await result).status).toBe(0)
  })

  test('a SCSI event is told with its sense', async () => {
    const { target, nexus, events } = await openNexus()
    const sense = encodeSense({ sense: SENSE.REPORTED_LUNS_DATA_HAS_CHANGED }, 'fixed')
    const data = Buffer.concat([Buffer.from([0, sense.length]), sense])
    const told = new Promise((resolve) => nexus.onEvent(resolve))
    target.say(
      ASYNC_MESSAGE,
      { asyncEvent: ASYNC_EVENT.SCSI_ASYNCHRONOUS_EVENT, lun: Buffer.from('0003000000000000', 'hex') },
      { data },
    )
    await told
    expect(events).toEqual([{ kind: 'scsi event', lun: 3, sense: { sense: SENSE.REPORTED_LUNS_DATA_HAS_CHANGED } }])
  })
})

describe('what is wrong', () => {
  test('a data digest that does not match: a new connection, the read once more', async () => {
    const digests = { ...PROMPT, DataDigest: 'CRC32C' }
    const stage = await openNexus({ answers: digests, digests: { data: true } })
    const result = stage.nexus.execute(read)
    const { initiatorTaskTag } = (await stage.target.takeCommand()).header
    stage.target.digests = { header: false, data: false } // the data without their digest
    stage.target.dataIn(initiatorTaskTag, 0, 0, Buffer.alloc(512, 5))
    stage.target.sendBytes(Buffer.alloc(48))
    await stage.target.expectClosed()
    const target = await accepted(stage, digests)
    await answer(target, read)
    expect((await result).data).toEqual(Buffer.alloc(512, 9))
  })

  test('a Reject: RejectedError, and the connection stays', async () => {
    const { target, nexus } = await openNexus()
    const result = nexus.execute(write)
    result.catch(() => {})
    const rejected = await target.takeCommand()
    const data = Buffer.alloc(48)
    data[0] = INITIATOR_OPCODE.SCSI_COMMAND
    data.writeUInt32BE(rejected.header.initiatorTaskTag, 16)
    data.writeUInt32BE(rejected.header.cmdSn, 24)
    target.say(REJECT, { reason: REJECT_REASON.COMMAND_NOT_SUPPORTED }, { data })
    await expect(result).rejects.toBeInstanceOf(RejectedError)
    const next = nexus.execute(read)
    await answer(target, read)
    expect((await next).status).toBe(0)
  })

  test('what cannot be sent is a RangeError and harms nobody', async () => {
    const { target, nexus } = await openNexus()
    await expect(nexus.execute({ ...read, cdb: Buffer.alloc(300) })).rejects.toBeInstanceOf(RangeError)
    await expect(nexus.execute({ ...read, lun: 20_000 })).rejects.toBeInstanceOf(RangeError)
    const next = nexus.execute(read)
    await answer(target, read)
    expect((await next).status).toBe(0)
  })

  test('task management without a connection', async () => {
    const stage = await openNexus({ answers: { ...PROMPT, DefaultTime2Wait: '3' } })
    const lost = new Promise((resolve) => stage.nexus.onEvent(resolve))
    stage.target.destroy()
    await lost
    await expect(lunReset(stage.nexus, 0)).rejects.toBeInstanceOf(ConnectionLostError)
  })
})
