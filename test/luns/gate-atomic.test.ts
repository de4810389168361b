// ORWRITE, WRITE ATOMIC and COMPARE AND WRITE: nothing between their reading and their writing, nothing after an abort that
// came in time, and no part of what a store has failed to write.

import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StoreError } from '../../luns/errors.ts'
import { Gate, MATCH } from '../../luns/gate.ts'
import { MemoryStore } from '../../luns/stores/memory.ts'
import { contentOf, expectBytes, imageGate, memoryGate, pattern, waitingGate } from './tools.ts'

const SECTOR = 512
const KIB = 1024
const MIB = 1024 * KIB
const LENGTH = 2 * MIB

const KINDS = [
  { kind: 'memory', open: async () => memoryGate(LENGTH) },
  { kind: 'sparse', open: () => imageGate('sparse', LENGTH) },
  { kind: 'file', open: () => imageGate('file', LENGTH) },
  { kind: 'a store that always waits', open: async () => waitingGate(LENGTH) },
]

function or(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte | b[i]!))
}

/** What each does to what it finds, with data that it replaces where it is to compare. */
const OPERATIONS = [
  { name: 'ORWRITE', run: (gate: Gate, _: Buffer, data: Buffer, offset: number, stop?: () => boolean) => gate.orWrite(data, offset, false, stop) },
  { name: 'WRITE ATOMIC', run: (gate: Gate, _: Buffer, data: Buffer, offset: number, stop?: () => boolean) => gate.writeAtomic(data, offset, false, stop) },
  { name: 'COMPARE AND WRITE', run: async (gate: Gate, old: Buffer, data: Buffer, offset: number, stop?: () => boolean) => {
    expect(await gate.compareAndWrite(old, data, offset, true, { stop })).toBe(MATCH)
  } },
] // biome-ignore format: a table

