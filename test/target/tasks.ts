// Task management as a scripted initiator sends it, and the writes that it is about.

import { expect } from 'vitest'
import {
  encodeLun,
  INITIATOR_OPCODE,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import type { HandBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'

const { TASK_MANAGEMENT_RESPONSE } = TARGET_OPCODE

/** A write of one block at LBA 0, and the fields that go with it. */
export const WRITE = WRITE_10.encode({ blocks: 1 })
export const OUT = { write: true, expectedDataTransferLength: 512 }
export const ones = Buffer.alloc(512, 1)

export interface Manage {
  readonly lun?: number
  readonly referencedTaskTag?: number
  readonly refCmdSn?: number
  readonly cmdSn?: number
}

/** Sends a function; its task tag. */
export function send(raw: RawInitiator, code: number, { lun = 0, ...fields }: Manage = {}): number {
  const initiatorTaskTag = raw.takeTag()
  const usual = { immediate: true, function: code, initiatorTaskTag, cmdSn: raw.cmdSn, referencedTaskTag: RESERVED_TAG }
  raw.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, { ...usual, ...fields, lun: encodeLun(lun) })
  return initiatorTaskTag
}

/** The response that is due next, to this request. */
export async function answered(raw: RawInitiator, initiatorTaskTag: number): Promise<number> {
  const { header } = await raw.take(TASK_MANAGEMENT_RESPONSE)
  expect(header).toMatchObject({ initiatorTaskTag, statSn: raw.expStatSn++ })
  return header.response
}

export const manage = (raw: RawInitiator, code: number, fields?: Manage): Promise<number> =>
  answered(raw, send(raw, code, fields))

/** Logged in, the unit attentions of every logical unit taken. */
export async function loggedIn(built: HandBuilt): Promise<RawInitiator> {
  const raw = await built.raw()
  await raw.login(built.target.iqn, { InitialR2T: 'Yes' })
  for (const { lun } of built.units) {
    raw.command(TEST_UNIT_READY.encode({}), { lun })
    await raw.response()
  }
  return raw
}

/** What was sent before has been taken in by the target: a ping that came after it is answered. */
export async function taken(raw: RawInitiator): Promise<void> {
  const initiatorTaskTag = raw.takeTag()
  raw.send(INITIATOR_OPCODE.NOP_OUT, {
    immediate: true,
    initiatorTaskTag,
    targetTransferTag: RESERVED_TAG,
    cmdSn: raw.cmdSn,
  })
  expect((await raw.take(TARGET_OPCODE.NOP_IN)).header.initiatorTaskTag).toBe(initiatorTaskTag)
  raw.expStatSn++
}

/** The connection is up and in step. */
export async function expectUp(raw: RawInitiator): Promise<void> {
  raw.command(TEST_UNIT_READY.encode({}))
  expect((await raw.response()).header.status).toBe(STATUS.GOOD)
}
