// Buffers that lie ready for the next burst: reused while they are needed, given back when nobody has needed them for a while.

import { describe, expect, test } from 'vitest'
import { BufferPool } from '../../src/target/buffer-pool.ts'

const MIB = 2 ** 20
const SMALL = 16 * 1024

/** Takes `count` buffers at once and gives them back. */
function burst(pool: BufferPool, count: number, size: number): Buffer[] {
  const buffers = Array.from({ length: count }, () => pool.take(size))
  for (const buffer of buffers) pool.release(buffer)
  return buffers
}

const pass = (pool: BufferPool, seconds: number) => {
  for (let second = 0; second < seconds; second++) pool.tick()
}

describe('buffers that are not lent out', () => {
  test('the one that was used last is used again', () => {
    const pool = new BufferPool(64 * MIB)
    const buffers = burst(pool, 3, SMALL)
    expect(pool.take(SMALL)).toBe(buffers.at(-1))
  })

  test('no more than 32 MiB lie ready after a burst', () => {
    const pool = new BufferPool(256 * MIB)
    burst(pool, 100, MIB)
    expect(pool.kept).toBeGreaterThan(30 * MIB)
    expect(pool.kept).toBeLessThanOrEqual(32 * MIB)
  })

  test('after a silence none does', () => {
    const pool = new BufferPool(256 * MIB)
    burst(pool, 10, MIB)
    burst(pool, 100, SMALL)
    pass(pool, 20)
    expect(pool.kept).toBe(0)
    expect(pool.used).toBe(0)
  })

  test('what a steady load needs stays, what only a burst has needed goes', () => {
    const pool = new BufferPool(256 * MIB)
    burst(pool, 20, MIB)
    const steady = new Set<Buffer>()
    for (let second = 0; second < 40; second++) {
      for (const buffer of burst(pool, 2, MIB)) steady.add(buffer)
      pool.tick()
    }
    expect(steady.size).toBe(2)
    expect(pool.kept).toBe(2 * pool.lengthFor(MIB))
  })

  test('one length being in use keeps none of another', () => {
    const pool = new BufferPool(256 * MIB)
    burst(pool, 10, MIB)
    for (let second = 0; second < 20; second++) {
      burst(pool, 4, SMALL)
      pool.tick()
    }
    expect(pool.kept).toBe(4 * SMALL)
  })

  test('a buffer that is lent out all the while is taken back as any other', () => {
    const pool = new BufferPool(256 * MIB)
    const lent = pool.take(SMALL)
    pass(pool, 20)
    expect(pool.used).toBe(SMALL)
    pool.release(lent)
    expect(pool.take(SMALL)).toBe(lent)
  })
})
