import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Gate, MATCH } from '../../luns/gate.ts'
import { MemoryStore } from '../../luns/stores/memory.ts'
import { contentOf, expectBytes, imageGate, memoryGate, pattern, waitingGate } from './tools.ts'

const SECTOR = 512
const KIB = 1024
const MIB = 1024 * KIB
const LENGTH = 4 * MIB

const memory = (length = LENGTH) => memoryGate(length)
const waiting = (length = LENGTH) => waitingGate(length)
const image = (type: 'sparse' | 'file' = 'sparse', length = LENGTH) => imageGate(type, length)

const KINDS = [
  { kind: 'memory', open: async () => memory() },
  { kind: 'sparse', open: () => image('sparse') },
  { kind: 'file', open: () => image('file') },
  { kind: 'a store that only reads and writes, and always waits', open: async () => waiting() },
]

describe.each(KINDS)('gate before $kind', ({ open }) => {
  test('COMPARE AND WRITE: simple, at both ends of the medium', async () => {
    const gate = await open()
    for (const offset of [0, LENGTH - 2 * SECTOR]) {
      const [first, second] = [pattern(2 * SECTOR, 1), pattern(2 * SECTOR, 2)]
      expect(await gate.compareAndWrite(Buffer.alloc(2 * SECTOR), first, offset, false)).toBe(MATCH)
      expect(await gate.compareAndWrite(first, second, offset, true)).toBe(MATCH)
      expectBytes(await contentOf(gate, offset, 2 * SECTOR), second)
    }
    expect(gate.counters).toMatchObject({ compareAndWrites: 4, miscompares: 0 })
    await gate.close()
  })

  test('COMPARE AND WRITE: miscompare gives the first byte that differs, and writes nothing', async () => {
    const gate = await open()
    const medium = pattern(4 * SECTOR, 1)
    await gate.write(medium, 0, medium.length, SECTOR, false)
    for (const index of [0, 1, SECTOR, 4 * SECTOR - 1])
      for (const fua of [false, true]) {
        const expected = Buffer.from(medium)
        expected[index]! ^= 0x80
        expected[4 * SECTOR - 1]! ^= 0x01
        expect(await gate.compareAndWrite(expected, pattern(4 * SECTOR, 2), SECTOR, fua)).toBe(index)
      }
    expectBytes(await contentOf(gate, SECTOR, 4 * SECTOR), medium)
    expect(gate.counters.miscompares).toBe(8)
    await gate.close()
  })

  test('verify: MATCH, or the first byte that differs, in any piece', async () => {
    const gate = await open()
    const medium = pattern(MIB, 1)
    await gate.write(medium, 0, MIB, SECTOR, false)
    expect(await gate.verify(medium, SECTOR)).toBe(MATCH)
    for (const index of [0, 300 * KIB + 1, MIB - 1]) {
      const expected = Buffer.from(medium)
      expected[index]! ^= 1
      expect(await gate.verify(expected, SECTOR)).toBe(index)
    }
    expect(await gate.verify(Buffer.alloc(0), LENGTH)).toBe(MATCH)
    await gate.close()
  })

  test('WRITE SAME: a pattern in every block, and zeroes with and without UNMAP', async () => {
    const gate = await open()
    const model = pattern(LENGTH, 1)
    await gate.write(model, 0, LENGTH, 0, false)
    const block = pattern(4096, 2)
    await gate.writeSame(block, 4096, 600 * 4096, { unmap: true, fua: true })
    model.fill(block, 4096, 601 * 4096)
    const zeroes = Buffer.alloc(SECTOR)
    await gate.writeSame(zeroes, SECTOR, MIB + SECTOR, { unmap: false, fua: false })
    await gate.writeSame(zeroes, 2 * MIB, LENGTH - 2 * MIB, { unmap: true, fua: false })
    model.fill(0, SECTOR, MIB + 2 * SECTOR).fill(0, 2 * MIB)
    expectBytes(await contentOf(gate), model)
    await expect(gate.writeSame(block, 0, 4096 + 512, { unmap: false, fua: false })).rejects.toThrow(RangeError)
    await expect(gate.writeSame(Buffer.alloc(0), 0, 4096, { unmap: false, fua: false })).rejects.toThrow(RangeError)
    await gate.close()
  })

  test('unmap, extent, prefetch and flush', async () => {
    const gate = await open()
    const model = pattern(LENGTH, 1)
    await gate.write(model, 0, LENGTH, 0, false)
    await gate.unmap(MIB, 2 * MIB)
    model.fill(0, MIB, 3 * MIB)
    await gate.prefetch(0, LENGTH)
    await gate.flush()
    for (let offset = 0; offset < LENGTH; ) {
      const run = await gate.extent(offset, LENGTH - offset)
      expect(run.offset).toBe(offset)
      if (!run.mapped) expectBytes(model.subarray(offset, offset + run.length), Buffer.alloc(run.length))
      offset += run.length
    }
    expect(await gate.extent(0, MIB)).toEqual({ offset: 0, length: MIB, mapped: true })
    expectBytes(await contentOf(gate), model)
    expect(gate.counters).toMatchObject({ unmaps: 1, bytesCleared: 2 * MIB, flushes: 1 })
    await gate.close()
  })

  test('any sequence agrees with a buffer: read, write, unmap, WRITE SAME, copies that overlap', async () => {
    const length = MIB
    const sectors = length / SECTOR
    const operation = fc.record({
      what: fc.constantFrom('read', 'write', 'unmap', 'same', 'copy', 'compare'),
      first: fc.nat(sectors - 1),
      count: fc.integer({ min: 0, max: 1200 }),
      other: fc.nat(sectors - 1),
      seed: fc.nat(100),
    })
    const gate = await open()
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
        await gate.unmap(0, length)
        const model = Buffer.alloc(length)
        for (const { what, first, count, other, seed } of operations) {
          const blocks = Math.min(count, sectors - first, what === 'copy' ? sectors - other : sectors)
          await step(gate, model, what, first * SECTOR, blocks * SECTOR, other * SECTOR, seed)
        }
        expectBytes(await contentOf(gate, 0, length), model)
      }),
      { numRuns: 40 },
    )
    await gate.close()
  })

  test('outside the medium or the buffer: RangeError, nothing happens', async () => {
    const gate = await open()
    const buffer = Buffer.alloc(SECTOR)
    for (const [offset, length] of [[LENGTH, 1], [LENGTH - 1, 2], [-1, 1], [0, -1], [Number.NaN, 1]] as const) {
      expect(() => gate.readNow(Buffer.alloc(8), 0, length, offset)).toThrow(RangeError)
      expect(() => gate.writeNow(Buffer.alloc(8), 0, length, offset, false)).toThrow(RangeError)
      await expect(gate.read(Buffer.alloc(8), 0, length, offset)).rejects.toThrow(RangeError)
      await expect(gate.write(Buffer.alloc(8), 0, length, offset, false)).rejects.toThrow(RangeError)
      await expect(gate.unmap(offset, length)).rejects.toThrow(RangeError)
      await expect(gate.extent(offset, length)).rejects.toThrow(RangeError)
      await expect(gate.prefetch(offset, length)).rejects.toThrow(RangeError)
      await expect(gate.copyFrom(gate, offset, 0, length)).rejects.toThrow(RangeError)
      await expect(gate.copyFrom(gate, 0, offset, length)).rejects.toThrow(RangeError)
    } // biome-ignore format: pairs
    await expect(gate.verify(buffer, LENGTH - 1)).rejects.toThrow(RangeError)
    expect(() => gate.compareAndWrite(buffer, buffer, LENGTH, false)).toThrow(RangeError)
    expect(() => gate.compareAndWrite(buffer, Buffer.alloc(8), 0, false)).toThrow(RangeError)
    for (const [at, length] of [[1, SECTOR], [-1, 8], [0, SECTOR + 1]] as const) {
      expect(() => gate.readNow(buffer, at, length, 0)).toThrow(RangeError)
      await expect(gate.write(buffer, at, length, 0, false)).rejects.toThrow(RangeError)
    } // biome-ignore format: pairs
    expectBytes(await contentOf(gate), Buffer.alloc(LENGTH))
    await gate.close()
  })

  test('close waits for what is under way; later operations fail', async () => {
    const gate = await open()
    const data = pattern(MIB, 1)
    const writes = [0, 1, 2].map((n) => gate.write(data, 0, MIB, n * MIB, n === 1))
    const compare = Promise.resolve(gate.compareAndWrite(data, pattern(MIB, 2), 0, false))
    const closing = gate.close()
    expect(gate.close()).toBe(closing)
    await expect(gate.read(data, 0, 1, 0)).rejects.toMatchObject({ failure: 'I/O error' })
    expect(() => gate.writeNow(data, 0, 1, 0, false)).toThrow('closed')
    await expect(gate.flush()).rejects.toThrow('closed')
    await Promise.all([...writes, closing])
    await compare
  })
})

