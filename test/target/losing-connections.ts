// A session of ErrorRecoveryLevel 2 over a medium that can be told to wait: its connections are cut, and others come.

import { INITIATOR_OPCODE, TARGET_OPCODE, WRITE_10 } from '../../protocol/index.ts'
import type { Session } from '../../src/target/session.ts'
import { MIB } from './array.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import { join, members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { until } from './recovering.ts'

export const BLOCK = 512
export const LENGTH = 16 * BLOCK
/** What the medium holds. */
export const medium = pattern(4 * MIB, 5)
/** A write, and the fields that go with it. */
export const write = WRITE_10.encode({ lba: 8, blocks: 16 })
export const out = { write: true, expectedDataTransferLength: LENGTH }
const KEYS = {
  ErrorRecoveryLevel: '2',
  DefaultTime2Wait: '2',
  DefaultTime2Retain: '5',
  MaxRecvDataSegmentLength: '1024',
  MaxBurstLength: '4096',
  ImmediateData: 'No',
  InitialR2T: 'Yes',
}
/** More than Time2Wait and Time2Retain. */
export const SECONDS = 8

export interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly all: RawInitiator[]
  readonly raw: RawInitiator
}

export async function connected(
  count = 1,
  keys: Record<string, string> = {},
  limits: Record<string, number> = {},
): Promise<Setup> {
  const store = new HeldStore()
  const built = await handBuilt([store], {}, {}, undefined, { limits })
  await store.write(medium, 0, medium.length, 0)
  store.writes.splice(0)
  const all = await members(built, built.target.iqn, count, { ...KEYS, ...keys })
  return { built, store, all, raw: all[0]! }
}

/** Of a connection, not of its session. */
export const connectionKeys = { MaxRecvDataSegmentLength: KEYS.MaxRecvDataSegmentLength }

/** The connection goes, and another one takes its CID: an implicit logout for recovery. */
export async function reinstated(
  { built, all }: Setup,
  lost: RawInitiator,
  keys: Record<string, string> = connectionKeys,
): Promise<RawInitiator> {
  lost.destroy()
  return join(built, all[0]!, built.target.iqn, lost.cid, keys)
}

export async function logout(raw: RawInitiator, reason: number, cid: number) {
  const initiatorTaskTag = raw.takeTag()
  raw.send(INITIATOR_OPCODE.LOGOUT_REQUEST, {
    immediate: true,
    reason,
    cid,
    initiatorTaskTag,
    cmdSn: raw.cmdSn,
    expStatSn: raw.expStatSn,
  })
  const { header } = await raw.take(TARGET_OPCODE.LOGOUT_RESPONSE)
  raw.expStatSn++
  return header
}

/** The only session that there is, as the array has it. */
export const sessionOf = ({ built }: Setup): Session => [...built.target.sessions][0]!

/** The array has seen that connections are gone: so many are left. */
export const seen = ({ built }: Setup, connections: number): Promise<void> =>
  until(() => [...built.target.sessions][0]?.connections.length === connections)

export const pass = ({ built }: Setup, seconds: number): void => {
  for (let second = 0; second < seconds; second++) built.host.tick()
}

export const everythingFreed = ({ built }: Setup): Promise<void> =>
  until(() => built.target.sessions.size === 0 && built.host.pool.used === 0 && built.host.retained.used === 0)
