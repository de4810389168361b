import { expect, test } from 'vitest'
import { timingTable } from '../../bench/micro-report.ts'

test('the table: each operation beside the first of its group', () => {
  const table = timingTable([
    { group: 'header', name: 'decode', nanoseconds: 425.4, marginPercent: 1.26 },
    { group: 'header', name: 'in place', nanoseconds: 42.54, marginPercent: 0.5 },
    { group: 'framer', name: 'decode', nanoseconds: 1000, marginPercent: 12 },
  ])
  expect(table).toEqual([
    'operation         ns/op  +- %    speed',
    'header: decode      425   1.3',
    'header: in place   42.5   0.5  10.00 x',
    'framer: decode     1000  12.0',
  ])
})