/** One operation on the gate and on the model. */
async function step(gate: Gate, model: Buffer, what: string, at: number, length: number, other: number, seed: number) {
  const data = pattern(length, seed)
  if (what === 'read') expectBytes(await contentOf(gate, at, length), model.subarray(at, at + length))
  else if (what === 'write') {
    if (!gate.writeNow(data, 0, length, at, false)) await gate.write(data, 0, length, at, seed % 2 === 0)
    data.copy(model, at)
  } else if (what === 'unmap') {
    await gate.unmap(at, length)
    model.fill(0, at, at + length)
  } else if (what === 'same') {
    const block = seed % 2 ? pattern(SECTOR, seed) : Buffer.alloc(SECTOR)
    await gate.writeSame(block, at, length, { unmap: seed % 4 < 2, fua: false })
    if (length > 0) model.fill(block, at, at + length)
  } else if (what === 'copy') {
    await gate.copyFrom(gate, at, other, length)
    model.copyWithin(other, at, at + length)
  } else {
    const expected = Buffer.from(model.subarray(at, at + length))
    expect(await gate.compareAndWrite(expected, data, at, false)).toBe(MATCH)
    data.copy(model, at)
  }
}

describe('answering at once', () => {
  test('writeNow is not for FUA, nor for a gate that writes through', async () => {
    const data = pattern(SECTOR, 1)
    const gate = memory()
    expect([gate.writeNow(data, 0, SECTOR, 0, true), gate.writeNow(data, 0, SECTOR, 0, false)]).toEqual([false, true])
    const through = new Gate(new MemoryStore(LENGTH, false), { writeThrough: true })
    expect(through.writeNow(data, 0, SECTOR, 0, false)).toBe(false)
    await through.write(data, 0, SECTOR, 0, false)
    await through.writeSame(data, SECTOR, MIB, { unmap: false, fua: false })
    expect(await through.compareAndWrite(data, data, 0, false)).toBe(MATCH)
  })

  test('COMPARE AND WRITE is done when it returns, where the store need not wait', () => {
    const gate = memory()
    const [zero, one] = [Buffer.alloc(SECTOR), pattern(SECTOR, 1)]
    expect(gate.compareAndWrite(zero, one, 0, false)).toBe(MATCH)
    expect(gate.compareAndWrite(zero, one, 0, false)).toBe(0)
  })

  test('not while a COMPARE AND WRITE that has to wait overlaps, nor that one while anything overlaps it', async () => {
    const gate = memory()
    const [zero, one, target] = [Buffer.alloc(SECTOR), pattern(SECTOR, 1), Buffer.alloc(SECTOR)]
    const compare = gate.compareAndWrite(zero, one, SECTOR, true)
    expect(gate.readNow(target, 0, SECTOR, SECTOR)).toBe(false)
    expect(gate.writeNow(Buffer.alloc(2 * SECTOR), 0, 2 * SECTOR, 0, false)).toBe(false)
    expect(gate.readNow(target, 0, SECTOR, 0)).toBe(true)
    expect(gate.writeNow(target, 0, SECTOR, 2 * SECTOR, false)).toBe(true)
    expect(await compare).toBe(MATCH)
    const read = gate.read(target, 0, SECTOR, SECTOR)
    const next = gate.compareAndWrite(one, zero, SECTOR, false)
    expect(next).toBeInstanceOf(Promise)
    await read
    expectBytes(target, one)
    expect(await next).toBe(MATCH)
  })

  test('while a COMPARE AND WRITE is under way, what overlaps waits and the rest goes on', async () => {
    const gate = waiting()
    const data = pattern(SECTOR, 1)
    const compare = gate.compareAndWrite(Buffer.alloc(SECTOR), data, SECTOR, false)
    const order: string[] = []
    const note = (name: string) => () => order.push(name)
    const read = gate.read(Buffer.alloc(2 * SECTOR), 0, 2 * SECTOR, 0).then(note('overlapping read'))
    const unmap = gate.unmap(SECTOR, SECTOR).then(note('overlapping unmap'))
    const other = gate.read(Buffer.alloc(SECTOR), 0, SECTOR, 2 * SECTOR).then(note('other read'))
    await Promise.all([Promise.resolve(compare).then(note('compare')), read, unmap, other])
    expect(order.indexOf('other read')).toBeLessThan(order.indexOf('overlapping read'))
    expect(order.indexOf('compare')).toBeLessThan(order.indexOf('overlapping read'))
    expect(order.indexOf('compare')).toBeLessThan(order.indexOf('overlapping unmap'))
    expectBytes(await contentOf(gate, SECTOR, SECTOR), Buffer.alloc(SECTOR))
  })

  test('counts', async () => {
    const gate = memory()
    const data = pattern(SECTOR, 1)
    gate.writeNow(data, 0, SECTOR, 0, false)
    await gate.write(data, 0, 100, 0, true)
    gate.readNow(data, 0, 200, 0)
    await gate.read(data, 0, SECTOR, 0)
    await gate.verify(data, 0)
    expect(gate.counters).toMatchObject({ reads: 2, bytesRead: 712, writes: 2, bytesWritten: 612, verifies: 1 })
  })
})

