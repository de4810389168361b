// The state machine of persistent reservations (SPC-4 5.13): what it decides, and what holds whatever it is asked.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SENSE, SenseError } from '../../protocol/index.ts'
import { StatusError } from '../../src/target/failures.ts'
import { LIMITS } from '../../src/target/limits.ts'
import {
  accessOf,
  type Change,
  clear,
  holds,
  type NexusName,
  NO_REGISTRATIONS,
  nexusKey,
  type PersistentState,
  preempt,
  register,
  registerAndMove,
  release,
  requireKey,
  reserve,
} from '../../src/target/persistent-reservation.ts'
import { savedPersistentState, savedStateOf } from '../../src/target/persistent-reservation-state.ts'

const nexus = (initiator: string, port = 1): NexusName => ({
  initiatorPort: `iqn.2026-11.io.lunette:${initiator},i,0x000000000001`,
  targetPort: `iqn.2026-11.io.lunette:array1,t,0x000${port}`,
  relativeTargetPort: port,
})
const [A, B, C] = [nexus('a'), nexus('b'), nexus('c')]
const TYPES = [1, 3, 5, 6, 7, 8]

const plain = { key: 0n, aptpl: false, others: [], specified: undefined }

/** Each nexus registered with its key. */
function registered(...nexuses: readonly (readonly [NexusName, bigint])[]): PersistentState {
  return nexuses.reduce((state, [from, newKey]) => register(state, from, { ...plain, newKey }).state, NO_REGISTRATIONS)
}

const names = (state: PersistentState): string[] => [...state.registrations.keys()]
const told = ({ news }: Change): Record<string, readonly string[]> =>
  Object.fromEntries(
    news.filter(({ nexuses }) => nexuses.length > 0).map(({ nexuses, sense }) => [sense.text, nexuses]),
  )

describe('unit attentions, to whom', () => {
  const three = registered([A, 1n], [B, 2n], [C, 2n])

  test.each([
    [1, false],
    [3, false],
    [5, true],
    [6, true],
    [7, true],
    [8, true],
  ])('RELEASE of type %i: RESERVATIONS RELEASED to the other registrants: %s (SPC-4 5.13.11.2)', (type, news) => {
    const change = release(reserve(three, A, type).state, A, () => true)
    expect(change.state.reservation).toBeUndefined()
    expect(told(change)).toEqual(news ? { 'RESERVATIONS RELEASED': [B, C].map(nexusKey) } : {})
  })

  test.each([
    [1, undefined, {}],
    [3, undefined, {}],
    [5, undefined, { 'RESERVATIONS RELEASED': [B, C].map(nexusKey) }],
    [6, undefined, { 'RESERVATIONS RELEASED': [B, C].map(nexusKey) }],
    [7, { type: 7, holder: undefined }, {}],
    [8, { type: 8, holder: undefined }, {}],
  ])('the holder of type %i unregisters (SPC-4 5.13.11.3)', (type, left, news) => {
    const change = register(reserve(three, A, type).state, A, { ...plain, key: 1n, newKey: 0n })
    expect(change.state.reservation).toEqual(left)
    expect(told(change)).toEqual(news)
  })

  test('All Registrants types go with the last registration', () => {
    for (const type of [7, 8]) {
      const state = reserve(registered([A, 1n]), A, type).state
      expect(register(state, A, { ...plain, key: 1n, newKey: 0n }).state.reservation).toBeUndefined()
    }
  })

  test('CLEAR: RESERVATIONS PREEMPTED to the other registrants, reserved or not', () => {
    for (const state of [three, reserve(three, B, 1).state]) {
      const change = clear(state, A)
      expect(names(change.state)).toEqual([])
      expect(change.state.reservation).toBeUndefined()
      expect(told(change)).toEqual({ 'RESERVATIONS PREEMPTED': [B, C].map(nexusKey) })
    }
  })

  test('PREEMPT of the holder: REGISTRATIONS PREEMPTED to those that lost theirs', () => {
    const change = preempt(reserve(three, B, 5).state, A, 2n, () => 5)
    expect(change.state.reservation).toEqual({ type: 5, holder: nexusKey(A) })
    expect(names(change.state)).toEqual([nexusKey(A)])
    expect(told(change)).toEqual({ 'REGISTRATIONS PREEMPTED': [B, C].map(nexusKey) })
    expect(change.preempted).toEqual([B, C].map(nexusKey))
  })

  test('PREEMPT that changes the type: RESERVATIONS RELEASED to those that stay', () => {
    const state = reserve(registered([A, 1n], [B, 2n], [C, 3n]), B, 5).state
    expect(told(preempt(state, A, 2n, () => 6))).toEqual({
      'REGISTRATIONS PREEMPTED': [nexusKey(B)],
      'RESERVATIONS RELEASED': [nexusKey(C)],
    })
  })
})

