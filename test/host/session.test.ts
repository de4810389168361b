// Full feature phase of the initiator (RFC 7143 4.2, 11) against a scripted target: the window, what a target says unasked,
// requests with one answer, and the end of a session.

import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  encodePdu,
  INITIATOR_OPCODE,
  parseText,
  READ_10,
  RESERVED_TAG,
  TARGET_OPCODE,
  TASK_MANAGEMENT_FUNCTION,
  TASK_MANAGEMENT_RESPONSE_CODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { ConnectionLostError, ProtocolError, queryTask, RejectedError, TaskAbortedError } from '../../src/host/index.ts'
import { ANSWERS, open } from './scripted-target.ts'

const { R2T, NOP_IN, REJECT, TEXT_RESPONSE, ASYNC_MESSAGE } = TARGET_OPCODE
const read = { lun: 0, cdb: READ_10.encode({ blocks: 2 }), dataInLength: 1024 }
const tur = { lun: 3, cdb: TEST_UNIT_READY.encode({}) }

describe('the command window (RFC 7143 4.2.2.1)', () => {
  test('commands wait until MaxCmdSN lets them go, and leave in their order', async () => {
    const [session, target] = await open(ANSWERS, {}, 1)
    target.window = 0
    const first = session.submit(tur)
    const { header } = await target.takeCommand()
    target.good(header.initiatorTaskTag) // closes the window: MaxCmdSN = ExpCmdSN - 1
    await first.result
    const waiting = [1, 2, 3].map((lun) => session.submit({ ...tur, lun }))
    await target.expectSilence()
    target.window = 2
    target.say(NOP_IN, { initiatorTaskTag: RESERVED_TAG, targetTransferTag: RESERVED_TAG }, { status: false })
    for (const lun of [1, 2]) {
      const command = await target.takeCommand()
      expect(command.header).toMatchObject({ cmdSn: 1 + lun })
      expect(command.header.lun[1]).toBe(lun)
    }
    await target.expectSilence()
    target.window = 0
    const asked = queryTask(session, waiting[2]!) // which withdraws nothing
    const { initiatorTaskTag } = (await target.take(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST)).header
    target.say(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, { initiatorTaskTag, response: 1 })
    expect(await asked).toBe(1)
    expect(await session.abortTask(waiting[2]!)).toBe(TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
    await expect(waiting[2]!.result).rejects.toBeInstanceOf(TaskAbortedError)
    await target.expectSilence()
  })

  test('immediate commands go at once and take no number', async () => {
    const [session, target] = await open(ANSWERS, {}, 1)
    target.window = 0
    const first = session.execute(tur)
    target.good((await target.takeCommand()).header.initiatorTaskTag)
    await first
    session.execute({ ...tur, immediate: true }).catch(() => {})
    expect((await target.takeCommand()).header).toMatchObject({ immediate: true, cmdSn: 2 })
  })
})

describe('what the target says unasked', () => {
  test('a ping is answered; news of the window is not', async () => {
    const [, target] = await open()
    target.say(NOP_IN, { initiatorTaskTag: RESERVED_TAG, targetTransferTag: 0x1234 }, { status: false })
    const { header } = await target.take(INITIATOR_OPCODE.NOP_OUT)
    expect(header).toMatchObject({ immediate: true, initiatorTaskTag: RESERVED_TAG, targetTransferTag: 0x1234 })
    target.say(NOP_IN, { initiatorTaskTag: RESERVED_TAG, targetTransferTag: RESERVED_TAG }, { status: false })
    await target.expectSilence()
  })

  test('a target that pings and does not read: the connection ends before memory does', async () => {
    const [session, target] = await open()
    target.socket.pause()
    const ping = encodePdu(NOP_IN, { initiatorTaskTag: RESERVED_TAG, targetTransferTag: 7 })
    const pings = Buffer.concat(Array(4000).fill(ping))
    let ended: Error | undefined
    session.closed.then((error) => {
      ended = error
    })
    while (!ended) await new Promise((resolve) => target.socket.write(pings, resolve))
    expect(ended.message).toContain('has not read the answers')
  })

  test('a request for logout gets one', async () => {
    const [session, target] = await open()
    target.say(ASYNC_MESSAGE, { asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED, parameter3: 3 })
    const { header } = await target.take(INITIATOR_OPCODE.LOGOUT_REQUEST)
    expect(header).toMatchObject({ reason: 0, immediate: true })
    target.say(TARGET_OPCODE.LOGOUT_RESPONSE, { initiatorTaskTag: header.initiatorTaskTag })
    expect(await session.closed).toBeUndefined()
  })

  test('answers and data that nobody waits for are passed over', async () => {
    const [session, target] = await open()
    target.dataIn(0x7777, 0, 0, Buffer.alloc(512))
    target.good(0x7777)
    target.say(R2T, { initiatorTaskTag: 0x7777, desiredDataTransferLength: 9 }, { status: false })
    target.say(NOP_IN, { initiatorTaskTag: 0x7777 })
    const result = session.execute(tur)
    target.good((await target.takeCommand()).header.initiatorTaskTag)
    expect((await result).status).toBe(0)
  })
})

describe('requests with one answer', () => {
  test('NOP-Out: what comes back', async () => {
    const [session, target] = await open()
    const echo = session.nop(Buffer.from('hello'))
    const { header, data } = await target.take(INITIATOR_OPCODE.NOP_OUT)
    expect(header).toMatchObject({ immediate: true, targetTransferTag: RESERVED_TAG })
    target.say(NOP_IN, { initiatorTaskTag: header.initiatorTaskTag, targetTransferTag: RESERVED_TAG }, { data })
    expect(await echo).toEqual(Buffer.from('hello'))
  })

  test('text over several PDUs in both directions', async () => {
    const [session, target] = await open()
    const asked = ['a', 'b'].map((name) => ({ key: `X-${name}`, value: name.repeat(3000) }))
    const answer = session.text(asked)
    const first = await target.take(INITIATOR_OPCODE.TEXT_REQUEST)
    expect(first.header).toMatchObject({ final: false, continue: true, targetTransferTag: RESERVED_TAG })
    expect(first.data.length).toBe(4096)
    const { initiatorTaskTag } = first.header
    target.say(TEXT_RESPONSE, { initiatorTaskTag, targetTransferTag: 9, final: false })
    const second = await target.take(INITIATOR_OPCODE.TEXT_REQUEST)
    expect(second.header).toMatchObject({ final: true, continue: false, targetTransferTag: 9, initiatorTaskTag })
    expect(parseText(Buffer.concat([first.data, second.data]))).toEqual(asked)
    const [one, two] = [Buffer.from('TargetName=iqn.2026-11.'), Buffer.from('x:y\0')]
    target.say(TEXT_RESPONSE, { initiatorTaskTag, targetTransferTag: 9, continue: true }, { data: one })
    expect((await target.take(INITIATOR_OPCODE.TEXT_REQUEST)).data.length).toBe(0)
    target.say(TEXT_RESPONSE, { initiatorTaskTag, targetTransferTag: RESERVED_TAG, final: true }, { data: two })
    expect(await answer).toEqual([{ key: 'TargetName', value: 'iqn.2026-11.x:y' }])
  })

  test('text without an end and without a byte ends all the same', async () => {
    const [session, target] = await open()
    const asked = session.text([{ key: 'SendTargets', value: 'All' }])
    for (let answers = 0; answers < 4096; answers++) {
      const { initiatorTaskTag } = (await target.take(INITIATOR_OPCODE.TEXT_REQUEST)).header
      target.say(TEXT_RESPONSE, { initiatorTaskTag, targetTransferTag: 9 })
    }
    await expect(asked).rejects.toBeInstanceOf(ProtocolError)
  })

  test('ABORT TASK: the tag and number of the task; its result rejects when the function is complete', async () => {
    const [session, target] = await open()
    const task = session.submit(tur)
    const { header } = await target.takeCommand()
    const response = session.abortTask(task)
    const request = (await target.take(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST)).header
    expect(request).toMatchObject({
      immediate: true,
      function: TASK_MANAGEMENT_FUNCTION.ABORT_TASK,
      referencedTaskTag: header.initiatorTaskTag,
      refCmdSn: header.cmdSn,
    })
    expect(request.lun).toEqual(header.lun)
    target.say(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, { initiatorTaskTag: request.initiatorTaskTag, response: 0 })
    expect(await response).toBe(0)
    await expect(task.result).rejects.toBeInstanceOf(TaskAbortedError)
  })

  test('LOGICAL UNIT RESET ends the tasks of that logical unit alone; a refusal ends none', async () => {
    const [session, target] = await open()
    const tasks = [0, 3, 3].map((lun) => session.submit({ ...tur, lun }))
    for (const _ of tasks) await target.takeCommand()
    for (const code of [TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_NOT_SUPPORTED, 0]) {
      const response = session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun: 3 })
      const { initiatorTaskTag } = (await target.take(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST)).header
      target.say(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, { initiatorTaskTag, response: code })
      expect(await response).toBe(code)
    }
    await expect(tasks[1]!.result).rejects.toBeInstanceOf(TaskAbortedError)
    await expect(tasks[2]!.result).rejects.toBeInstanceOf(TaskAbortedError)
    target.good(tasks[0]!.initiatorTaskTag)
    expect((await tasks[0]!.result).status).toBe(0)
  })

  test('Reject: the command or the request that it names fails, the session goes on', async () => {
    const [session, target] = await open()
    const command = session.execute(tur)
    const rejected = await target.takeCommand()
    const header = Buffer.alloc(48)
    header[0] = INITIATOR_OPCODE.SCSI_COMMAND
    header.writeUInt32BE(rejected.header.initiatorTaskTag, 16)
    target.say(REJECT, { reason: 9 }, { data: header })
    await expect(command).rejects.toBeInstanceOf(RejectedError)
    await expect(command).rejects.toThrow('rejected by the target: invalid pdu field (09)')

    // RFC 7143 7.3: it was not received, a NOP-Out takes its number.
    const unplugged = session.execute(tur)
    const gap = await target.takeCommand()
    header.writeUInt32BE(gap.header.initiatorTaskTag, 16)
    header.writeUInt32BE(gap.header.cmdSn, 24)
    target.say(REJECT, { reason: 4, expCmdSn: gap.header.cmdSn }, { data: header })
    await expect(unplugged).rejects.toBeInstanceOf(RejectedError)
    const plug = (await target.take(INITIATOR_OPCODE.NOP_OUT)).header
    expect(plug).toMatchObject({ immediate: false, cmdSn: gap.header.cmdSn })
    target.say(NOP_IN, { initiatorTaskTag: plug.initiatorTaskTag, targetTransferTag: RESERVED_TAG })

    const ping = session.nop()
    header[0] = INITIATOR_OPCODE.NOP_OUT
    header.writeUInt32BE((await target.take(INITIATOR_OPCODE.NOP_OUT)).header.initiatorTaskTag, 16)
    target.say(REJECT, { reason: 5 }, { data: header })
    await expect(ping).rejects.toMatchObject({ reason: 5 })

    const next = session.execute(tur)
    const { initiatorTaskTag } = (await target.takeCommand()).header
    header[0] = INITIATOR_OPCODE.DATA_OUT
    header.writeUInt32BE(initiatorTaskTag, 16)
    target.say(REJECT, { reason: 2 }, { data: header }) // of its data: the command has a status of its own
    target.good(initiatorTaskTag)
    expect((await next).status).toBe(0)
  })
})