describe('COMPARE AND WRITE is atomic (SBC-4 5.3)', () => {
  const KINDS = [
    { kind: 'a store that always waits', open: async () => waiting(MIB), rounds: 400 },
    { kind: 'an image', open: () => image('sparse', MIB), rounds: 2000 },
  ]

  test.each(KINDS)('8 contenders for one block of $kind: every round has one winner', async ({ open, rounds }) => {
    const gate = await open()
    const block = (round: number, winner: number) => {
      const bytes = Buffer.alloc(SECTOR, winner)
      bytes.writeUInt32BE(round)
      return bytes
    }
    let current = Buffer.alloc(SECTOR)
    for (let round = 1; round <= rounds; round++) {
      const results = await Promise.all(
        [1, 2, 3, 4, 5, 6, 7, 8].map((id) => gate.compareAndWrite(current, block(round, id), SECTOR, round % 50 === 0)),
      )
      const winners = results.flatMap((result, index) => (result === MATCH ? [index + 1] : []))
      expect(winners).toHaveLength(1)
      current = block(round, winners[0]!)
    }
    expectBytes(await contentOf(gate, SECTOR, SECTOR), current)
    await gate.close()
  })

  test.each(KINDS)('a read of $kind sees all of one, or nothing of it', async ({ open, rounds }) => {
    const gate = await open()
    let turn = 0
    const work = async (fua: boolean) => {
      while (turn < rounds) {
        const seen = Buffer.alloc(4 * SECTOR)
        if (turn % 2 || !gate.readNow(seen, 0, seen.length, 0)) await gate.read(seen, 0, seen.length, 0)
        expect(new Set(seen).size).toBe(1)
        turn++
        await gate.compareAndWrite(seen, Buffer.alloc(4 * SECTOR, 1 + (turn % 250)), 0, fua)
      }
    }
    await Promise.all([false, false, false, true].map(work))
    await gate.close()
  })

  test.each(KINDS)('a write or unmap of $kind never falls between its read and its write', async ({ open, rounds }) => {
    const gate = await open()
    const length = 4 * SECTOR
    const [before, replacement, written] = [pattern(length, 1), pattern(length, 2), pattern(length, 3)]
    for (let round = 0; round < rounds / 4; round++) {
      await gate.write(before, 0, length, 0, false)
      const change = () => (round % 2 ? gate.write(written, 0, length, 0, false) : gate.unmap(0, length))
      const compare = () => gate.compareAndWrite(before, replacement, 0, round % 3 === 0)
      // Whichever comes first, the change stands: it follows the replacement, or makes it a miscompare.
      await Promise.all(round % 5 < 2 ? [change(), compare()] : [compare(), change()])
      expectBytes(await contentOf(gate, 0, length), round % 2 ? written : Buffer.alloc(length))
    }
    await gate.close()
  })

  test('aborted while it waits for its turn: it never happened', async () => {
    const gate = waiting()
    const first = gate.compareAndWrite(Buffer.alloc(SECTOR), pattern(SECTOR, 1), 0, false)
    const second = gate.compareAndWrite(pattern(SECTOR, 1), pattern(SECTOR, 2), 0, false, { stop: () => true })
    await expect(second).rejects.toMatchObject({ name: 'AbortedError' })
    expect(await first).toBe(MATCH)
    expectBytes(await contentOf(gate, 0, SECTOR), pattern(SECTOR, 1))
  })
})
