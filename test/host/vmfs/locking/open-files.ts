// What the tests of files that are held open share.

import { expect } from 'vitest'
import type { Host, SharedVolume } from './shared-volume.ts'

export async function hosts(shared: SharedVolume, count: number): Promise<Host[]> {
  return await Promise.all(Array.from({ length: count }, () => shared.host()))
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
