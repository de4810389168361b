// kill -9 at random moments while PERSISTENT RESERVE OUT with APTPL, MODE SELECT with SP and changes of a pool are under way:
// after each restart the array is in the state before or after each command, never in another. Two arrays at a time.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectionLostError } from '../../src/host/index.ts'
import { SavedModes } from '../crash/modes.ts'
import { PoolChanges } from '../crash/pool.ts'
import { Random } from '../crash/random.ts'
import { Reservations } from '../crash/reservations.ts'
import { Host, type Hosts, type Subject, type Tally, Violation } from '../crash/subject.ts'
import type { Bench, Suite } from '../suite.ts'
import type { ArraySpec, RunningArray } from '../targets/array.ts'

const IQN = 'iqn.2026-11.io.lunette:crash'
const KIND = 'kill9'
const KILLS = 200
const ARRAYS = 2
/** The kill comes when the reservations have answered so many commands, or after a while, and so much later. */
const ANSWERED_MAX = 4
const LIFE_MS_MAX = 500
const LATER_MS_MAX = 12
const MIB = 1024 * 1024
const LUN = { RESERVED: 0, MODES: 1, POOL: [2, 3] } as const

const SPEC: ArraySpec = {
  pools: [{ name: 'small', capacity: '6MiB' }],
  targets: [
    {
      iqn: IQN,
      luns: [
        { id: LUN.RESERVED, size: '1MiB', provisioning: 'thin', pool: 'none' },
        { id: LUN.MODES, size: '1MiB', provisioning: 'thin', pool: 'none' },
        ...LUN.POOL.map((id) => ({ id, size: '4MiB', provisioning: 'thin', pool: 'small' }) as const),
      ],
    },
  ],
}

const subjectsOf = (seed: number): readonly Subject[] => [
  new Reservations(LUN.RESERVED, new Random(seed)),
  new SavedModes(LUN.MODES, new Random(seed + 1)),
  new PoolChanges(LUN.POOL, 4 * MIB, 6 * MIB, new Random(seed + 2)),
]

export const CRASH: Suite = {
  name: 'crash',
  about: `kill -9 at ${KILLS} random moments: reservations, saved modes and pools are as before or after a command`,
  tools: {},
  ownOnly: true,
  cases: async () => subjectsOf(0).map(({ name }) => ({ kind: KIND, group: name, test: name })),
  array: () => SPEC,

  async run(bench, cases) {
    const seed = seedOf(process.env.LUNETTE_SEED)
    const started = performance.now()
    const second = await startSecond(bench)
    const crashes = [bench.array, second].map((array, i) => new Crash(bench, array, seed + 1000 * i))
    let complaints: readonly string[] = []
    try {
      await Promise.all(crashes.map((each) => each.run(KILLS / ARRAYS)))
    } finally {
      complaints = await second.stop()
    }
    const durationMs = performance.now() - started
    for (const testCase of cases) {
      const failures = [...crashes.flatMap(({ failures }) => failures.get(testCase.test) ?? []), ...complaints]
      const tallies = crashes.map((each) => `${each.tally(testCase.test)}`)
      const detail = [...failures, ...tallies, `${KILLS} kills, seed ${seed}`].join('\n')
      bench.report({ ...testCase, outcome: failures.length === 0 ? 'pass' : 'fail', detail, durationMs })
    }
  },

  async summary(results) {
    const own = results.filter(({ kind }) => kind === KIND)
    const lines = own.flatMap(({ test, detail }) =>
      detail
        .split('\n')
        .slice(-1 - ARRAYS, -1)
        .map((tally) => `    ${test}: ${tally}`),
    )
    return own[0] === undefined ? [] : [`crash: ${own[0].detail.split('\n').at(-1)}`, ...lines]
  },
}

async function startSecond(bench: Bench): Promise<RunningArray> {
  const directory = join(bench.directory, 'second')
  mkdirSync(directory, { recursive: true })
  return bench.startArray(SPEC, directory)
}

function seedOf(text: string | undefined): number {
  const seed = text === undefined ? Date.now() % 2 ** 31 : Number(text)
  if (Number.isInteger(seed)) return seed
  throw new Error(`LUNETTE_SEED is ${JSON.stringify(text)} and no whole number`)
}

/** One array that is killed over and over. */
class Crash {
  /** By the name of the subject. */
  readonly failures = new Map<string, string>()
  readonly #bench: Bench
  readonly #array: RunningArray
  readonly #random: Random
  readonly #all: readonly Subject[]
  #subjects: readonly Subject[]
  #kills = 0

  constructor(bench: Bench, array: RunningArray, seed: number) {
    this.#bench = bench
    this.#array = array
    this.#random = new Random(seed + 3)
    this.#all = subjectsOf(seed)
    this.#subjects = this.#all
  }

  tally(name: string): Tally {
    return this.#all.find((subject) => subject.name === name)!.tally
  }

  async run(kills: number): Promise<void> {
    while (this.#kills < kills && this.#subjects.length > 0) {
      this.#bench.signal.throwIfAborted()
      const hosts = await this.#connect()
      await this.#each((subject) => subject.verify(hosts))
      const dying = this.#each((subject) => untilLost(subject, hosts))
      await this.#moment()
      this.#kills += 1
      await Promise.all([this.#restart(), dying])
      for (const host of Object.values(hosts)) host.destroy()
    }
    if (this.#subjects.length === 0) return
    const hosts = await this.#connect()
    await this.#each((subject) => subject.verify(hosts))
    for (const host of Object.values(hosts)) host.destroy()
  }

  /** A random one, on a fast machine and on a slow one. */
  async #moment(): Promise<void> {
    const [subject] = this.#subjects
    if (subject === undefined) return
    const enough = subject.tally.answered + this.#random.below(ANSWERED_MAX)
    const deadline = performance.now() + LIFE_MS_MAX
    while (subject.tally.answered < enough && performance.now() < deadline) await delay(1)
    await delay(this.#random.below(LATER_MS_MAX))
  }

  /** An array that does not come back has nothing left to look at. */
  async #restart(): Promise<void> {
    try {
      await this.#array.restart('SIGKILL')
    } catch (error) {
      const why = `after ${this.#kills} kills it does not start: ${(error as Error).message}`
      for (const { name } of this.#subjects) this.failures.set(name, why)
      this.#subjects = []
    }
  }

  async #connect(): Promise<Hosts> {
    const [one, two] = await Promise.all(
      (['one', 'two'] as const).map((name) => Host.connect(this.#array.portals[0]!, IQN, name)),
    )
    return { one: one!, two: two! }
  }

  /** A subject whose state is wrong is left alone from then on. */
  async #each(act: (subject: Subject) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(this.#subjects.map(act))
    this.#subjects = this.#subjects.filter((subject, i) => {
      const outcome = outcomes[i]!
      if (outcome.status === 'fulfilled') return true
      if (!(outcome.reason instanceof Violation)) throw outcome.reason
      this.failures.set(subject.name, `after ${this.#kills} kills: ${outcome.reason.message}`)
      return false
    })
  }
}

async function untilLost(subject: Subject, hosts: Hosts): Promise<void> {
  try {
    for (;;) await subject.step(hosts)
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error
  }
}
