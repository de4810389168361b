import { expect, test } from 'vitest'
import { choose, UsageError } from '../../bench/command.ts'

const items = [{ name: '4 KiB read' }, { name: '4 KiB write' }, { name: '256 KiB read' }]
const nameOf = ({ name }: { name: string }) => name

test('without a regular expression everything is chosen', () => {
  expect(choose(items, nameOf, undefined)).toEqual(items)
})

test('a regular expression chooses by name, in the order of the items', () => {
  expect(choose(items, nameOf, 'read$').map(nameOf)).toEqual(['4 KiB read', '256 KiB read'])
})

test('choosing nothing, or by what is no regular expression, is wrong usage', () => {
  expect(() => choose(items, nameOf, 'trim')).toThrow(UsageError)
  expect(() => choose(items, nameOf, '[')).toThrow(UsageError)
})
