// Pools, and the LUNs that take their blocks from them.

import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { isPercentage, percentageOf } from '../../src/config/percentage.ts'
import { toYaml } from '../../src/config/print.ts'
import type { ArrayInput } from '../../src/config/schema.ts'
import { OperatorError } from '../../src/errors.ts'

function refusal(input: unknown): string {
  try {
    parseConfig(input as ArrayInput)
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError)
    return (error as Error).message
  }
  return 'accepted'
}
const withLuns = (pools: unknown, ...luns: object[]) => ({
  pools,
  targets: [{ luns: luns.map((lun, id) => ({ id, ...lun })) }],
})
const poolOf = (lun: object) => parseConfig(withLuns([{}], lun) as ArrayInput).targets[0]?.luns[0]?.pool

const NAME = 'a name of letters, digits, dots, dashes and underscores, 1 to 63 of them; not none'
const CAPACITY = 'at least 1MiB: a number of bytes, or a number with KiB, MiB, GiB or TiB'
const PERCENT = 'a percentage from 1% to 100%'

describe('pools', () => {
  test('one that is called default, of 64 GiB, told at 80%', () =>
    expect(parseConfig({}).pools).toEqual([{ name: 'default', capacity: 64 * 2 ** 30, softThreshold: '80%' }]))

  test.each([
    [{}, 'pools: found a mapping; allowed: a list of pools'],
    [[1], 'pools[0]: found 1; allowed: a mapping with the keys name, capacity, softThreshold'],
    [[{ size: 1 }], 'pools[0].size: unknown key; allowed: name, capacity, softThreshold'],
    [[{ name: '' }], `pools[0].name: found ""; allowed: ${NAME}`],
    [[{ name: 'a b' }], `pools[0].name: found "a b"; allowed: ${NAME}`],
    [[{ name: 'none' }], `pools[0].name: found "none"; allowed: ${NAME}`],
    [[{ name: 'x'.repeat(64) }], `pools[0].name: found "${'x'.repeat(58)}…; allowed: ${NAME}`],
    [[{ capacity: '1GB' }], `pools[0].capacity: found "1GB"; allowed: ${CAPACITY}`],
    [[{ capacity: 2 ** 20 - 1 }], `pools[0].capacity: found 1048575; allowed: ${CAPACITY}`],
    [[{ softThreshold: 80 }], `pools[0].softThreshold: found 80; allowed: ${PERCENT}`],
    [[{ softThreshold: '80' }], `pools[0].softThreshold: found "80"; allowed: ${PERCENT}`],
    [[{ softThreshold: '0%' }], `pools[0].softThreshold: found "0%"; allowed: ${PERCENT}`],
    [[{ softThreshold: '101%' }], `pools[0].softThreshold: found "101%"; allowed: ${PERCENT}`],
    [[{ softThreshold: '-5%' }], `pools[0].softThreshold: found "-5%"; allowed: ${PERCENT}`],
  ])('%j', (pools, message) => expect(refusal({ pools, targets: [{ luns: [] }] })).toBe(message))

  test('names are unique', () =>
    expect(refusal({ pools: [{}, { name: 'fast' }, { name: 'fast' }] })).toBe(
      'pools[2].name: found "fast"; allowed: a name that no other pool has (pools[1].name has this one)',
    ))

  test('the effective configuration loads again to the same', () => {
    const config = parseConfig({
      pools: [{ name: 'fast', capacity: '1.5GiB', softThreshold: '12.5%' }, {}],
      targets: [{ luns: [{ pool: 'fast' }, { id: 1 }] }],
    })
    expect(parseConfig(config)).toEqual(config)
    expect(toYaml(config)).toContain('capacity: 1.5GiB')
  })
})

describe('the pool of a LUN', () => {
  test('default where it is thin and has blocks; none for the others', () => {
    expect(poolOf({})).toBe('default')
    expect(poolOf({ store: { type: 'memory' } })).toBe('default')
    for (const lun of [
      { store: { type: 'file' } },
      { store: { type: 'null' } },
      { store: { type: 'memory' }, provisioning: 'thick' },
      { pool: 'none' },
    ])
      expect(poolOf(lun)).toBe('none')
  })

  test('is one of the pools, or none', () => {
    const pools = [{ name: 'slow' }, { name: 'fast' }]
    const wrong = (found: string) =>
      `targets[0].luns[0].pool: found "${found}"; allowed: none, or one of the pools: slow, fast`
    expect(refusal(withLuns(pools, { pool: 'medium' }))).toBe(wrong('medium'))
    expect(refusal(withLuns(pools, {}))).toBe(wrong('default'))
    expect(refusal(withLuns(pools, { pool: 'fast' }))).toBe('accepted')
    expect(refusal(withLuns([], { pool: 'none' }))).toBe('accepted')
    expect(refusal(withLuns([], {}))).toBe('targets[0].luns[0].pool: found "default"; allowed: none (there is no pool)')
  })

  test.each([
    [{ pool: 1 }, 'found 1; allowed: none, or the name of a pool'],
    [{ pool: '' }, 'found ""; allowed: none, or the name of a pool'],
    [
      { pool: 'default', store: { type: 'file' } },
      'found "default"; allowed: none (a thick LUN takes nothing from a pool)',
    ],
    [
      { pool: 'default', store: { type: 'null' } },
      'found "default"; allowed: none (a null store takes nothing from a pool)',
    ],
  ])('%j', (lun, message) => expect(refusal(withLuns([{}], lun))).toBe(`targets[0].luns[0].pool: ${message}`))

  test('a pool whose other keys are wrong is there all the same: each error is told once', () =>
    expect(refusal(withLuns([{ name: 'fast', capacity: 0 }], { pool: 'fast' }))).toBe(
      `pools[0].capacity: found 0; allowed: ${CAPACITY}`,
    ))
})

test('percentages', () => {
  for (const text of ['1%', '80%', '99.999%', '100%']) expect(isPercentage(text), text).toBe(true)
  for (const text of ['', '%', '0.5%', '80', '80 %', '1e2%', '100.001%', '080.0001%', '٨%'])
    expect(isPercentage(text), text).toBe(false)
  expect(percentageOf('80%', 64 * 2 ** 30)).toBe(Math.floor(0.8 * 64 * 2 ** 30))
  expect(percentageOf('12.5%', 8)).toBe(1)
  expect(percentageOf('100%', Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
})
