// NOP-Out and NOP-In (RFC 7143 11.18, 11.19): echo, silence, and the keepalive. The timers stand in src/target/limits.ts: here a
// connection is given seconds by hand, without a socket.

import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  decodePdu,
  encodePdu,
  INITIATOR_OPCODE,
  LOGIN_STAGE,
  type Pdu,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import type { Connection } from '../../src/target/connection.ts'
import { LIMITS } from '../../src/target/limits.ts'
import type { ConnectionSocket } from '../../src/target/server.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { text } from './raw.ts'

const { NOP_OUT } = INITIATOR_OPCODE
const { NOP_IN } = TARGET_OPCODE

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory()])
  return () => array.close()
})

describe('NOP-Out (RFC 7143 11.18)', () => {
  test('a ping comes back with its data, its tag and its LUN, and no transfer tag', async () => {
    const raw = await array.rawSession()
    for (const length of [0, 1, 3, 4, 1000, 8192]) {
      const data = Buffer.alloc(length, length)
      const lun = Buffer.from('0001000000000000', 'hex')
      const initiatorTaskTag = raw.takeTag()
      raw.send(
        NOP_OUT,
        { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, lun, cmdSn: raw.cmdSn },
        { data },
      )
      const answer = await raw.take(NOP_IN)
      expect(answer.header).toMatchObject({
        initiatorTaskTag,
        targetTransferTag: RESERVED_TAG,
        statSn: raw.expStatSn++,
      })
      expect(answer.data).toEqual(data)
    }
  })

  test('no more data comes back than the initiator takes (RFC 7143 13.12)', async () => {
    const raw = await array.rawSession({ MaxRecvDataSegmentLength: '512' })
    raw.send(
      NOP_OUT,
      { immediate: true, initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn },
      { data: Buffer.alloc(4000, 1) },
    )
    expect((await raw.take(NOP_IN)).data).toEqual(Buffer.alloc(512, 1))
  })

  test('without a task tag: no answer', async () => {
    const raw = await array.rawSession()
    raw.send(NOP_OUT, {
      immediate: true,
      initiatorTaskTag: RESERVED_TAG,
      targetTransferTag: RESERVED_TAG,
      cmdSn: raw.cmdSn,
    })
    raw.send(NOP_OUT, { immediate: true, initiatorTaskTag: RESERVED_TAG, targetTransferTag: 0x1234, cmdSn: raw.cmdSn })
    await raw.expectSilence(40)
  })

  test('not immediate: takes a CmdSN, and its turn', async () => {
    const raw = await array.rawSession()
    raw.send(NOP_OUT, { initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn })
    expect((await raw.take(NOP_IN)).header.expCmdSn).toBe(raw.cmdSn + 1)
  })
})

/** A socket that a test is the other end of. */
class FakeSocket implements ConnectionSocket {
  readonly remote = '192.0.2.1:1'
  readonly localAddress = '192.0.2.2'
  readonly remoteAddress = '192.0.2.1'
  readonly localPort = 3260
  readonly received: Pdu[] = []
  ended = false
  destroyed = false
  onGone: () => void = () => {}
  cork(): void {}
  uncork(): void {}
  write(bytes: Buffer, written: () => void): void {
    for (let rest = Buffer.from(bytes); rest.length > 0; ) {
      const pdu = decodePdu(rest)
      this.received.push(pdu)
      rest = rest.subarray(pdu.length)
    }
    setImmediate(written)
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.ended = true
    setImmediate(() => this.onGone())
  }
  destroy(): void {
    this.destroyed = true
    setImmediate(() => this.onGone())
  }

  get gone(): boolean {
    return this.ended || this.destroyed
  }

  async next(): Promise<Pdu> {
    for (let tries = 0; this.received.length === 0 && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 1))
    const pdu = this.received.shift()
    if (!pdu) throw new Error('no PDU')
    return pdu
  }
}

interface Line {
  readonly socket: FakeSocket
  readonly connection: Connection
}

async function accepted(): Promise<Line & { readonly iqn: string }> {
  const built = await handBuilt([new HeldStore()])
  const socket = new FakeSocket()
  const connection = built.host.accept(socket, 0) as Connection
  socket.onGone = () => connection.closed('closed by the test')
  onTestFinished(() => socket.destroy())
  return { socket, connection, iqn: built.target.iqn }
}

async function loggedIn(): Promise<Line> {
  const { socket, connection, iqn } = await accepted()
  const data = text({ InitiatorName: 'iqn.2026-11.io.lunette:quiet', TargetName: iqn })
  const { LOGIN_OPERATIONAL_NEGOTIATION: currentStage, FULL_FEATURE_PHASE: nextStage } = LOGIN_STAGE
  const isid = Buffer.from('800000000077', 'hex')
  const fields = { immediate: true, transit: true, currentStage, nextStage, isid, cmdSn: 1 }
  connection.receive(encodePdu(INITIATOR_OPCODE.LOGIN_REQUEST, fields, { data }))
  expect((await socket.next()).header).toMatchObject({
    opcode: TARGET_OPCODE.LOGIN_RESPONSE,
    statusClass: 0,
    transit: true,
  })
  return { socket, connection }
}

/** So many seconds, but for the one that would make it `ms`. */
function passJustUnder({ connection }: Line, ms: number): void {
  for (let second = 1; second * 1000 < ms; second++) connection.tick()
}

const tur = (cmdSn: number): Buffer =>
  encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, {
    final: true,
    attributes: 1,
    lun: Buffer.alloc(8),
    initiatorTaskTag: cmdSn,
    cmdSn,
    cdb: Buffer.concat([TEST_UNIT_READY.encode({}), Buffer.alloc(10)]),
  })

