// Who watches a pool hears of every change of what is used, and of the limits.

import { expect, test } from 'vitest'
import { Pool } from '../../luns/pool.ts'

test('watchers are told after each change, until they leave', () => {
  const pool = new Pool('a', { capacity: 100, softThreshold: 80 })
  const seen: number[] = []
  const leave = pool.watch(() => seen.push(pool.used))
  const others: number[] = []
  pool.watch(() => others.push(pool.available))
  const account = pool.open()
  account.take(60)
  expect(() => account.take(50)).toThrow('pool a')
  account.give(10)
  pool.configure({ capacity: 200, softThreshold: 80 })
  expect(seen).toEqual([60, 50, 50])
  leave()
  account.close()
  expect(seen).toHaveLength(3)
  expect(others).toEqual([40, 50, 150, 200])
})
