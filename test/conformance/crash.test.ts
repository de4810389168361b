// The model of persistent reservations of the crash suite, from SPC-4 5.13, and its random numbers.

import { describe, expect, test } from 'vitest'
import { Random } from '../../conformance/crash/random.ts'
import {
  after,
  chooseCommand,
  describe as describeState,
  NOTHING,
  type ReservationState,
  restarted,
} from '../../conformance/crash/reservation-model.ts'

const BOTH: ReservationState = { aptpl: true, keys: { one: 1n, two: 2n }, holder: { host: 'one', type: 5 } }
const register = (host: 'one' | 'two', key: bigint, aptpl = true) => ({ action: 'register', host, key, aptpl }) as const

describe('the state after a command', () => {
  test.each([
    ['REGISTER AND IGNORE EXISTING KEY registers', NOTHING, register('one', 10n), 'one a; no reservation'],
    ['it replaces the key, and the reservation stays', BOTH, register('one', 10n), 'one a, two 2; type 5 held by one'],
    ['key 0 of the holder takes the reservation along', BOTH, register('one', 0n), 'two 2; no reservation'],
    ['key 0 of another leaves it', BOTH, register('two', 0n), 'one 1; type 5 held by one'],
    [
      'RELEASE leaves the registrations',
      BOTH,
      { action: 'release', host: 'one', type: 5 },
      'one 1, two 2; no reservation',
    ],
    ['CLEAR leaves nothing', BOTH, { action: 'clear', host: 'two' }, 'no registration; no reservation'],
    [
      'PREEMPT of the holder takes the reservation',
      BOTH,
      { action: 'preempt', host: 'two', type: 1, victim: 1n },
      'two 2; type 1 held by two',
    ],
    [
      'PREEMPT of another takes the registration alone',
      BOTH,
      { action: 'preempt', host: 'one', type: 1, victim: 2n },
      'one 1; type 5 held by one',
    ],
    [
      'RESERVE',
      { aptpl: true, keys: { two: 2n } },
      { action: 'reserve', host: 'two', type: 3 },
      'two 2; type 3 held by two',
    ],
  ] as const)('%s', (_, before, command, wanted) => expect(describeState(after(before, command))).toBe(wanted))
})

test('a restart finds what there was where the last APTPL was one, and nothing else', () => {
  expect(restarted(BOTH)).toEqual(BOTH)
  expect(restarted(after(BOTH, register('two', 3n, false)))).toEqual(NOTHING)
  expect(restarted(after(after(BOTH, register('two', 3n, false)), register('two', 4n)))).toMatchObject({
    keys: { one: 1n, two: 4n },
  })
})

test('a reservation is only ever held by a registrant, and commands are of hosts that may give them', () => {
  const random = new Random(7)
  let state: ReservationState = NOTHING
  const seen = new Set<string>()
  for (let i = 0; i < 5000; i += 1) {
    const command = chooseCommand(state, random)
    seen.add(command.action)
    if (command.action !== 'register') expect(state.keys[command.host]).toBeDefined()
    if (command.action === 'reserve') expect(state.holder).toBeUndefined()
    if (command.action === 'release') expect(state.holder).toEqual({ host: command.host, type: command.type })
    state = after(state, command)
    if (state.holder !== undefined) expect(state.keys[state.holder.host]).toBeDefined()
  }
  expect([...seen].sort()).toEqual(['clear', 'preempt', 'register', 'release', 'reserve'])
})

test('a seed repeats its numbers, another seed has others', () => {
  const numbers = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 100 }, () => random.below(1000))
  }
  expect(numbers(1)).toEqual(numbers(1))
  expect(numbers(1)).not.toEqual(numbers(2))
  expect(Math.max(...numbers(3))).toBeLessThan(1000)
  expect(new Set(numbers(3)).size).toBeGreaterThan(50)
})
