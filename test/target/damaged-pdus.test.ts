// PDUs other than data that are damaged on their way (RFC 7143 7.1.4.2, 7.8), at ErrorRecoveryLevel 1: they are rejected and
// retried; a damaged header ends the connection.

import { describe, expect, test } from 'vitest'
import {
  BHS_LENGTH,
  encodePdu,
  INITIATOR_OPCODE,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { MIB } from './array.ts'
import { asked, BLOCK, connected, data, expectDamageRejected, LENGTH, out, send, write } from './damaging.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { damaged } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { NOP_IN } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

describe('PDUs other than data (RFC 7143 7.1.4.2, 7.8)', () => {
  test('immediate data damaged: the command is not received; those behind it wait until it is retried', async () => {
    const setup = await connected({ ImmediateData: 'Yes', FirstBurstLength: '65536', MaxBurstLength: '65536' })
    const { raw } = setup
    const { cmdSn } = raw
    let initiatorTaskTag = 0
    damaged(raw, () => {
      initiatorTaskTag = raw.command(write, out, { data })
    })
    await expectDamageRejected(raw, INITIATOR_OPCODE.SCSI_COMMAND)
    const behind = raw.command(TUR)
    await raw.expectSilence()
    raw.command(write, { ...out, cmdSn, initiatorTaskTag }, { data })
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: behind, status: STATUS.GOOD })
    const written = Buffer.alloc(LENGTH)
    await setup.store.read(written, 0, LENGTH, 8 * BLOCK)
    expect(written.equals(data)).toBe(true)
  })

  test('a retry of a command that was received is ignored, before its status and after it', async () => {
    const { raw, store } = await connected()
    store.hold()
    const { cmdSn } = raw
    const initiatorTaskTag = raw.command(write, out)
    const range = await asked(raw, 0, 4096)
    raw.command(write, { ...out, cmdSn, initiatorTaskTag })
    await raw.expectSilence()
    send(raw, { initiatorTaskTag, ...range })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    store.release()
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    raw.command(write, { ...out, cmdSn, initiatorTaskTag })
    await raw.expectSilence()
    await expectUp(raw)
  })

  test('a ping damaged: Reject, and it can be sent again', async () => {
    const { raw } = await connected()
    const ping = () =>
      raw.send(
        INITIATOR_OPCODE.NOP_OUT,
        {
          immediate: true,
          initiatorTaskTag: 9,
          targetTransferTag: RESERVED_TAG,
          cmdSn: raw.cmdSn,
          expStatSn: raw.expStatSn,
        },
        { data: Buffer.from('hello') },
      )
    damaged(raw, ping)
    await expectDamageRejected(raw, INITIATOR_OPCODE.NOP_OUT)
    ping()
    expect((await raw.take(NOP_IN)).data.toString()).toBe('hello')
  })

  test('damaged without end by a peer that reads no answer: it is not listened to until it does', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store], {}, {}, undefined, { limits: { outputPerConnection: MIB } })
    const raw = await built.raw()
    await raw.login(built.target.iqn, { ErrorRecoveryLevel: '1', DataDigest: 'CRC32C' })
    raw.socket.pause()
    const ping = encodePdu(
      INITIATOR_OPCODE.NOP_OUT,
      {
        immediate: true,
        initiatorTaskTag: RESERVED_TAG,
        targetTransferTag: RESERVED_TAG,
        cmdSn: raw.cmdSn,
        expStatSn: raw.expStatSn,
      },
      { data: Buffer.alloc(4), digests: raw.digests },
    )
    ping[BHS_LENGTH]! ^= 1
    const flood = Buffer.concat(Array(5000).fill(ping))
    const isFull = () => built.host.pool.used > MIB
    for (let sent = 0; !isFull(); sent++) {
      expect(sent).toBeLessThan(1000)
      raw.sendBytes(flood)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    for (let sent = 0; sent < 10; sent++) raw.sendBytes(flood)
    await raw.expectSilence(200)
    expect(built.host.pool.used).toBeLessThan(4 * MIB)
  })

  test('data of a task that is not there, damaged: Reject, and nothing else', async () => {
    const { raw } = await connected()
    damaged(raw, () => raw.dataOut({ initiatorTaskTag: 0xdead, targetTransferTag: 3 }, data.subarray(0, 1024)))
    await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    await expectUp(raw)
  })

  test('a header damaged: where the next PDU begins is not known, the connection ends (RFC 7143 7.8)', async () => {
    const { raw, built } = await connected()
    const original = raw.sendBytes.bind(raw)
    raw.sendBytes = (bytes) => {
      const wrong = Buffer.from(bytes)
      wrong[7]! ^= 4
      original(wrong)
    }
    raw.command(TUR)
    await raw.expectClosed()
    expect(raw.received).toEqual([])
    for (let tries = 0; built.target.sessions.size > 0 && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 2))
    expect(built.target.sessions.size).toBe(0)
    expect(built.host.retained.used).toBe(0)
  })
})
