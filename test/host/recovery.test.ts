// The life of a session across its connections, step by step (RFC 7143 7, 11.9.1): what is done about each event in each state.

import { describe, expect, test } from 'vitest'
import {
  firstUp,
  type RecoveryEffect,
  type RecoveryEvent,
  type RecoveryState,
  recoveryStep,
} from '../../src/host/initiator/recovery.ts'

const OPTIONS = {
  replacementTimeoutMs: 120_000,
  firstBackoffMs: 250,
  longestBackoffMs: 1000,
  stableMs: 5000,
  logoutTimeoutMs: 15_000,
}
const error = new Error('why')
const lost = (waitMs = 0): RecoveryEvent => ({ kind: 'lost', error, waitMs })
const refused = (final = false): RecoveryEvent => ({ kind: 'refused', error, final })
const TICK: RecoveryEvent = { kind: 'tick' }
const CONNECTED: RecoveryEvent = { kind: 'connected' }
const CLOSE: RecoveryEvent = { kind: 'close' }
const asked = (idle: boolean): RecoveryEvent => ({ kind: 'logout requested', withinMs: 10_000, idle })

/** Runs events at their times from a first login on; the last state and what it took to get there. */
function run(...events: (readonly [number, RecoveryEvent])[]): { state: RecoveryState; effects: RecoveryEffect[] } {
  let state = firstUp(0)
  let effects: RecoveryEffect[] = []
  for (const [atMs, event] of events) {
    const step = recoveryStep(state, event, atMs, OPTIONS)
    state = step.state
    effects = [...step.effects]
  }
  return { state, effects }
}

const kinds = (effects: readonly RecoveryEffect[]): string[] => effects.map(({ kind }) => kind)

describe('a connection is lost', () => {
  test('after it has lasted: at once a new one, and what is late ends everything', () => {
    const { state, effects } = run([6000, lost()])
    expect(state).toMatchObject({ kind: 'connecting', failures: 0 })
    expect(effects).toEqual([{ kind: 'connect' }, { kind: 'wake', atMs: 126_000 }])
  })

  test('Time2Wait is waited for', () => {
    const { state, effects } = run([6000, lost(2000)])
    expect(state.kind).toBe('waiting')
    expect(effects).toEqual([{ kind: 'wake', atMs: 8000 }])
    expect(kinds(run([6000, lost(2000)], [7999, TICK]).effects)).toEqual([])
    expect(kinds(run([6000, lost(2000)], [8000, TICK]).effects)).toEqual(['connect', 'wake'])
  })

  test('a new connection: commands may leave', () => {
    const { state, effects } = run([6000, lost()], [6010, CONNECTED])
    expect(state).toEqual({ kind: 'up', sinceMs: 6010, failures: 0 })
    expect(effects).toEqual([{ kind: 'resume' }])
  })

  test('refused: again with a backoff that doubles up to its bound', () => {
    const events: (readonly [number, RecoveryEvent])[] = [[6000, lost()]]
    const pauses: number[] = []
    let atMs = 6000
    for (let attempt = 0; attempt < 5; attempt++) {
      events.push([atMs, refused()])
      const { state } = run(...events)
      if (state.kind !== 'waiting') throw new Error(state.kind)
      pauses.push(state.untilMs - atMs)
      atMs = state.untilMs
      events.push([atMs, TICK])
    }
    expect(pauses).toEqual([250, 500, 1000, 1000, 1000])
  })

  test('connections that do not last are failed attempts: no busy loop', () => {
    const again = [lost(), CONNECTED] as const
    const first = run([10, lost()])
    expect(first.state).toMatchObject({ kind: 'connecting', failures: 1 })
    const second = run([10, again[0]], [20, again[1]], [30, lost()])
    expect(second.state).toMatchObject({ kind: 'waiting', untilMs: 280, failures: 2 })
    const lasted = run([10, again[0]], [20, again[1]], [5020, lost()])
    expect(lasted.state).toMatchObject({ kind: 'connecting', failures: 0 })
  })

  test('a refusal that is final ends it, and so does the replacement timeout in every state', () => {
    expect(run([6000, lost()], [6001, refused(true)])).toEqual({
      state: { kind: 'closed' },
      effects: [{ kind: 'end', failedAfterMs: 1, error }],
    })
    const whileConnecting = run([6000, lost()], [126_000, TICK])
    expect(whileConnecting.effects).toEqual([{ kind: 'end', failedAfterMs: 120_000, error }])
    const whileWaiting = run([6000, lost(3_600_000)], [126_000, TICK])
    expect(whileWaiting.effects).toEqual([{ kind: 'end', failedAfterMs: 120_000, error }])
    expect(kinds(run([6000, lost()], [126_000, refused()]).effects)).toEqual(['end'])
  })

  test('a connection that comes when it is over is dropped', () => {
    expect(run([6000, lost()], [126_000, TICK], [126_001, CONNECTED]).effects).toEqual([{ kind: 'drop' }])
  })
})