describe('the end', () => {
  test('connection lost: everything that waits rejects, and so does all that comes later', async () => {
    const [session, target] = await open(ANSWERS, {}, 1)
    const all = [session.execute(tur), session.execute(tur), session.nop(), session.text([{ key: 'X-a', value: 'b' }])]
    for (const one of all) one.catch(() => {})
    await target.takeCommand()
    target.destroy()
    for (const one of all) await expect(one).rejects.toBeInstanceOf(ConnectionLostError)
    expect(await session.closed).toBeInstanceOf(ConnectionLostError)
    await expect(session.execute(tur)).rejects.toBeInstanceOf(ConnectionLostError)
    await expect(session.nop()).rejects.toBeInstanceOf(ConnectionLostError)
    await session.logout()
  })

  test('logout: CLOSE THE SESSION, and a response other than success is an error', async () => {
    const [session, target] = await open()
    const out = session.logout()
    out.catch(() => {})
    const { header } = await target.take(INITIATOR_OPCODE.LOGOUT_REQUEST)
    target.say(TARGET_OPCODE.LOGOUT_RESPONSE, { initiatorTaskTag: header.initiatorTaskTag, response: 3 })
    await expect(out).rejects.toBeInstanceOf(ProtocolError)
    await target.expectClosed()
  })

  test('destroy is no error of the session', async () => {
    const [session, target] = await open()
    session.destroy()
    expect(await session.closed).toBeUndefined()
    await target.expectClosed()
    expect(target.received).toEqual([])
  })

  test('a PDU in single bytes is the same PDU', async () => {
    const [session, target] = await open()
    const result = session.execute(read)
    const { initiatorTaskTag } = (await target.takeCommand()).header
    const sent: Buffer[] = []
    target.sendBytes = (bytes) => void sent.push(Buffer.from(bytes))
    target.dataIn(initiatorTaskTag, 0, 0, Buffer.alloc(1021, 5))
    target.dataIn(initiatorTaskTag, 1, 1021, Buffer.alloc(3, 6), { hasStatus: true })
    for (const byte of Buffer.concat(sent)) {
      target.socket.write(Buffer.from([byte]))
      if (byte === 6) await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await result).data).toEqual(Buffer.concat([Buffer.alloc(1021, 5), Buffer.alloc(3, 6)]))
  })
})
