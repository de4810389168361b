// ORWRITE and WRITE ATOMIC that are aborted on their way: what has begun to be written is there whole when ABORT TASK is
// answered, what has not never is (SAM-5 7.2).

import { describe, expect, test } from 'vitest'
import {
  ORWRITE_16,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  VERIFY_16,
  WRITE_ATOMIC_16,
} from '../../../protocol/index.ts'
import { TaskAbortedError } from '../../../src/host/index.ts'
import { type HandBuilt, HeldStore, handBuilt } from '../hand-built.ts'

const BLOCKS = 16
const ONES = Buffer.alloc(BLOCKS * 512, 0xff)

/** Resolves when the array knows of the ABORT TASK. */
async function untilAborted({ units }: HandBuilt): Promise<void> {
  while (!units[0]!.tasks.all().some(({ aborted }) => aborted)) await new Promise((resolve) => setImmediate(resolve))
}

describe.each([ORWRITE_16, WRITE_ATOMIC_16].map((cdb) => ({ name: cdb.name, cdb })))('$name', ({ cdb }) => {
  test('aborted while it waits for the medium: all or nothing, and settled when ABORT TASK is answered', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    store.hold()
    const task = disk.session.submit({ lun: 0, cdb: cdb.encode({ blocks: BLOCKS }), dataOut: ONES })
    const ended = expect(task.result).rejects.toThrow(TaskAbortedError)
    await store.untilWaiting(1)
    const answer = disk.session.abortTask(task)
    await untilAborted(built)
    store.release()
    expect(await answer).toBe(RESPONSE.FUNCTION_COMPLETE)
    await ended
    const writes = store.writes.length
    const after = await disk.read(0, BLOCKS)
    expect(new Set(after).size).toBe(1)
    expect(after[0]).toBe(writes === 0 ? 0 : 0xff)
  })
})

test('VERIFY with BYTCHK 11b can be aborted', async () => {
  const store = new HeldStore()
  const built = await handBuilt([store])
  const disk = await built.disk()
  store.hold()
  const cdb = VERIFY_16.encode({ blocks: 4096, bytchk: 3 })
  const task = disk.session.submit({ lun: 0, cdb, dataOut: Buffer.alloc(512) })
  const ended = expect(task.result).rejects.toThrow(TaskAbortedError)
  await store.untilWaiting(1)
  const answer = disk.session.abortTask(task)
  await untilAborted(built)
  store.release()
  expect(await answer).toBe(RESPONSE.FUNCTION_COMPLETE)
  await ended
})
