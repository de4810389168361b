// What a peer may make the array hold (src/target/limits.ts): each bound is reached, and one more is refused.

import { describe, expect, test } from 'vitest'
import {
  LOGIN_STAGE,
  LOGIN_STATUS,
  REJECT_REASON,
  STATUS,
  TARGET_OPCODE,
  TASK_MANAGEMENT_FUNCTION,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { arrayForTest } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { loggedIn, OUT, ones, send, WRITE } from './tasks.ts'

const more = { continue: true, currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION }
const { statusClass, statusDetail } = LOGIN_STATUS.OUT_OF_RESOURCES

describe('a login that never says its last word (RFC 7143 11.13.5: out of resources)', () => {
  test('text beyond the limit, in PDUs that are each allowed', async () => {
    const raw = await (await arrayForTest()).raw()
    const part = Buffer.alloc(LIMITS.loginDataSegmentLength, 'a')
    for (let sent = part.length; sent <= LIMITS.negotiationTextLength; sent += part.length)
      expect((await raw.loginStep(part, more)).header.statusClass).toBe(0)
    expect((await raw.loginStep(part, more)).header).toMatchObject({ statusClass, statusDetail })
    await raw.expectClosed()
  })

  test('requests without any text', async () => {
    const raw = await (await arrayForTest()).raw()
    for (let sent = 1; sent <= LIMITS.negotiationPdus; sent++)
      expect((await raw.loginStep(Buffer.alloc(0), more)).header.statusClass).toBe(0)
    expect((await raw.loginStep(Buffer.alloc(0), more)).header).toMatchObject({ statusClass, statusDetail })
    await raw.expectClosed()
  })
})

describe('a session', () => {
  test('immediate commands, which no window holds back: one too many is rejected, the others go on', async () => {
    const built = await handBuilt([new HeldStore()])
    const raw = await loggedIn(built)
    const tags: number[] = []
    for (let count = 0; count < LIMITS.tasksPerSession; count++)
      tags.push(raw.command(WRITE, { ...OUT, immediate: true }))
    for (const _ of tags) await raw.take(TARGET_OPCODE.R2T)
    raw.command(WRITE, { ...OUT, immediate: true })
    expect((await raw.take(TARGET_OPCODE.REJECT)).header.reason).toBe(REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
    raw.expStatSn++
    raw.dataOut({ initiatorTaskTag: tags[0]!, targetTransferTag: 0 }, ones)
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: tags[0], status: STATUS.GOOD })
  })

  test('task management functions that wait: one too many is rejected, the others are answered', async () => {
    const store = new HeldStore()
    const raw = await loggedIn(await handBuilt([store]))
    store.hold()
    raw.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    const { LOGICAL_UNIT_RESET } = TASK_MANAGEMENT_FUNCTION
    for (let count = 0; count < LIMITS.taskManagementPerSession; count++) send(raw, LOGICAL_UNIT_RESET)
    send(raw, LOGICAL_UNIT_RESET)
    expect((await raw.take(TARGET_OPCODE.REJECT)).header.reason).toBe(REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
    store.release()
    for (let count = 0; count < LIMITS.taskManagementPerSession; count++)
      expect((await raw.take(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE)).header.response).toBe(0)
  })
})