describe('PREEMPT (SPC-4 5.13.11.4)', () => {
  const three = registered([A, 1n], [B, 2n], [C, 2n])
  const never = (): number => {
    throw new Error('SCOPE and TYPE do not count')
  }

  test('of mere registrations: the reservation stays, SCOPE and TYPE are not looked at', () => {
    for (const state of [three, reserve(three, A, 3).state]) {
      const change = preempt(state, A, 2n, never)
      expect(names(change.state)).toEqual([nexusKey(A)])
      expect(change.state.reservation).toEqual(state.reservation)
    }
  })

  test('by its own key without holding: its own registration goes too, unannounced', () => {
    const change = preempt(reserve(three, A, 1).state, B, 2n, never)
    expect(names(change.state)).toEqual([nexusKey(A)])
    expect(told(change)).toEqual({ 'REGISTRATIONS PREEMPTED': [nexusKey(C)] })
    expect(change.preempted).toEqual([nexusKey(C)])
  })

  test('the holder preempts itself: others with its key go, the type is the new one', () => {
    const change = preempt(reserve(three, B, 1).state, B, 2n, () => 8)
    expect(names(change.state)).toEqual([A, B].map(nexusKey))
    expect(change.state.reservation).toEqual({ type: 8, holder: undefined })
    expect(told(change)).toEqual({
      'REGISTRATIONS PREEMPTED': [nexusKey(C)],
      'RESERVATIONS RELEASED': [nexusKey(A)],
    })
  })

  test('All Registrants, key zero: everybody else is preempted', () => {
    const change = preempt(reserve(three, A, 7).state, B, 0n, () => 1)
    expect(names(change.state)).toEqual([nexusKey(B)])
    expect(change.state.reservation).toEqual({ type: 1, holder: nexusKey(B) })
  })

  test('All Registrants, a key: those registrations go, the reservation stays while one is left', () => {
    const state = reserve(three, A, 8).state
    expect(preempt(state, A, 2n, never).state.reservation).toEqual({ type: 8, holder: undefined })
    const alone = reserve(registered([A, 1n]), A, 8).state
    expect(preempt(alone, A, 1n, never).state).toMatchObject({ reservation: undefined, registrations: new Map() })
  })

  test('a key that nobody has: conflict; zero without All Registrants: INVALID FIELD IN PARAMETER LIST, byte 8', () => {
    expect(() => preempt(three, A, 9n, never)).toThrow(StatusError)
    for (const state of [three, reserve(three, A, 5).state]) {
      const error = errorOf(() => preempt(state, A, 0n, never)) as SenseError
      expect(error.sense).toBe(SENSE.INVALID_FIELD_IN_PARAMETER_LIST)
      expect(error.field).toEqual({ in: 'parameters', byte: 8 })
    }
  })
})

test('registrations are bounded: past the bound INSUFFICIENT REGISTRATION RESOURCES, changes of a key still taken', () => {
  const many = Array.from({ length: LIMITS.registrationsPerUnit }, (_, i) => nexus(`h${i}`))
  const state = register(NO_REGISTRATIONS, many[0]!, { ...plain, newKey: 1n, specified: many.slice(1) }).state
  expect(state.registrations.size).toBe(LIMITS.registrationsPerUnit)
  const error = errorOf(() => register(state, A, { ...plain, newKey: 1n })) as SenseError
  expect(error.sense).toBe(SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
  expect(register(state, many[5]!, { ...plain, key: 1n, newKey: 2n }).state.registrations.size).toBe(many.length)
})

function errorOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

/** One request of somebody, in any state right or wrong. */
const nexuses = ['a', 'b', 'c', 'd'].flatMap((name) => [nexus(name, 1), nexus(name, 2)])
const anyNexus = fc.constantFrom(...nexuses)
const anyKey = fc.constantFrom(0n, 1n, 2n, 3n)
const anyType = fc.constantFrom(...TYPES)
const requests = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), from: anyNexus, key: fc.option(anyKey, { nil: undefined }), newKey: anyKey, aptpl: fc.boolean(), others: fc.array(anyNexus, { maxLength: 1 }), specified: fc.option(fc.array(anyNexus, { maxLength: 3 }), { nil: undefined }) }),
  fc.record({ kind: fc.constantFrom('reserve' as const, 'release' as const, 'clear' as const), from: anyNexus, key: anyKey, type: anyType }),
  fc.record({ kind: fc.constant('preempt' as const), from: anyNexus, key: anyKey, victim: anyKey, type: anyType }),
  fc.record({ kind: fc.constant('move' as const), from: anyNexus, key: anyKey, newKey: anyKey, unreg: fc.boolean(), aptpl: fc.boolean(), to: anyNexus }),
) // biome-ignore format: one request a line
type Request = typeof requests extends fc.Arbitrary<infer R> ? R : never

function decide(state: PersistentState, request: Request): Change {
  const { from } = request
  if (request.kind === 'register') return register(state, from, request)
  requireKey(state, from, request.key)
  if (request.kind === 'move') return registerAndMove(state, from, request)
  if (request.kind === 'preempt') return preempt(state, from, request.victim, () => request.type)
  if (request.kind === 'clear') return clear(state, from)
  if (request.kind === 'reserve') return reserve(state, from, request.type)
  return release(state, from, (type) => type === request.type)
}