describe.each(KINDS)('before $kind', ({ open }) => {
  test('ORWRITE: the medium becomes medium OR data, at both ends and over many pieces', async () => {
    const gate = await open()
    const model = pattern(LENGTH, 1)
    await gate.write(model, 0, LENGTH, 0, false)
    for (const [offset, length] of [[0, SECTOR], [LENGTH - SECTOR, SECTOR], [SECTOR, MIB + SECTOR], [0, 0]] as const) {
      const data = pattern(length, offset + 2)
      await gate.orWrite(data, offset, offset === 0)
      or(model.subarray(offset, offset + length), data).copy(model, offset)
    } // biome-ignore format: pairs
    expectBytes(await contentOf(gate), model)
    expect(gate.counters).toMatchObject({ writes: 5, bytesWritten: LENGTH + MIB + 3 * SECTOR })
    await gate.close()
  })

  test('WRITE ATOMIC: at both ends, with and without FUA', async () => {
    const gate = await open()
    const model = Buffer.alloc(LENGTH)
    for (const [offset, length] of [[0, SECTOR], [LENGTH - MIB, MIB], [300 * KIB, 0]] as const)
      for (const fua of [false, true]) {
        const data = pattern(length, offset + (fua ? 3 : 2))
        await gate.writeAtomic(data, offset, fua)
        data.copy(model, offset)
      } // biome-ignore format: pairs
    expectBytes(await contentOf(gate), model)
    expect(gate.counters).toMatchObject({ writes: 6, bytesWritten: 2 * SECTOR + 2 * MIB })
    await gate.close()
  })

  test('outside the medium: RangeError, nothing happens', async () => {
    const gate = await open()
    for (const offset of [LENGTH, LENGTH - SECTOR + 1, -1, Number.NaN]) {
      await expect(gate.orWrite(Buffer.alloc(SECTOR, 1), offset, false)).rejects.toThrow(RangeError)
      await expect(gate.writeAtomic(Buffer.alloc(SECTOR, 1), offset, false)).rejects.toThrow(RangeError)
    }
    expectBytes(await contentOf(gate), Buffer.alloc(LENGTH))
    await gate.close()
  })

  test('many at once on overlapping ranges: no bit of an ORWRITE is lost, and every WRITE ATOMIC is whole', async () => {
    const gate = await open()
    const sectors = 8
    const range = fc.tuple(fc.nat(sectors - 1), fc.integer({ min: 1, max: sectors })).map(([first, count]) => ({
      offset: first * SECTOR,
      length: Math.min(count, sectors - first) * SECTOR,
    }))
    const ors = fc.array(fc.record({ range, seed: fc.nat(99), fua: fc.boolean() }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(ors, async (operations) => {
        await gate.unmap(0, LENGTH)
        const model = Buffer.alloc(sectors * SECTOR)
        const [start, whole] = [MIB, 4 * SECTOR]
        const writes = operations.map(({ seed }) => gate.writeAtomic(Buffer.alloc(whole, 1 + seed), start, false))
        const seen = operations.map(async () => {
          const bytes = Buffer.alloc(whole)
          if (!gate.readNow(bytes, 0, whole, start)) await gate.read(bytes, 0, whole, start)
          expect(new Set(bytes).size).toBe(1)
          await setImmediate()
          expect(new Set(await contentOf(gate, start, whole)).size).toBe(1)
        })
        for (const { range: at, seed } of operations)
          or(model.subarray(at.offset, at.offset + at.length), pattern(at.length, seed)).copy(model, at.offset)
        await Promise.all([
          ...writes,
          ...seen,
          ...operations.map(({ range: at, seed, fua }) => gate.orWrite(pattern(at.length, seed), at.offset, fua)),
        ])
        expectBytes(await contentOf(gate, 0, model.length), model)
      }),
      { numRuns: 40 },
    )
    await gate.close()
  })

  test.each(OPERATIONS)('$name: aborted before its turn has come it never happens', async ({ run }) => {
    const gate = await open()
    const [old, data] = [pattern(8 * KIB, 1), pattern(8 * KIB, 2)]
    await gate.write(old, 0, 8 * KIB, 0, false)
    const first = gate.compareAndWrite(old, old, 0, true)
    await expect(run(gate, old, data, 0, () => true)).rejects.toMatchObject({ name: 'AbortedError' })
    expect(await first).toBe(MATCH)
    expectBytes(await contentOf(gate, 0, 8 * KIB), old)
    await gate.close()
  })

  test.each(OPERATIONS)('$name: aborted before the first byte is written it never happens', async ({ run }) => {
    const gate = await open()
    const [old, data] = [pattern(8 * KIB, 1), pattern(8 * KIB, 2)]
    await gate.write(old, 0, 8 * KIB, 0, false)
    let asked = 0
    await expect(run(gate, old, data, 0, () => ++asked === 2)).rejects.toMatchObject({ name: 'AbortedError' })
    expectBytes(await contentOf(gate, 0, 8 * KIB), old)
    await gate.close()
  })

  test.each(OPERATIONS)('$name: aborted later it is done when its promise resolves', async ({ name, run }) => {
    const gate = await open()
    const [old, data] = [pattern(MIB, 1), pattern(MIB, 2)]
    await gate.write(old, 0, MIB, 0, false)
    let asked = 0
    await run(gate, old, data, 0, () => ++asked > 2)
    expectBytes(await contentOf(gate, 0, MIB), name === 'ORWRITE' ? or(old, data) : data)
    expect(asked).toBe(2)
    await gate.close()
  })
})

/** Writes half of what it is given, then fails, so many times as it is told. */
class TornStore extends MemoryStore {
  tears = 0

  override writeNow(source: Buffer, at: number, length: number, offset: number): boolean {
    return this.tears === 0 && super.writeNow(source, at, length, offset)
  }

  override async write(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    if (this.tears === 0) return super.write(source, at, length, offset)
    this.tears--
    await super.write(source, at, length >> 1, offset)
    throw new StoreError('I/O error', 'torn')
  }
}

describe('the store fails half way', () => {
  test.each(OPERATIONS.filter(({ name }) => name !== 'ORWRITE'))(
    '$name leaves the medium as it was',
    async ({ run }) => {
      for (const tears of [1, 2]) {
        const store = new TornStore(LENGTH, false)
        const gate = new Gate(store, { writeThrough: false })
        const [old, data] = [pattern(8 * KIB, 1), pattern(8 * KIB, 2)]
        await gate.write(old, 0, 8 * KIB, SECTOR, false)
        store.tears = tears
        await expect(run(gate, old, data, SECTOR)).rejects.toThrow('torn')
        expectBytes(await contentOf(gate, SECTOR, 8 * KIB), old)
        await gate.close()
      }
    },
  )
})

describe.each(KINDS)('VERIFY with one block for all, before $kind', ({ open }) => {
  test.each([SECTOR, 4096])('blocks of %d: MATCH, or where in the range the first byte differs', async (size) => {
    const gate = await open()
    const block = pattern(size, 1)
    await gate.writeSame(block, size, MIB, { unmap: false, fua: false })
    expect(await gate.verifySame(block, size, MIB)).toBe(MATCH)
    expect(await gate.verifySame(block, size, size)).toBe(MATCH)
    expect(await gate.verifySame(block, LENGTH, 0)).toBe(MATCH)
    expect(await gate.verifySame(block, 0, MIB)).toBe(0)
    expect(await gate.verifySame(block, size, MIB + size)).toBe(MIB)
    for (const index of [MIB - 1, 300 * KIB + 7, size]) {
      await gate.write(Buffer.of(0), 0, 1, size + index, false)
      expect(await gate.verifySame(block, size, MIB)).toBe(index)
    }
    expect(await gate.verifySame(Buffer.alloc(size), MIB + size, LENGTH - MIB - size)).toBe(MATCH)
    expect(gate.counters.verifies).toBe(9)
    await gate.close()
  })

  test('no whole blocks, or outside the medium: RangeError; aborted: AbortedError', async () => {
    const gate = await open()
    const block = Buffer.alloc(SECTOR)
    for (const [bytes, offset, length] of [[block, 0, SECTOR + 1], [Buffer.alloc(0), 0, 0], [block, LENGTH, SECTOR]] as const)
      await expect(gate.verifySame(bytes, offset, length)).rejects.toThrow(RangeError) // biome-ignore format: triples
    let asked = 0
    const late = () => ++asked > 2
    await expect(gate.verifySame(block, 0, LENGTH, late)).rejects.toMatchObject({ name: 'AbortedError' })
    await expect(gate.verify(Buffer.alloc(LENGTH), 0, late)).rejects.toMatchObject({ name: 'AbortedError' })
    await gate.close()
  })
})
