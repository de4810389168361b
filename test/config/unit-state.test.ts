// What a logical unit keeps: parts that survive, in a file that is whole or refused.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { NO_UNIT_STATE, openUnitState } from '../../src/config/unit-state.ts'

const NAA = '6024c550000000000000000000000001'
const counter = z.strictObject({ count: z.number() })

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'lunette-units-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

const file = (): string => join(data, 'units', `${NAA}.json`)

describe('the state of a logical unit', () => {
  test('parts are there after reopening, each by its name', async () => {
    const state = await openUnitState(data, NAA)
    expect(state.load('a', counter)).toBeUndefined()
    await state.save('a', { count: 1 })
    await state.save('b', { count: 2 })
    await state.save('a', { count: 3 })
    const again = await openUnitState(data, NAA)
    expect([again.load('a', counter), again.load('b', counter)]).toEqual([{ count: 3 }, { count: 2 }])
  })

  test('a part is removed, the others stay', async () => {
    const state = await openUnitState(data, NAA)
    await state.save('a', { count: 1 })
    await state.save('b', { count: 2 })
    await state.save('a', undefined)
    const again = await openUnitState(data, NAA)
    expect([again.load('a', counter), again.load('b', counter)]).toEqual([undefined, { count: 2 }])
  })

  test('parts that are saved together are all kept', async () => {
    const state = await openUnitState(data, NAA)
    const names = Array.from({ length: 20 }, (_, i) => `part${i}`)
    await Promise.all(names.map((name, count) => state.save(name, { count })))
    const again = await openUnitState(data, NAA)
    expect(names.map((name) => again.load(name, counter)?.count)).toEqual([...names.keys()])
  })

  test('what could not be written is not remembered, and later saves go on', async () => {
    const state = await openUnitState(data, NAA)
    await writeFile(join(data, 'units'), 'in the way')
    await expect(state.save('a', { count: 1 })).rejects.toThrow()
    await rm(join(data, 'units'))
    await state.save('b', { count: 2 })
    const again = await openUnitState(data, NAA)
    expect([again.load('a', counter), again.load('b', counter)]).toEqual([undefined, { count: 2 }])
  })

  test('a damaged file is refused with its cure, and stays', async () => {
    const state = await openUnitState(data, NAA)
    await state.save('a', { count: 1 })
    const text = (await readFile(file(), 'utf8')).replace('"count": 1', '"count": 2')
    await writeFile(file(), text)
    await expect(openUnitState(data, NAA)).rejects.toThrow(/damaged \(its checksum does not match\): restore it/)
    expect(await readFile(file(), 'utf8')).toBe(text)
  })

  test('a part that its schema does not know is refused', async () => {
    const state = await openUnitState(data, NAA)
    await state.save('a', { count: 'many' })
    const again = await openUnitState(data, NAA)
    expect(() => again.load('a', counter)).toThrow(/damaged \(a makes no sense\)/)
  })

  test('a unit without an image keeps nothing', async () => {
    expect(NO_UNIT_STATE.persistent).toBe(false)
    expect(NO_UNIT_STATE.load('a', counter)).toBeUndefined()
    await expect(NO_UNIT_STATE.save('a', {})).rejects.toThrow()
  })
})