function expectSound(state: PersistentState): void {
  const { registrations, reservation } = state
  for (const [name, one] of registrations) {
    expect(nexusKey(one)).toBe(name)
    expect(one.key).not.toBe(0n)
  }
  if (!reservation) return
  expect(TYPES).toContain(reservation.type)
  const holders = names(state).filter((name) => holds(state, name))
  if (reservation.type >= 7) expect(holders).toEqual(names(state))
  else expect(holders).toEqual([reservation.holder])
  expect(holders.length).toBeGreaterThan(0)
  for (const name of holders) expect(accessOf(state, name)).toBe('write')
}

function expectStep(before: PersistentState, { state, news, preempted }: Change, request: Request): void {
  const own = nexusKey(request.from)
  expectSound(state)
  const counted = !['reserve', 'release'].includes(request.kind) && state !== before
  expect(state.generation).toBe(before.generation + (counted ? 1 : 0))
  if (!counted) expect(state.registrations).toEqual(before.registrations)
  for (const { nexuses: to } of news) {
    expect(to).not.toContain(own)
    for (const name of to) expect(before.registrations.has(name)).toBe(true)
  }
  for (const name of preempted) expect(state.registrations.has(name)).toBe(false)
  // Whoever loses a registration by another's hand hears of it.
  const informed = new Set(news.flatMap(({ nexuses: to }) => to))
  const byAnother = ['preempt', 'clear'].includes(request.kind)
  for (const name of before.registrations.keys())
    if (byAnother && name !== own && !state.registrations.has(name)) expect(informed.has(name)).toBe(true)
}

test('whatever is asked: holders are registered, one reservation at most, PRGENERATION counts, the losers are told', () => {
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 40 }), (list) => {
      let state = NO_REGISTRATIONS
      for (const request of list) {
        const snapshot = structuredClone(state)
        try {
          const change = decide(state, request)
          expectStep(state, change, request)
          state = change.state
        } catch (error) {
          if (!(error instanceof StatusError || error instanceof SenseError)) throw error
        }
        expect(snapshot.generation).toBeLessThanOrEqual(state.generation)
        const kept = savedStateOf({ ...state, aptpl: true })
        const back = savedPersistentState.parse(JSON.parse(JSON.stringify(kept)))
        expect(back).toEqual({ ...state, aptpl: true, generation: 0 })
        expect([...back.registrations.keys()]).toEqual(names(state))
      }
    }),
    { numRuns: 300 },
  )
})

test('PRGENERATION wraps', () => {
  const state = { ...registered([A, 1n]), generation: 0xffff_ffff }
  expect(clear(state, A).state.generation).toBe(0)
})

describe('what is kept (APTPL)', () => {
  const kept = savedStateOf({ ...reserve(registered([A, 0xfedcba9876543210n], [B, 2n]), B, 6).state, aptpl: true })
  const broken = (change: (part: Record<string, never>) => void): unknown => {
    const part = structuredClone(kept) as unknown as Record<string, never>
    change(part)
    return part
  }

  test('plain JSON', () => {
    expect(kept).toEqual({
      registrations: [
        { ...A, key: 'fedcba9876543210' },
        { ...B, key: '0000000000000002' },
      ],
      reservation: { type: 6, holder: 1 },
    })
    expect(savedStateOf({ ...NO_REGISTRATIONS, aptpl: false })).toBeUndefined()
    expect(savedStateOf({ ...NO_REGISTRATIONS, aptpl: true })).toEqual({ registrations: [] })
  })

  type Part = { registrations: Record<string, unknown>[]; reservation?: Record<string, unknown> | undefined }
  test.each<[string, (part: Part) => void]>([
    ['a holder that is not registered', (part) => (part.reservation = { type: 6, holder: 2 })],
    ['no holder', (part) => (part.reservation = { type: 6 })],
    ['a holder of what everybody holds', (part) => (part.reservation = { type: 8, holder: 0 })],
    ['a type that is none', (part) => (part.reservation = { type: 2, holder: 0 })],
    ['a nexus that is registered twice', (part) => part.registrations.push(part.registrations[0]!)],
    ['the key zero', (part) => (part.registrations[0]!.key = '0000000000000000')],
    ['a key that is none', (part) => (part.registrations[0]!.key = '1')],
    ['a port without a name', (part) => (part.registrations[0]!.targetPort = '')],
    ['a relative target port of zero', (part) => (part.registrations[0]!.relativeTargetPort = 0)],
    ['an unknown field', (part) => (part.registrations[0]!.more = 1)],
    ['a reservation held by nobody', (part) => Object.assign(part, { registrations: [], reservation: { type: 7 } })],
  ])('%s is refused', (_, change) => {
    expect(savedPersistentState.safeParse(broken(change as never)).success).toBe(false)
  })
})
