import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HoleMap } from '../../luns/hole-map.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const TIB = 1024 * GIB

describe('hole map', () => {
  test.each([
    [1, 64 * KIB],
    [64 * GIB, 64 * KIB],
    [64 * GIB + 512, 128 * KIB],
    [TIB, MIB],
    [64 * TIB, 64 * MIB],
  ])('a medium of %d bytes has chunks of %d', (length, chunkLength) => {
    expect(new HoleMap(length).chunkLength).toBe(chunkLength)
  })

  test('begins as one hole', () => {
    const map = new HoleMap(10 * MIB + 512)
    expect(map.isHole(0, 10 * MIB + 512)).toBe(true)
    expect(map.extent(0, 10 * MIB + 512)).toEqual({ offset: 0, length: 10 * MIB + 512, mapped: false })
  })

  test('one byte of data makes a chunk of data, to the byte', () => {
    const map = new HoleMap(MIB)
    map.markData(128 * KIB - 1, 2)
    expect(map.isHole(0, 64 * KIB)).toBe(true)
    expect(map.isHole(64 * KIB, 1)).toBe(false)
    expect(map.isHole(192 * KIB - 1, 1)).toBe(false)
    expect(map.isHole(192 * KIB, MIB - 192 * KIB)).toBe(true)
  })

  test('a hole clears the chunks that it covers whole, and the last one where the medium ends', () => {
    const length = 256 * KIB + 512
    const map = new HoleMap(length)
    map.markData(0, length)
    map.markHole(1, 192 * KIB - 2)
    expect(map.extent(0, length)).toEqual({ offset: 0, length: 64 * KIB, mapped: true })
    expect(map.isHole(64 * KIB, 64 * KIB)).toBe(true)
    expect(map.isHole(128 * KIB, 1)).toBe(false)
    map.markHole(256 * KIB, 512)
    expect(map.isHole(256 * KIB, 512)).toBe(true)
    map.markHole(128 * KIB, 64 * KIB - 1)
    expect(map.isHole(128 * KIB, 1)).toBe(false)
  })

  test('over 4 GiB offsets stay exact', () => {
    const map = new HoleMap(64 * GIB)
    map.markData(40 * GIB, 64 * KIB)
    expect(map.isHole(40 * GIB - 1, 1)).toBe(true)
    expect(map.isHole(40 * GIB, 1)).toBe(false)
    expect(map.isHole(40 * GIB + 64 * KIB, 24 * GIB - 64 * KIB)).toBe(true)
  })

  test('never calls data a hole: against a model of bytes that hold data', () => {
    const step = 16 * KIB
    const steps = 67
    const range = fc.tuple(fc.nat(steps - 1), fc.integer({ min: 1, max: steps })).map(([first, count]) => ({
      offset: first * step,
      length: Math.min(count, steps - first) * step,
    }))
    const work = fc.array(fc.record({ data: fc.boolean(), range }), { maxLength: 40 })
    fc.assert(
      fc.property(work, range, (operations, asked) => {
        const map = new HoleMap(steps * step)
        const model = new Uint8Array(steps)
        for (const { data, range: at } of operations) {
          if (data) map.markData(at.offset, at.length)
          else map.markHole(at.offset, at.length)
          model.fill(data ? 1 : 0, at.offset / step, (at.offset + at.length) / step)
        }
        const holdsData = (offset: number, length: number) =>
          model.subarray(offset / step, (offset + length) / step).includes(1)
        if (holdsData(asked.offset, asked.length)) expect(map.isHole(asked.offset, asked.length)).toBe(false)
        for (let at = asked.offset; at < asked.offset + asked.length; ) {
          const run = map.extent(at, asked.offset + asked.length - at)
          expect(run.length).toBeGreaterThan(0)
          expect(run.mapped).toBe(!map.isHole(at, run.length))
          if (!run.mapped) expect(holdsData(at, run.length)).toBe(false)
          at += run.length
        }
      }),
    )
  })
})
