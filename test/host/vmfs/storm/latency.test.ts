// Percentiles of bucketed latencies against those of the sorted list.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Latencies } from '../../../../src/host/vmfs/storm/latency.ts'

const PERCENTS = [0, 1, 50, 95, 99, 100]

/** Nearest rank: the smallest value that is not exceeded by so many percent. */
function naive(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1]!
}

function recorded(values: readonly number[]): Latencies {
  const latencies = new Latencies()
  for (const ms of values) latencies.record(ms)
  return latencies
}

/** In microseconds, from none to ten minutes, every size as likely. */
const microseconds = fc
  .tuple(fc.integer({ min: 0, max: 29 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([size, part]) => Math.floor(2 ** size * (1 + part)))

describe('percentiles', () => {
  test('as of the sorted list, at most 1/64 more, and never less', () => {
    fc.assert(
      fc.property(fc.array(microseconds, { minLength: 1, maxLength: 200 }), (values) => {
        const latencies = recorded(values.map((us) => us / 1000))
        for (const percent of PERCENTS) {
          const exact = naive(values, percent)
          const told = Math.round(latencies.percentileMs(percent) * 1000)
          expect(told).toBeGreaterThanOrEqual(exact)
          expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 64))
        }
        expect(latencies.summary()).toMatchObject({ count: values.length, maxMs: Math.max(...values) / 1000 })
      }),
    )
  })

  test('of two lists together, as of one', () => {
    fc.assert(
      fc.property(fc.array(microseconds), fc.array(microseconds), (a, b) => {
        const both = recorded(a.map((us) => us / 1000))
        both.add(recorded(b.map((us) => us / 1000)))
        expect(both.summary()).toEqual(recorded([...a, ...b].map((us) => us / 1000)).summary())
      }),
    )
  })

  test('of 1 to 100 ms', () => {
    const latencies = recorded(Array.from({ length: 100 }, (_, index) => index + 1))
    const { p50Ms, p95Ms, p99Ms, maxMs } = latencies.summary()
    for (const [told, exact] of [
      [p50Ms, 50],
      [p95Ms, 95],
      [p99Ms, 99],
    ] as const)
      expect(Math.abs(told - exact)).toBeLessThan(exact / 64)
    expect(maxMs).toBe(100)
  })

  test('of nothing: zeros', () => {
    expect(new Latencies().summary()).toEqual({ count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 })
  })
})