describe('the keepalive', () => {
  test('after a silence the target asks: a tag to answer to, no task tag, no StatSN of its own (RFC 7143 11.19)', async () => {
    const line = await loggedIn()
    passJustUnder(line, LIMITS.pingAfterMs)
    expect(line.socket.received).toEqual([])
    line.connection.tick()
    const { header } = await line.socket.next()
    expect(header).toMatchObject({ opcode: NOP_IN, initiatorTaskTag: RESERVED_TAG })
    if (header.opcode !== NOP_IN) throw new Error('not a NOP-In')
    expect(header.targetTransferTag).not.toBe(RESERVED_TAG)
    line.connection.receive(tur(1))
    expect((await line.socket.next()).header).toMatchObject({
      opcode: TARGET_OPCODE.SCSI_RESPONSE,
      statSn: header.statSn,
    })
  })

  test('an answer keeps the connection; it is asked again after the next silence', async () => {
    const line = await loggedIn()
    for (let round = 0; round < 3; round++) {
      passJustUnder(line, LIMITS.pingAfterMs)
      line.connection.tick()
      const { header } = await line.socket.next()
      if (header.opcode !== NOP_IN) throw new Error('not a NOP-In')
      const { targetTransferTag } = header
      line.connection.receive(
        encodePdu(NOP_OUT, { immediate: true, initiatorTaskTag: RESERVED_TAG, targetTransferTag, cmdSn: 1 }),
      )
    }
    expect(line.socket.gone).toBe(false)
  })

  test('no answer in time: the connection is dropped, not before', async () => {
    const line = await loggedIn()
    passJustUnder(line, LIMITS.pingAfterMs + LIMITS.pingAnswerMs)
    expect(line.socket.gone).toBe(false)
    line.connection.tick()
    expect(line.socket.destroyed).toBe(true)
  })

  test('any PDU is a sign of life', async () => {
    const line = await loggedIn()
    for (let cmdSn = 1; cmdSn <= 4; cmdSn++) {
      passJustUnder(line, LIMITS.pingAfterMs)
      line.connection.receive(tur(cmdSn))
      const { header } = await line.socket.next()
      expect(header).toMatchObject({
        opcode: TARGET_OPCODE.SCSI_RESPONSE,
        status: cmdSn === 1 ? STATUS.CHECK_CONDITION : STATUS.GOOD,
      })
    }
    expect(line.socket.received).toEqual([])
  })

  test('the announced data of a write does not come: the connection is dropped, however lively it is otherwise', async () => {
    const line = await loggedIn()
    line.connection.receive(tur(1)) // takes the unit attention
    const cdb = Buffer.concat([WRITE_10.encode({ blocks: 1 }), Buffer.alloc(6)])
    const fields = { final: true, write: true, lun: Buffer.alloc(8), expectedDataTransferLength: 512, cdb }
    line.connection.receive(encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, { ...fields, initiatorTaskTag: 2, cmdSn: 2 }))
    for (let second = 1; second * 1000 < LIMITS.dataOutTimeoutMs; second++) {
      line.connection.tick()
      line.connection.receive(tur(second + 2))
    }
    expect(line.socket.gone).toBe(false)
    line.connection.tick()
    expect(line.socket.destroyed).toBe(true)
  })

  test('a PDU that comes in small pieces: taken when it ends in time, else the connection is dropped', async () => {
    const line = await loggedIn()
    const ping = encodePdu(NOP_OUT, { immediate: true, initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: 1 })
    for (let second = 0; (second + 1) * 1000 < LIMITS.dataOutTimeoutMs; second++) {
      line.connection.receive(ping.subarray(second, second + 1))
      line.connection.tick()
    }
    expect(line.socket.gone).toBe(false)
    line.connection.receive(ping.subarray(LIMITS.dataOutTimeoutMs / 1000 - 1))
    const pdus = [await line.socket.next()]
    await new Promise((resolve) => setTimeout(resolve, 5))
    pdus.push(...line.socket.received)
    expect(pdus.at(-1)?.header).toMatchObject({ opcode: NOP_IN, initiatorTaskTag: 1 })
    for (let second = 0; second * 1000 < LIMITS.dataOutTimeoutMs; second++) {
      expect(line.socket.gone).toBe(false)
      line.connection.receive(ping.subarray(second, second + 1))
      line.connection.tick()
    }
    expect(line.socket.destroyed).toBe(true)
  })
})

describe('the login timer', () => {
  test('a connection that says nothing is dropped', async () => {
    const line = await accepted()
    passJustUnder(line, LIMITS.loginTimeoutMs)
    expect(line.socket.gone).toBe(false)
    line.connection.tick()
    expect(line.socket.gone).toBe(true)
  })

  test('one that logs in a byte a second, or a PDU a second, is dropped all the same', async () => {
    const slow = await accepted()
    for (let second = 0; second * 1000 < LIMITS.loginTimeoutMs + 1000; second++) {
      slow.connection.receive(Buffer.from([0x43]))
      slow.connection.tick()
    }
    expect(slow.socket.gone).toBe(true)

    const chatty = await accepted()
    const data = text({ InitiatorName: 'iqn.2026-11.io.lunette:chatty', TargetName: chatty.iqn })
    for (let second = 0; second * 1000 < LIMITS.loginTimeoutMs + 1000; second++) {
      const fields = {
        immediate: true,
        currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
        isid: Buffer.alloc(6, 7),
      }
      chatty.connection.receive(encodePdu(INITIATOR_OPCODE.LOGIN_REQUEST, fields, second === 0 ? { data } : {}))
      chatty.connection.tick()
    }
    expect(chatty.socket.gone).toBe(true)
  })
})
