// What the tests of files that are held open share.

import { expect } from 'vitest'
import type { LockingSettings } from '../../../../src/host/vmfs/locking/settings.ts'
import type { Host, SharedVolume } from './shared-volume.ts'

export async function hosts(
  shared: SharedVolume,
  count: number,
  locking: Partial<LockingSettings> = {},
): Promise<Host[]> {
  return await Promise.all(Array.from({ length: count }, () => shared.host(locking)))
}

/** All is closed, and nothing is wrong. */
export async function end(shared: SharedVolume, all: readonly Host[]): Promise<void> {
  for (const { volume } of all) await volume.close()
  expect(await shared.findings()).toEqual([])
}

export const block = (fill: string, length = 512): Buffer => Buffer.alloc(length, fill)

export async function* zeros(length: number): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(length)
}
