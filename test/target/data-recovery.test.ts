// What of a command's data is missing (RFC 7143 7.8, 7.9), whatever is lost on its way and in whatever order the rest comes.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataRecovery } from '../../src/target/data-recovery.ts'

const asked = (recovery: DataRecovery, length = 1000): [number, number][] => {
  const ranges: [number, number][] = []
  for (let range = recovery.next(length); range; range = recovery.next(length)) ranges.push([range.from, range.to])
  return ranges
}

describe('what is missing of a sequence', () => {
  test('nothing, when all has come', () => {
    const recovery = new DataRecovery()
    expect(recovery.take(0, 0, 10)).toBe(10)
    recovery.endSequence(10, { from: 0, to: 10 })
    expect(asked(recovery)).toEqual([])
  })

  test('the beginning, the middle, the end, each alone', () => {
    const recovery = new DataRecovery()
    expect(recovery.take(0, 10, 20)).toBe(0)
    expect(recovery.take(0, 30, 40)).toBe(0)
    recovery.endSequence(0, { from: 0, to: 50 })
    expect(asked(recovery)).toEqual([
      [0, 10],
      [20, 30],
      [40, 50],
    ])
    expect(recovery.take(0, 0, 10)).toBe(20)
    expect(recovery.take(20, 20, 30)).toBe(40)
    expect(recovery.hasEarly).toBe(false)
  })

  test('in ranges of a burst each at the most', () => {
    const recovery = new DataRecovery()
    recovery.endSequence(0, { from: 0, to: 25 })
    expect(asked(recovery, 10)).toEqual([
      [0, 10],
      [10, 20],
      [20, 25],
    ])
    expect(recovery.asked).toBe(3)
  })

  test('not what comes before the sequence, nor what belongs to the next one', () => {
    const recovery = new DataRecovery()
    recovery.take(5, 25, 30)
    recovery.endSequence(5, { from: 10, to: 20 })
    expect(asked(recovery)).toEqual([[10, 20]])
  })

  test('lost in any way: what is asked for, and nothing else, completes the data', () => {
    const pieces = fc.array(fc.record({ at: fc.nat(99), length: fc.integer({ min: 1, max: 40 }) }), { maxLength: 20 })
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 100 }), (arrived, burst) => {
        const recovery = new DataRecovery()
        const there = new Set<number>()
        let have = 0
        for (const { at, length } of arrived) {
          const end = Math.min(100, at + length)
          have = recovery.take(have, at, end)
          for (let byte = at; byte < end; byte++) there.add(byte)
        }
        recovery.endSequence(have, { from: 0, to: 100 })
        for (const [from, to] of asked(recovery, burst)) {
          expect(to - from).toBeLessThanOrEqual(burst)
          for (let byte = from; byte < to; byte++) {
            expect(there.has(byte)).toBe(false)
            there.add(byte)
          }
          have = recovery.take(have, from, to)
        }
        expect(there.size).toBe(100)
        expect(have).toBe(100)
      }),
    )
  })
})
