// Identifying information and what is kept of it: a name that cannot be kept is not there, one that makes no sense is reported.

import { expect, test } from 'vitest'
import type { z } from 'zod'
import { NO_UNIT_STATE, type UnitState } from '../../src/config/unit-state.ts'
import { IdentifyingInformation } from '../../src/target/identifying-information.ts'

/** Keeps parts in memory; fails when told to. */
class Kept implements UnitState {
  readonly persistent = true
  readonly parts = new Map<string, unknown>()
  failing = false

  load<Part extends z.ZodType>(name: string, schema: Part): z.output<Part> | undefined {
    return this.parts.has(name) ? schema.parse(this.parts.get(name)) : undefined
  }

  async save(name: string, part: unknown): Promise<void> {
    if (this.failing) throw new Error('the disk is full')
    if (part === undefined) this.parts.delete(name)
    else this.parts.set(name, JSON.parse(JSON.stringify(part)))
  }
}

test('any bytes are kept as they are', async () => {
  const state = new Kept()
  const every = Buffer.from([...Array(64).keys()].map((n) => n * 4 + 3))
  await new IdentifyingInformation(state).set(0, every)
  expect(new IdentifyingInformation(state).get(0)).toEqual(every)
  await new IdentifyingInformation(state).set(0, Buffer.alloc(0))
  expect(state.parts.size).toBe(0)
})

test('a name that cannot be kept: the one before it stays', async () => {
  const state = new Kept()
  const information = new IdentifyingInformation(state)
  await information.set(0, Buffer.from('before'))
  state.failing = true
  await expect(information.set(0, Buffer.from('after'))).rejects.toThrow('the disk is full')
  expect(information.get(0).toString()).toBe('before')
  expect(new IdentifyingInformation(state).get(0).toString()).toBe('before')
})

test('of a unit without an image names live as long as the unit', async () => {
  const information = new IdentifyingInformation(NO_UNIT_STATE)
  await information.set(2, Buffer.from('name'))
  expect(information.get(2).toString()).toBe('name')
})

test('what was kept and makes no sense is refused', () => {
  const state = new Kept()
  state.parts.set('identifyingInformation', { 0: 'no base64!' })
  expect(() => new IdentifyingInformation(state)).toThrow()
})
