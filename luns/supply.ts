// What a store lacks, made of what it has: zeroing by writing, copying by reading. The gate calls these with the range
// locked. They write through `write`, never at once: a kernel that is asked to take gigabytes makes the writer wait, and
// that must be a thread, not the event loop.

import { BUFFER_BYTES, type CopyPiece } from './copy-pieces.ts'
import type { Pacer } from './pacer.ts'
import type { Extent, Store } from './store.ts'

/** What comparing gives when nothing differs; else it is the index of the first byte that does. */
export const MATCH = -1

export async function fetch(store: Store, target: Buffer, length: number, offset: number): Promise<void> {
  if (!store.readNow(target, 0, length, offset)) await store.read(target, 0, length, offset)
}

export async function extentOf(store: Store, offset: number, length: number): Promise<Extent> {
  return store.extent ? store.extent(offset, length) : { offset, length, mapped: true }
}

/** For copies: a hole that is presumed to be data is copied as the zeroes that it reads as. */
async function runOf(store: Store, offset: number, length: number): Promise<Extent> {
  return store.presumedExtent?.(offset, length) ?? extentOf(store, offset, length)
}

/** `unmap`: the range may be freed. A store that can only free does so in any case: its zeroes are holes. */
export async function zero(store: Store, offset: number, length: number, unmap: boolean, pacer: Pacer): Promise<void> {
  if (store.unmap && (unmap || !store.zero)) return store.unmap(offset, length)
  if (store.zero) return store.zero(offset, length)
  const zeroes = Buffer.alloc(Math.min(BUFFER_BYTES, length))
  for (let done = 0; done < length; done += zeroes.length) {
    await pacer.next()
    await store.write(zeroes, 0, Math.min(zeroes.length, length - done), offset + done)
  }
}

/** Holes of the source become holes, or zeroes; data passes through the kernel where it can. */
export async function copyPiece(source: Store, target: Store, piece: CopyPiece, pacer: Pacer): Promise<void> {
  if (piece.overlaps) return copyBuffered(source, target, piece, pacer)
  const end = piece.sourceOffset + piece.length
  for (let sourceOffset = piece.sourceOffset; sourceOffset < end; ) {
    await pacer.next()
    const { length, mapped } = await runOf(source, sourceOffset, end - sourceOffset)
    const run = { sourceOffset, offset: piece.offset + sourceOffset - piece.sourceOffset, length }
    if (!mapped) await zero(target, run.offset, length, true, pacer)
    else if (!(await target.copyFrom?.(source, sourceOffset, run.offset, length)))
      await copyBuffered(source, target, run, pacer)
    sourceOffset += length
  }
}

type Run = Pick<CopyPiece, 'sourceOffset' | 'offset' | 'length'>

async function copyBuffered(source: Store, target: Store, run: Run, pacer: Pacer): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, run.length))
  for (let done = 0; done < run.length; done += buffer.length) {
    await pacer.next()
    const count = Math.min(buffer.length, run.length - done)
    await fetch(source, buffer, count, run.sourceOffset + done)
    await target.write(buffer, 0, count, run.offset + done)
  }
}

/** MATCH, or where the first `expected.length` bytes of `actual` differ. */
export function firstDifference(actual: Buffer, expected: Buffer): number {
  const { length } = expected
  if (actual.compare(expected, 0, length, 0, length) === 0) return MATCH
  let index = 0
  while (actual[index] === expected[index]) index++
  return index
}
