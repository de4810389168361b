// A session of ErrorRecoveryLevel 1 (RFC 7143 7.1.4.1) whose reads come in many Data-In PDUs, which SNACK asks for again.

import { expect } from 'vitest'
import { TEST_UNIT_READY } from '../../protocol/index.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'

export const BLOCK = 512
/** What the medium holds. */
export const medium = pattern(64 * BLOCK, 5)

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly raw: RawInitiator
}

/** Data-In PDUs of 1024 bytes, four to a burst. */
export async function connected(keys: Record<string, string> = {}): Promise<Setup> {
  const store = new HeldStore()
  const built = await handBuilt([store])
  await store.write(medium, 0, medium.length, 0)
  const raw = await built.raw()
  const usual = { ErrorRecoveryLevel: '1', MaxRecvDataSegmentLength: '1024', MaxBurstLength: '4096', InitialR2T: 'Yes' }
  const settled = await raw.login(built.target.iqn, { ...usual, ...keys })
  expect(settled.ErrorRecoveryLevel).toBe('1')
  raw.command(TEST_UNIT_READY.encode({}))
  await raw.response()
  return { built, store, raw }
}
