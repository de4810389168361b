// COMPARE AND WRITE, ORWRITE and WRITE ATOMIC: nothing else on their range sees a part of them, for the gate calls them with
// the range locked alone. `commit` is called last before the first byte is written, and throws for a task that was aborted
// by then: it never happened. From then on it runs to its end, and an abort that waits for the task is answered after that.

import { Pacer } from './pacer.ts'
import type { Store } from './store.ts'
import { fetch, firstDifference, MATCH } from './supply.ts'

/** 0.2 ms. */
const OR_PIECE_BYTES = 256 * 1024

type Commit = () => void

/** What the medium held, and MATCH or the index of the first byte that differs from `expected`: then nothing is written. */
export async function compareThenWrite(
  store: Store,
  expected: Buffer,
  replacement: Buffer,
  offset: number,
  commit: Commit,
): Promise<{ readonly index: number; readonly medium: Buffer }> {
  const medium = await contentOf(store, offset, expected.length)
  const index = firstDifference(medium, expected)
  if (index !== MATCH) return { index, medium }
  commit()
  await replace(store, medium, replacement, offset)
  return { index, medium }
}

/**
 * The same at once, in `medium`, which is as long as the data: undefined where the store would have to wait, and then
 * nothing was written.
 */
export function compareThenWriteNow(
  store: Store,
  medium: Buffer,
  expected: Buffer,
  replacement: Buffer,
  offset: number,
  commit: Commit,
): number | undefined {
  if (!store.readNow(medium, 0, medium.length, offset)) return undefined
  const index = firstDifference(medium, expected)
  if (index !== MATCH) return index
  commit()
  return replaceNow(store, medium, replacement, offset) ? MATCH : undefined
}

/** The medium becomes medium OR data (SBC-3 5.7): once begun it goes on to its end, or to where the store fails. */
export async function orInto(store: Store, data: Buffer, offset: number, commit: Commit): Promise<void> {
  commit()
  const pacer = new Pacer(undefined)
  const medium = Buffer.allocUnsafe(Math.min(OR_PIECE_BYTES, data.length))
  for (let done = 0; done < data.length; done += medium.length) {
    await pacer.next()
    const length = Math.min(medium.length, data.length - done)
    await fetch(store, medium, length, offset + done)
    for (let i = 0; i < length; i++) medium[i]! |= data[done + i]!
    await store.write(medium, 0, length, offset + done)
  }
}

/** All of the data, or none of it (SBC-4 4.29). */
export async function writeWhole(store: Store, data: Buffer, offset: number, commit: Commit): Promise<void> {
  const medium = await contentOf(store, offset, data.length)
  commit()
  await replace(store, medium, data, offset)
}

async function contentOf(store: Store, offset: number, length: number): Promise<Buffer> {
  const medium = Buffer.allocUnsafe(length)
  await fetch(store, medium, length, offset)
  return medium
}

/** Where the store fails, what it had written is as it was: putting it back fails at the same place. */
async function replace(store: Store, medium: Buffer, replacement: Buffer, offset: number): Promise<void> {
  const { length } = replacement
  try {
    await store.write(replacement, 0, length, offset)
  } catch (error) {
    await store.write(medium, 0, length, offset).catch(() => {})
    throw error
  }
}

/** `replace` at once. False: nothing was written. */
function replaceNow(store: Store, medium: Buffer, replacement: Buffer, offset: number): boolean {
  const { length } = replacement
  try {
    return store.writeNow(replacement, 0, length, offset)
  } catch (error) {
    try {
      store.writeNow(medium, 0, length, offset)
    } catch {
      // at the same place
    }
    throw error
  }
}