describe('the target asks for a logout', () => {
  test('nothing is outstanding: logout, then a new session', () => {
    const asking = run([100, asked(true)])
    expect(asking.state.kind).toBe('leaving')
    expect(asking.effects).toEqual([{ kind: 'logout' }, { kind: 'wake', atMs: 15_100 }])
    expect(run([100, asked(true)], [6000, lost()]).state.kind).toBe('connecting')
  })

  test('outstanding commands end first, for half of the time that the target gives', () => {
    expect(run([0, asked(false)]).effects).toEqual([{ kind: 'wake', atMs: 5000 }])
    expect(kinds(run([0, asked(false)], [4999, TICK]).effects)).toEqual([])
    expect(kinds(run([0, asked(false)], [5000, TICK]).effects)).toEqual(['logout', 'wake'])
    expect(kinds(run([0, asked(false)], [10, { kind: 'idle' }]).effects)).toEqual(['logout', 'wake'])
    expect(run([0, asked(false)], [6000, lost()]).state.kind).toBe('connecting')
  })

  test('half of many hours is too long for those that wait meanwhile', () => {
    const { effects } = run([0, { kind: 'logout requested', withinMs: 60_000_000, idle: false }])
    expect(effects).toEqual([{ kind: 'wake', atMs: OPTIONS.replacementTimeoutMs }])
  })

  test('a logout that is not answered: the connection is dropped', () => {
    expect(run([0, asked(true)], [15_000, TICK]).effects).toEqual([{ kind: 'drop' }])
    expect(run([0, asked(true)], [14_999, TICK]).effects).toEqual([])
  })
})

describe('its owner closes it', () => {
  test('with a connection: logout, and the end when the connection has ended, however', () => {
    expect(kinds(run([0, CLOSE]).effects)).toEqual(['logout', 'wake'])
    expect(run([0, CLOSE], [1, lost()]).effects).toEqual([{ kind: 'end' }])
    expect(run([0, CLOSE], [15_000, TICK]).effects).toEqual([{ kind: 'drop' }])
    expect(kinds(run([0, asked(false)], [1, CLOSE]).effects)).toEqual(['logout', 'wake'])
  })

  test('during the logout that the target asked for: no second one, and no new session', () => {
    expect(run([0, asked(true)], [1, CLOSE]).effects).toEqual([])
    expect(run([0, asked(true)], [1, CLOSE], [2, lost()]).effects).toEqual([{ kind: 'end' }])
  })

  test('without a connection: the end at once', () => {
    expect(run([6000, lost()], [6001, CLOSE]).effects).toEqual([{ kind: 'end' }])
    expect(run([6000, lost(2000)], [6001, CLOSE]).effects).toEqual([{ kind: 'end' }])
  })

  test('twice: once', () => {
    expect(run([0, CLOSE], [1, CLOSE]).effects).toEqual([])
    expect(run([6000, lost()], [6001, CLOSE], [6002, CLOSE]).effects).toEqual([])
  })
})

test('what does not belong to a state changes nothing', () => {
  expect(run([1, TICK]).effects).toEqual([])
  expect(run([1, CONNECTED]).state).toEqual(firstUp(0))
  expect(run([6000, lost()], [6001, lost()]).effects).toEqual([])
  expect(run([6000, lost(2000)], [6001, asked(true)]).effects).toEqual([])
})
