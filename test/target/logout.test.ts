// Logout (RFC 7143 11.14, 11.15): each reason, and what becomes of commands that are under way.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  LOGOUT_REASON,
  LOGOUT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { ConnectionLostError } from '../../src/host/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'

const { LOGOUT_RESPONSE } = TARGET_OPCODE

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory()])
  return () => array.close()
})

function sendLogout(raw: RawInitiator, reason: number, fields: object = {}): number {
  const initiatorTaskTag = raw.takeTag()
  const usual = { immediate: true, reason, cid: raw.cid, initiatorTaskTag, cmdSn: raw.cmdSn }
  raw.send(INITIATOR_OPCODE.LOGOUT_REQUEST, { ...usual, ...fields })
  return initiatorTaskTag
}

describe('logout (RFC 7143 11.14)', () => {
  test.each([
    ['close the session', LOGOUT_REASON.CLOSE_THE_SESSION, {}],
    ['close the session, whatever the CID', LOGOUT_REASON.CLOSE_THE_SESSION, { cid: 77 }],
    ['close the connection', LOGOUT_REASON.CLOSE_THE_CONNECTION, {}],
    ['not immediate', LOGOUT_REASON.CLOSE_THE_SESSION, { immediate: false }],
  ])('%s: success, and the connection is closed', async (_, reason, fields) => {
    const raw = await array.rawSession()
    const initiatorTaskTag = sendLogout(raw, reason, fields)
    const { header } = await raw.take(LOGOUT_RESPONSE)
    expect(header).toMatchObject({ initiatorTaskTag, response: RESPONSE.CLOSED_SUCCESSFULLY, statSn: raw.expStatSn })
    await raw.expectClosed()
    expect(raw.received).toEqual([])
  })

  test('a connection that is not there: CID not found, and this one stays', async () => {
    const raw = await array.rawSession()
    for (const reason of [LOGOUT_REASON.CLOSE_THE_CONNECTION, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY]) {
      sendLogout(raw, reason, { cid: 9 })
      const { response } = (await raw.take(LOGOUT_RESPONSE)).header
      expect([RESPONSE.CID_NOT_FOUND, RESPONSE.CONNECTION_RECOVERY_NOT_SUPPORTED]).toContain(response)
      if (reason === LOGOUT_REASON.CLOSE_THE_CONNECTION) expect(response).toBe(RESPONSE.CID_NOT_FOUND)
      raw.expStatSn++
    }
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  })

  test('remove the connection for recovery at ErrorRecoveryLevel 0: not supported', async () => {
    const raw = await array.rawSession()
    sendLogout(raw, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY)
    expect((await raw.take(LOGOUT_RESPONSE)).header.response).toBe(RESPONSE.CONNECTION_RECOVERY_NOT_SUPPORTED)
  })

  test('a reserved reason is not carried out', async () => {
    const raw = await array.rawSession()
    sendLogout(raw, 3)
    const { header } = await raw.takeAny()
    if (header.opcode === LOGOUT_RESPONSE) expect(header.response).not.toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    else expect(header.opcode).toBe(TARGET_OPCODE.REJECT)
  })

  test('of a discovery session', async () => {
    const raw = await array.raw()
    await raw.login(undefined)
    sendLogout(raw, LOGOUT_REASON.CLOSE_THE_SESSION)
    expect((await raw.take(LOGOUT_RESPONSE)).header.response).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    await raw.expectClosed()
  })

  test('commands sent before it are answered before it, or not at all; those behind it are not carried out', async () => {
    const raw = await array.rawSession()
    raw.socket.cork()
    const before = raw.command(TEST_UNIT_READY.encode({}))
    sendLogout(raw, LOGOUT_REASON.CLOSE_THE_SESSION, { immediate: false })
    raw.cmdSn++
    raw.command(
      WRITE_10.encode({ lba: 3, blocks: 1 }),
      { write: true, expectedDataTransferLength: 512 },
      { data: Buffer.alloc(512, 1) },
    )
    raw.socket.uncork()
    const first = await raw.takeAny()
    if (first.header.opcode === TARGET_OPCODE.SCSI_RESPONSE) {
      expect(first.header.initiatorTaskTag).toBe(before)
      await raw.take(LOGOUT_RESPONSE)
    } else expect(first.header.opcode).toBe(LOGOUT_RESPONSE)
    await raw.expectClosed()
    expect(raw.received).toEqual([])
    expect(await (await array.disk()).read(3, 1)).toEqual(Buffer.alloc(512))
  })

  test('with a write that runs: nothing of the session happens after the response (RFC 7143 11.15)', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    store.hold()
    const write = disk.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512, 1) })
    write.catch(() => {})
    await store.untilWaiting(1)
    let out = false
    const leaving = disk.session.logout().then(() => {
      out = true
    })
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(out).toBe(false)
    store.release()
    await leaving
    const writes = store.writes.length
    await expect(write).rejects.toBeInstanceOf(ConnectionLostError)
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(store.writes.length).toBe(writes)
    expect(built.target.sessions.size).toBe(0)
  })

  test('sessions come and go: none is left', async () => {
    const built = await handBuilt([new HeldStore()])
    for (let i = 0; i < 100; i++) await (await built.connect()).logout()
    expect(built.target.sessions.size).toBe(0)
    expect(built.host.pool.used).toBe(0)
  })
})
