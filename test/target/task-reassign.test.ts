// TASK REASSIGN (RFC 7143 7.2.2, 11.5.1) of tasks that cannot be given to another connection: what each is answered with.
// Tasks that can are in connection-recovery-reads.test.ts and connection-recovery-writes.test.ts.

import { describe, expect, test } from 'vitest'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  LOGOUT_REASON,
  READ_10,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import { connected, logout, out, reinstated, seen, write } from './losing-connections.ts'
import type { RawInitiator } from './raw.ts'
import { read, reassign, untilResponse } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { R2T, DATA_IN, SCSI_RESPONSE } = TARGET_OPCODE

describe('TASK REASSIGN that cannot be (RFC 7143 7.2.2, 11.5.1)', () => {
  test('no such task: task does not exist', async () => {
    const { raw } = await connected()
    expect(await reassign(raw, 0xdead, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    await expectUp(raw)
  })

  test('a task of this connection, or of another that is up: task still allegiant, and it goes on there', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    for (const raw of [a, b]) expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_STILL_ALLEGIANT)
    const done = read(b, 0, 1)
    await untilResponse(b)
    expect(await reassign(a, done, 0)).toBe(RESPONSE.TASK_STILL_ALLEGIANT)
  })

  test('its connection is lost and not logged out: task still allegiant', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    b.destroy()
    await seen(setup, 1)
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_STILL_ALLEGIANT)
  })

  test('a status that was acknowledged, an immediate command: task does not exist', async () => {
    const setup = await connected()
    const acknowledged = read(setup.raw, 0, 1)
    await untilResponse(setup.raw)
    setup.raw.expStatSn++
    const immediate = setup.raw.command(write, { ...out, immediate: true })
    await setup.raw.take(R2T)
    const done = setup.raw.command(READ_10.encode({ lba: 0, blocks: 1 }), {
      immediate: true,
      read: true,
      expectedDataTransferLength: 512,
    })
    await setup.raw.take(DATA_IN)
    await setup.raw.take(SCSI_RESPONSE)
    const raw = await reinstated(setup, setup.raw)
    for (const tag of [acknowledged, immediate, done])
      expect(await reassign(raw, tag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    await expectUp(raw)
  })

  test.each(['0', '1'])('at ErrorRecoveryLevel %s: not supported', async (ErrorRecoveryLevel) => {
    const { raw } = await connected(1, { ErrorRecoveryLevel })
    const initiatorTaskTag = raw.command(write, out)
    await raw.take(R2T)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED)
  })

  test('a task that was aborted meanwhile: task does not exist', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    await logout(a, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, 1)
    expect(await reassign(a, initiatorTaskTag, 0, FUNCTION.ABORT_TASK)).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
  })
})
