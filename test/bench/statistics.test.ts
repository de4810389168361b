import { expect, test } from 'vitest'
import { median } from '../../bench/statistics.ts'

test('median: the middle of an odd number of values, whatever their order', () => {
  expect(median([5])).toBe(5)
  expect(median([9, 1, 5])).toBe(5)
  expect(median([100, 2, 30, 1, 1000])).toBe(30)
})

test('median: the mean of the two in the middle of an even number', () => {
  expect(median([4, 1])).toBe(2.5)
  expect(median([1, 100, 3, 2])).toBe(2.5)
})

test('median: sorts by size, not by digits, and leaves the values as they are', () => {
  const values = [100, 20, 3]
  expect(median(values)).toBe(20)
  expect(values).toEqual([100, 20, 3])
})

test('median: one round that was disturbed does not count', () => {
  expect(median([50, 51, 52, 53, 1])).toBe(51)
})

test('median: of nothing is refused', () => {
  expect(() => median([])).toThrow(RangeError)
})
