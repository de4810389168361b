import { expect, test } from 'vitest'
import { formatRate, shortfalls, summarize, summaryTable } from '../../bench/peers-report.ts'
import type { Workload } from '../../bench/workloads.ts'

const SMALL: Workload = {
  name: 'small reads',
  client: 'iscsi-perf',
  access: 'read',
  length: 4096,
  queue: 32,
  random: true,
  sessions: 1,
  atLeast: 2,
  target: 3,
  ofCeiling: 0.85,
}
const LARGE: Workload = {
  name: 'large writes',
  client: 'qemu-img',
  access: 'write',
  length: 262144,
  queue: 8,
  random: false,
  sessions: 1,
}

const small = summarize(SMALL, {
  tgt: [50_000, 40_000, 60_000],
  lunette: [150_000, 160_000, 120_000],
  ceiling: [180_000, 200_000, 190_000],
})
const large = summarize(LARGE, { tgt: [2000, 4000], lunette: [6000, 6000], ceiling: [] })

test('a summary: medians, their ratio, and the ratios of the rounds', () => {
  expect(small).toMatchObject({ tgt: 50_000, lunette: 150_000, ceiling: 190_000, ratio: 3, ratioRange: [2, 4] })
  expect(small.ofCeiling).toBeCloseTo(0.789, 3)
})

test('a summary without a ceiling', () => {
  expect(large).toMatchObject({ tgt: 3000, lunette: 6000, ratio: 2, ratioRange: [1.5, 3] })
  expect(large.ceiling).toBeUndefined()
  expect(large.ofCeiling).toBeUndefined()
})

test('the table: columns line up; what a workload has no figure for is a dash', () => {
  expect(summaryTable([small, large])).toEqual([
    'workload            tgt    Lunette  ratio   by round  at least  target    ceiling  share  target',
    'small reads    50.0 k/s  150.0 k/s   3.00  2.00-4.00      2.00    3.00  190.0 k/s   0.79    0.85',
    'large writes  0.79 GB/s  1.57 GB/s   2.00  1.50-3.00         -       -          -      -       -',
  ])
})

test('the table: no columns of a ceiling that nobody asked for', () => {
  expect(summaryTable([large])).toEqual([
    'workload            tgt    Lunette  ratio   by round  at least  target',
    'large writes  0.79 GB/s  1.57 GB/s   2.00  1.50-3.00         -       -',
  ])
})

test('rates: small requests by the thousand, large ones by the gigabyte', () => {
  expect(formatRate(SMALL, 166_049)).toBe('166.0 k/s')
  expect(formatRate(LARGE, 12_970)).toBe('3.40 GB/s')
})

test('a ratio under its least is told, one on it is not', () => {
  expect(shortfalls([small, large])).toEqual([])
  const exact = summarize(SMALL, { tgt: [50_000], lunette: [100_000], ceiling: [] })
  const slow = summarize(SMALL, { tgt: [50_000], lunette: [90_000], ceiling: [] })
  expect(shortfalls([exact, slow])).toEqual(['small reads: 1.80 times tgt, at least 2.00 expected'])
})
