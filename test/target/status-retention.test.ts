// Statuses that are not acknowledged (RFC 7143 4.2.2.2, 11.16): kept by StatSN, found by runs, bounded.

import { describe, expect, test } from 'vitest'
import { StatusRetention } from '../../src/target/status-retention.ts'

function retention(statSn: number, count = 100, bytes = 1000) {
  const gone: number[] = []
  const statuses = new StatusRetention<number>(statSn, { count, bytes }, (status) => gone.push(status))
  const keep = (...numbers: number[]): void => {
    for (const number of numbers) statuses.keep(number, number, 10)
  }
  return { statuses, gone, keep }
}

describe.each([5, 0xffff_fffe])('statuses from StatSN %i on', (first) => {
  const at = (n: number): number => (first + n) >>> 0

  test('runs: one, some, from one on, all', () => {
    const { statuses, keep } = retention(first)
    keep(at(0), at(1), at(2), at(3))
    expect(statuses.run(at(1), 1)).toEqual([at(1)])
    expect(statuses.run(at(1), 3)).toEqual([at(1), at(2), at(3)])
    if (at(3) !== 0) expect(statuses.run(at(3), 0)).toEqual([at(3)])
    expect(statuses.run(0, 0)).toEqual([at(0), at(1), at(2), at(3)])
  })

  test('not there: before the first, behind the last, a run that ends behind it', () => {
    const { statuses, keep } = retention(first)
    keep(at(0), at(1))
    expect(statuses.run(at(-1), 1)).toBe('not there')
    expect(statuses.run(at(3), 1)).toBe('not there')
    expect(statuses.run(at(1), 2)).toBe('not there')
    expect(statuses.run(at(1), 0xffff_ffff)).toBe('not there')
  })

  test('acknowledged: gone, and not there; what was not sent acknowledges nothing, nor what goes back', () => {
    const { statuses, gone, keep } = retention(first)
    keep(at(0), at(1), at(2))
    statuses.acknowledge(at(2))
    expect(gone).toEqual([at(0), at(1)])
    statuses.acknowledge(at(9))
    statuses.acknowledge(at(1))
    expect(gone).toHaveLength(2)
    expect(statuses.run(at(1), 1)).toBe('not there')
    expect(statuses.run(at(2), 1)).toEqual([at(2)])
  })

  test('more than may be kept: the oldest are given up', () => {
    const { statuses, gone, keep } = retention(first, 3)
    keep(at(0), at(1), at(2), at(3))
    expect(gone).toEqual([at(0)])
    expect(statuses.run(at(0), 2)).toBe('given up')
    expect(statuses.run(at(1), 3)).toEqual([at(1), at(2), at(3)])
  })

  test('more bytes than may be kept', () => {
    const { statuses, gone } = retention(first, 100, 25)
    statuses.keep(at(0), 0, 20)
    statuses.keep(at(1), 1, 10)
    expect(gone).toEqual([0])
    statuses.keep(at(2), 2, 26)
    expect(gone).toEqual([0, 1, 2])
  })
})
