// ABORT TASK (RFC 7143 11.5, 11.6; SAM-5 7.2): the response comes when the task has ended, an aborted task has no response of its
// own, and nothing of it happens afterwards.

import { describe, expect, test } from 'vitest'
import {
  COMPARE_AND_WRITE,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  READ_10,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { arrayForTest, memory } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { answered, expectUp, loggedIn, manage, OUT, ones, send, taken, WRITE } from './tasks.ts'

const { TASK_MANAGEMENT_RESPONSE, SCSI_RESPONSE, R2T } = TARGET_OPCODE

describe('ABORT TASK', () => {
  test('of a task that waits for data: complete, no response of the task, its data are dropped', async () => {
    const array = await arrayForTest()
    const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const referencedTaskTag = raw.command(WRITE, OUT)
    const { targetTransferTag } = (await raw.take(R2T)).header
    expect(await manage(raw, FUNCTION.ABORT_TASK, { referencedTaskTag })).toBe(RESPONSE.FUNCTION_COMPLETE)
    raw.dataOut({ initiatorTaskTag: referencedTaskTag, targetTransferTag }, ones)
    await raw.expectSilence(30)
    await expectUp(raw)
    expect(await (await array.disk()).read(0, 1)).toEqual(Buffer.alloc(512))
  })

  test('of a write that runs: the response waits for it, the task has none, and what it writes it has written by then', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await loggedIn(built)
    store.hold()
    const referencedTaskTag = raw.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    const tag = send(raw, FUNCTION.ABORT_TASK, { referencedTaskTag })
    await raw.expectSilence(40)
    store.release()
    expect(await answered(raw, tag)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const writes = store.writes.length
    await raw.expectSilence(40)
    expect(store.writes.length).toBe(writes)
    await expectUp(raw)
  })

  test('of a read that runs: no Data-In and no response after it', async () => {
    const store = new HeldStore()
    const raw = await loggedIn(await handBuilt([store]))
    store.hold()
    const referencedTaskTag = raw.command(READ_10.encode({ blocks: 100 }), {
      read: true,
      expectedDataTransferLength: 51_200,
    })
    await store.untilWaiting(1)
    const tag = send(raw, FUNCTION.ABORT_TASK, { referencedTaskTag })
    await taken(raw)
    store.release()
    for (;;) {
      const { header } = await raw.takeAny()
      expect(header.opcode).not.toBe(SCSI_RESPONSE)
      if (header.opcode === TASK_MANAGEMENT_RESPONSE) {
        expect(header).toMatchObject({ initiatorTaskTag: tag, response: RESPONSE.FUNCTION_COMPLETE })
        break
      }
    }
    await raw.expectSilence(30)
  })

  test('of a COMPARE AND WRITE that runs: done before the response, or never', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await loggedIn(built)
    store.hold()
    const data = Buffer.concat([Buffer.alloc(512), ones])
    const cdb = COMPARE_AND_WRITE.encode({ blocks: 1 })
    const referencedTaskTag = raw.command(cdb, { write: true, expectedDataTransferLength: 1024 }, { data })
    await store.untilWaiting(1)
    const tag = send(raw, FUNCTION.ABORT_TASK, { referencedTaskTag })
    await raw.expectSilence(30)
    store.release()
    expect(await answered(raw, tag)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const disk = await built.disk()
    const after = await disk.read(0, 1)
    expect([Buffer.alloc(512), ones]).toContainEqual(after)
    await raw.expectSilence(30)
    expect(await disk.read(0, 1)).toEqual(after)
  })

  test('of a task that has ended: does not exist; with abortFinished: complete, complete', async () => {
    for (const [abortFinished, response] of [
      ['notExist', RESPONSE.TASK_DOES_NOT_EXIST],
      ['complete', RESPONSE.FUNCTION_COMPLETE],
    ] as const) {
      const array = await arrayForTest([memory()], { abortFinished })
      const raw = await array.rawSession()
      const referencedTaskTag = raw.command(TEST_UNIT_READY.encode({}))
      const refCmdSn = raw.cmdSn - 1
      await raw.response()
      expect(await manage(raw, FUNCTION.ABORT_TASK, { referencedTaskTag, refCmdSn })).toBe(response)
      expect(await manage(raw, FUNCTION.ABORT_TASK, { referencedTaskTag: 0x9999, refCmdSn })).toBe(response)
    }
  })

  test('with the LUN of another logical unit, or of none: the task goes on', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 })])
    const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const referencedTaskTag = raw.command(WRITE, OUT)
    const { targetTransferTag } = (await raw.take(R2T)).header
    for (const lun of [1, 99])
      expect([RESPONSE.TASK_DOES_NOT_EXIST, RESPONSE.LUN_DOES_NOT_EXIST]).toContain(
        await manage(raw, FUNCTION.ABORT_TASK, { referencedTaskTag, lun }),
      )
    raw.dataOut({ initiatorTaskTag: referencedTaskTag, targetTransferTag }, ones)
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  })

  test('of a command that has not come: its number counts as received, and it is dropped when it comes (RFC 7143 11.6.1)', async () => {
    const array = await arrayForTest()
    const raw = await array.rawSession()
    const missing = raw.cmdSn
    raw.cmdSn++
    expect(await manage(raw, FUNCTION.ABORT_TASK, { referencedTaskTag: 0x4444, refCmdSn: missing })).toBe(
      RESPONSE.FUNCTION_COMPLETE,
    )
    raw.command(WRITE, { ...OUT, initiatorTaskTag: 0x4444, cmdSn: missing }, { data: ones })
    await raw.expectSilence(30)
    await expectUp(raw)
    expect(await (await array.disk()).read(0, 1)).toEqual(Buffer.alloc(512))
  })

  test('200 rounds of write and abort at once: GOOD and "does not exist", or no response and "complete", never both', async () => {
    for (const slow of [false, true]) {
      const store = new HeldStore()
      const raw = await loggedIn(await handBuilt([store]))
      for (let round = 0; round < 100; round++) {
        if (slow) store.hold()
        raw.socket.cork()
        const referencedTaskTag = raw.command(WRITE, OUT, { data: ones })
        const tag = send(raw, FUNCTION.ABORT_TASK, { referencedTaskTag, refCmdSn: raw.cmdSn - 1 })
        raw.socket.uncork()
        if (slow) await new Promise((resolve) => setImmediate(resolve))
        store.release()
        const first = await raw.takeAny()
        if (first.header.opcode === SCSI_RESPONSE) {
          expect(first.header.status).toBe(STATUS.GOOD)
          expect((await raw.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject({
            initiatorTaskTag: tag,
            response: RESPONSE.TASK_DOES_NOT_EXIST,
          })
        } else expect(first.header).toMatchObject({ initiatorTaskTag: tag, response: RESPONSE.FUNCTION_COMPLETE })
      }
      await raw.expectSilence(30)
    }
  })
})
