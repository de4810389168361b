// Locks and heartbeats of several hosts in virtual time, with every delay, lost answer, crash and pause chosen by a seed.

import { describe, expect, test } from 'vitest'
import { VOLUME_MODES, type VolumeMode } from '../../../../src/host/vmfs/locking/operations.ts'
import type { Wrong } from './simulated-host.ts'
import { Simulation, type SimulationOptions } from './simulation.ts'

const RUNS_PER_MODE = 250

function run(options: SimulationOptions): Simulation {
  const simulation = new Simulation(options)
  try {
    simulation.run()
  } catch (error) {
    throw new Error(`seed ${options.seed}, at ${simulation.nowMs} ms: ${(error as Error).message}`, { cause: error })
  }
  return simulation
}

const options = (mode: VolumeMode, seed: number): SimulationOptions => ({
  ...{ seed, mode, hosts: 2 + (seed % 3), locks: 1 + (seed % 2), heartbeatByAts: seed % 5 !== 0 },
})

describe.each(VOLUME_MODES)('hosts on a volume in the mode %s', (mode) => {
  test(`${RUNS_PER_MODE} seeds: one exclusive holder, no live host broken, and every lock is to be had in the end`, () => {
    const sum = { commands: 0, crashes: 0, pauses: 0, guardedWrites: 0, fenced: 0 }
    const kinds = new Set<string>()
    for (let seed = 1; seed <= RUNS_PER_MODE; seed++) {
      const { counts, events } = run(options(mode, seed))
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
      for (const { kind } of events) kinds.add(kind)
    }
    // The runs had what they are about.
    for (const count of Object.values(sum)) expect(count).toBeGreaterThan(RUNS_PER_MODE / 5)
    expect([...kinds]).toEqual(expect.arrayContaining(['lost access', 'restored', 'heartbeat lost', 'broken']))
  }, 120_000)
})

describe('with a wrong host the same runs fail', () => {
  const WRONG: Record<Wrong, RegExp> = {
    'trusts the miscompare': /gives up a heartbeat that nobody has taken from it/,
    'does not look at its lease':
      /writes what a lock guards that|writes over the slot of|has not claimed|goes on to write/,
    'believes the stamp': /for dead, whose slot changed/,
    'does not wait': /for dead, whose slot changed/,
  }
  test.each(Object.entries(WRONG))('one that %s', (wrong, message) => {
    const failures: string[] = []
    for (let seed = 1; seed <= 100; seed++)
      try {
        run({ ...options('ATS-only', seed), heartbeatByAts: true, wrong: wrong as Wrong })
      } catch (error) {
        failures.push((error as Error).message)
      }
    expect(failures.length).toBeGreaterThan(0)
    for (const failure of failures) expect(failure).toMatch(message)
  })
})
