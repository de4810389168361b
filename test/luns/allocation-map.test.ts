import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AllocationMap } from '../../luns/allocation-map.ts'
import { Pool } from '../../luns/pool.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const TIB = 1024 * GIB
const GRAIN = 4 * KIB

describe('allocation map', () => {
  test.each([
    [1, 4 * KIB],
    [TIB, 4 * KIB],
    [TIB + 512, 8 * KIB],
    [64 * TIB, 256 * KIB],
  ])('a medium of %d bytes has grains of %d', (length, grainLength) => {
    expect(new AllocationMap(length).grainLength).toBe(grainLength)
  })

  test('begins as one hole', () => {
    const map = new AllocationMap(10 * MIB + 512)
    expect(map.isHole(0, 10 * MIB + 512)).toBe(true)
    expect(map.extent(0, 10 * MIB + 512)).toEqual({ offset: 0, length: 10 * MIB + 512, mapped: false })
    expect(map.allocated).toBe(0)
  })

  test('one byte of data makes a grain of data, to the byte', () => {
    const map = new AllocationMap(MIB)
    map.markData(8 * KIB - 1, 2)
    expect(map.isHole(0, 4 * KIB)).toBe(true)
    expect(map.isHole(4 * KIB, 1)).toBe(false)
    expect(map.isHole(12 * KIB - 1, 1)).toBe(false)
    expect(map.isHole(12 * KIB, MIB - 12 * KIB)).toBe(true)
    expect(map.allocated).toBe(8 * KIB)
  })

  test('a hole clears the grains that it covers whole, and the last one where the medium ends', () => {
    const length = 16 * KIB + 512
    const map = new AllocationMap(length)
    map.allocate(0, length)
    expect(map.allocated).toBe(length)
    map.markHole(1, 12 * KIB - 2)
    expect(map.extent(0, length)).toEqual({ offset: 0, length: 4 * KIB, mapped: true })
    expect(map.isHole(4 * KIB, 4 * KIB)).toBe(true)
    expect(map.isHole(8 * KIB, 1)).toBe(false)
    map.markHole(16 * KIB, 512)
    expect(map.isHole(16 * KIB, 512)).toBe(true)
    map.markHole(8 * KIB, 4 * KIB - 1)
    expect(map.isHole(8 * KIB, 1)).toBe(false)
  })

  test('an empty range is a hole, and changes nothing', () => {
    const map = new AllocationMap(MIB)
    for (const offset of [0, 100, 4 * KIB, MIB]) {
      expect(map.isHole(offset, 0)).toBe(true)
      map.allocate(offset, 0)
      map.markData(offset, 0)
      map.markHole(offset, 0)
    }
    expect(map.allocated).toBe(0)
  })

  test('over 4 GiB offsets stay exact', () => {
    const map = new AllocationMap(64 * GIB)
    map.markData(40 * GIB, 64 * KIB)
    expect(map.isHole(40 * GIB - 1, 1)).toBe(true)
    expect(map.isHole(40 * GIB, 1)).toBe(false)
    expect(map.extent(0, 64 * GIB)).toEqual({ offset: 0, length: 40 * GIB, mapped: false })
    expect(map.isHole(40 * GIB + 64 * KIB, 24 * GIB - 64 * KIB)).toBe(true)
    expect(map.allocated).toBe(64 * KIB)
  })

  test('grows by a hole, keeps its bits, and counts the coarser grains that it may get', () => {
    const pool = new Pool('p', { capacity: 100 * MIB, softThreshold: 100 * MIB })
    const map = new AllocationMap(MIB + 512, pool.open())
    map.allocate(0, 100)
    map.allocate(MIB, 512)
    map.allocate(512 * KIB, 64 * KIB)
    map.grow(512 * GIB)
    expect([map.allocated, pool.used]).toEqual([72 * KIB, 72 * KIB])
    expect(map.extent(MIB, GIB)).toEqual({ offset: MIB, length: 4 * KIB, mapped: true })
    map.grow(64 * TIB)
    expect(map.grainLength).toBe(256 * KIB)
    expect([map.allocated, pool.used]).toEqual([768 * KIB, 768 * KIB])
    expect(map.extent(0, TIB)).toEqual({ offset: 0, length: 256 * KIB, mapped: true })
    expect(map.extent(256 * KIB, TIB)).toEqual({ offset: 256 * KIB, length: 256 * KIB, mapped: false })
    expect(map.extent(512 * KIB, TIB)).toEqual({ offset: 512 * KIB, length: 256 * KIB, mapped: true })
    expect(map.extent(MIB, TIB)).toEqual({ offset: MIB, length: 256 * KIB, mapped: true })
    map.markHole(0, 64 * TIB)
    expect([map.allocated, pool.used]).toEqual([0, 0])
  })

  test('agrees with a model of grains: never calls data a hole, and counts to the grain, in the pool as well', () => {
    const step = GRAIN / 4
    const steps = 4 * 140 + 1
    const grains = Math.ceil(steps / 4)
    const range = fc.tuple(fc.nat(steps - 1), fc.integer({ min: 1, max: steps })).map(([first, count]) => ({
      offset: first * step,
      length: Math.min(count, steps - first) * step,
    }))
    const what = fc.constantFrom('allocate', 'data', 'hole')
    const work = fc.array(fc.record({ what, range }), { maxLength: 40 })
    fc.assert(
      fc.property(work, range, fc.nat(grains), (operations, asked, roomGrains) => {
        const pool = new Pool('p', { capacity: roomGrains * GRAIN, softThreshold: GRAIN })
        const map = new AllocationMap(steps * step, pool.open())
        const model = new Uint8Array(grains)
        const used = () => model.reduce((sum, bit) => sum + bit, 0)
        const end = ({ offset, length }: { offset: number; length: number }) => Math.ceil((offset + length) / GRAIN)
        for (const { what, range: at } of operations) {
          const touched = model.slice(Math.floor(at.offset / GRAIN), end(at))
          const missing = touched.filter((bit) => bit === 0).length
          if (what === 'hole') {
            map.markHole(at.offset, at.length)
            const past = at.offset + at.length === steps * step ? grains : Math.floor((at.offset + at.length) / GRAIN)
            const first = Math.ceil(at.offset / GRAIN)
            if (past > first) model.fill(0, first, past)
          } else if (what === 'allocate' && missing > 0 && used() + missing > roomGrains) {
            expect(() => map.allocate(at.offset, at.length)).toThrow(expect.objectContaining({ failure: 'no space' }))
          } else {
            if (what === 'allocate') map.allocate(at.offset, at.length)
            else map.markData(at.offset, at.length)
            model.fill(1, Math.floor(at.offset / GRAIN), end(at))
          }
          expect(pool.used).toBe(used() * GRAIN)
        }
        expect(map.allocated).toBe(Math.min(used() * GRAIN, steps * step))
        expect(map.isHole(asked.offset, asked.length)).toBe(
          !model.subarray(Math.floor(asked.offset / GRAIN), end(asked)).includes(1),
        )
        for (let at = asked.offset; at < asked.offset + asked.length; ) {
          const run = map.extent(at, asked.offset + asked.length - at)
          expect(run.length).toBeGreaterThan(0)
          const bits = new Set(model.subarray(Math.floor(at / GRAIN), end(run)))
          expect([...bits]).toEqual([run.mapped ? 1 : 0])
          at += run.length
          if (at < asked.offset + asked.length) expect(model[at / GRAIN]).toBe(run.mapped ? 0 : 1)
        }
      }),
    )
  })
})
