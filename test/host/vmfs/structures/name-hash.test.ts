import { expect, test } from 'vitest'
import { hashName } from '../../../../src/host/vmfs/structures/name-hash.ts'

// From a volume that ESXi wrote: the low word that the entry keeps, and the slots of both kinds of table.
test.each([
  ['file1', 0xd2b970eb, 4348, 11457],
  ['file4', 0x7490219a, 9680, 13341],
  ['directory', 0x0dbc9f66, 3991, 15490],
])('%s', (name, entry, slot, rootSlot) => {
  expect(hashName(name, false)).toEqual({ entry, slot, link: entry >>> 16 })
  expect(hashName(name, true)).toEqual({ entry, slot: rootSlot, link: entry >>> 16 })
})

test('system files have slots of their own, in the root alone', () => {
  expect(hashName('.fbb.sf', true)).toEqual({ slot: 0x3e66, link: 0x3e66, entry: 0 })
  expect(hashName('.jbc.sf', true)).toMatchObject({ slot: 0x3e6d })
  expect(hashName('.jbc.sf', false).entry).not.toBe(0)
})

test('names of any length have a hash, and slots stay in their table', () => {
  for (let length = 1; length <= 255; length++) {
    expect(hashName('n'.repeat(length), false).slot).toBeLessThan(16001)
    expect(hashName('n'.repeat(length), true).slot).toBeLessThan(15973)
  }
  expect(() => hashName('n'.repeat(256), false)).toThrow(RangeError)
})
