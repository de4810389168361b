// The word that someone meant.

import { describe, expect, test } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'

describe('nearest', () => {
  const words = ['initiators', 'portals', 'luns', 'iqn', 'id', 'size']
  test.each([
    ['initiator', 'initiators'],
    ['Portal', 'portals'],
    ['lusn', 'luns'],
    ['sizes', 'size'],
    ['inq', 'iqn'],
    ['initators', 'initiators'],
  ])('%s means %s', (word, meant) => expect(nearest(word, words)).toBe(meant))

  test.each(['auth', 'pool', 'x', '', 'somethingelse'])('%j means none of them', (word) =>
    expect(nearest(word, words)).toBeUndefined(),
  )

  test('without candidates there is none', () => expect(nearest('size', [])).toBeUndefined())
  test('a very long word costs nothing', () => expect(nearest('x'.repeat(1e6), words)).toBeUndefined())
})
