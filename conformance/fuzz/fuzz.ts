// A run of the fuzzer: an array in a process of its own, fuzzed connections at full speed on one target of it, an honest
// session on another. What is wrong, in the end or at once, is a complaint; without complaints the run is good.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { TASK_MANAGEMENT_FUNCTION, TASK_MANAGEMENT_RESPONSE_CODE, TEST_UNIT_READY } from '../../protocol/index.ts'
import { connect } from '../../src/host/index.ts'
import type { ArraySpec, LunSpec, RunningArray } from '../targets/array.ts'
import { startLunette } from '../targets/lunette.ts'
import { type Counts, fuzzConnection } from './connection.ts'
import { HonestSession } from './honest.ts'
import { Observer } from './observer.ts'
import { Random } from './random.ts'
import { type Recording, type Step, writeRecording } from './recording.ts'
import { replay } from './replay.ts'
import type { FuzzedUnit, World } from './world.ts'

const MIB = 1024 * 1024
/** As in the tests: what fails here can be sent there. */
const FUZZED = 'iqn.2026-11.io.lunette:array1'
const GUARDED = 'iqn.2026-11.io.lunette:guarded'
const ACCOUNTS = {
  chap: { user: 'fuzz', secret: 'a secret of a fuzzer' },
  mutual: { user: 'array', secret: 'a secret of the array' },
}
const HONEST = 'iqn.2026-11.io.lunette:honest'
const HONEST_HOST = 'iqn.2026-11.io.lunette:honest-host'
const HONEST_MIB = 32
const FOREIGN_NAA = '6024c550000000000000000000000fff'
const UNITS: readonly (Omit<LunSpec, 'id' | 'size'> & { readonly mib: number })[] = [
  { mib: 4, provisioning: 'thin' },
  { mib: 4, provisioning: 'thick' },
  { mib: 8, provisioning: 'thin', blockSize: 4096 },
  { mib: 4, provisioning: 'thin', removable: true },
]

/** The first part of the load, before memory is measured: the code is compiled, the pools are filled. */
const WARM_UP = 0.2
const WATCH_MS = 250
/**
 * Buffers that the array keeps for the next burst (buffer-pool.ts) and heap that the collector has not given back: runs of half
 * a minute end up to 70 MiB above a warm-up on a busy machine [M].
 */
const ROOM_BYTES = 96 * MIB
const GROWTH = 1.1
const CALM_MS = 45_000
const RESET_MS = 30_000
const CONNECTIONS_RECORDED = 16

export interface FuzzOptions {
  readonly seed: number
  /** The load ends after so long, or after so many PDUs. */
  readonly minutes: number
  readonly pdus?: number | undefined
  readonly connections: number
  readonly signal: AbortSignal
  /** Takes a line about how far it is, every few seconds. */
  readonly progress: (line: string) => void
  /** Where the recording goes when something is wrong. */
  readonly recordingFile: string
  /** Sent in place of what the seed gives. */
  readonly recording?: Recording | undefined
}

export interface FuzzResult {
  readonly complaints: readonly string[]
  readonly counts: Counts
  readonly seconds: number
  readonly honest: { readonly commands: number; readonly verifiedBytes: number; readonly slowestMs: number }
  /** Before the load and after it, where that can be measured. */
  readonly residentBytes: readonly number[]
}

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const directory = mkdtempSync(join(tmpdir(), 'lunette-fuzz-'))
  const array = await startLunette(arraySpec(), directory)
  const run = new Run(options, array, new Observer(directory))
  try {
    return await run.run()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const naa = (id: number): string => `6024c55${String(id).padStart(25, '0')}`

function arraySpec(): ArraySpec {
  const fuzzed = UNITS.map(
    ({ mib, ...unit }, id): LunSpec => ({ id, size: `${mib}MiB`, identity: { naa: naa(id) }, ...unit }),
  )
  const honest: LunSpec = {
    id: 0,
    size: `${HONEST_MIB}MiB`,
    provisioning: 'thin',
    initiators: [HONEST_HOST],
    identity: { naa: FOREIGN_NAA },
  }
  return {
    portals: 2,
    targets: [
      { iqn: FUZZED, luns: fuzzed },
      { iqn: GUARDED, luns: [{ id: 0, size: '4MiB', provisioning: 'thin' }], auth: ACCOUNTS },
      { iqn: HONEST, luns: [honest] },
    ],
  }
}

function newWorld(): World {
  const units = UNITS.map(({ mib, blockSize = 512 }, lun): FuzzedUnit => {
    return { lun, blockSize, blocks: (mib * MIB) / blockSize, naa: Buffer.from(naa(lun), 'hex') }
  })
  const initiatorNames = ['a', 'b', 'c'].map((name) => `iqn.2026-11.io.lunette:fuzz-${name}`)
  const account = ({ user, secret }: { user: string; secret: string }) => ({ user, secret: Buffer.from(secret) })
  const terms = { chap: account(ACCOUNTS.chap), mutual: account(ACCOUNTS.mutual) }
  return {
    targetName: FUZZED,
    guarded: { targetName: GUARDED, terms },
    initiatorNames,
    units,
    foreignNaa: Buffer.from(FOREIGN_NAA, 'hex'),
    portGroups: [1, 2],
    sessions: [],
    tokens: [],
  }
}

class Run {
  readonly #options: FuzzOptions
  readonly #array: RunningArray
  readonly #observer: Observer
  readonly #world = newWorld()
  readonly #complaints = new Set<string>()
  readonly #recorded = new Map<number, { order: number; step: Step }[]>()
  readonly #counts: Counts = { pdus: 0, connections: 0, logins: 0, answers: new Map() }
  #order = 0
  #nextConnection = 0
  #loadMs = 0

  constructor(options: FuzzOptions, array: RunningArray, observer: Observer) {
    this.#options = options
    this.#array = array
    this.#observer = observer
  }

  async run(): Promise<FuzzResult> {
    const honest = await HonestSession.open({
      port: this.#port(0),
      targetName: HONEST,
      initiatorName: HONEST_HOST,
      blocks: (HONEST_MIB * MIB) / 512,
      complain: (what) => this.#complain(what),
    })
    const sockets = this.#observer.canMeasure ? this.#observer.sockets() : 0
    const residentBytes: number[] = []
    honest.start()
    const { recording } = this.#options
    if (!recording) await this.#load(WARM_UP, honest)
    residentBytes.push(await this.#settledBytes(sockets, undefined))
    if (recording) await this.#replay(recording)
    else await this.#load(1, honest)
    await honest.stop()
    residentBytes.push(await this.#settledBytes(sockets, residentBytes[0]))
    await this.#conclude(honest)
    honest.destroy()
    for (const complaint of await this.#array.stop()) this.#complain(complaint)
    if (this.#complaints.size > 0 && !recording) this.#writeRecording()
    return {
      complaints: [...this.#complaints],
      counts: this.#counts,
      seconds: this.#loadMs / 1000,
      honest: { commands: honest.commands, verifiedBytes: honest.verifiedBytes, slowestMs: honest.slowestMs },
      residentBytes,
    }
  }

  /** Fuzzes until this part of the whole load is done. */
  async #load(part: number, honest: HonestSession): Promise<void> {
    const { minutes, pdus = Number.POSITIVE_INFINITY, connections, signal } = this.#options
    const [untilMs, untilPdus] = [part * minutes * 60_000, part * pdus]
    const started = performance.now() - this.#loadMs
    const over = (): boolean =>
      performance.now() - started >= untilMs ||
      this.#counts.pdus >= untilPdus ||
      signal.aborted ||
      this.#complaints.size > 0
    const watching = setInterval(() => this.#watch(), WATCH_MS)
    const telling = setInterval(() => this.#tell((performance.now() - started) / 1000, honest), 5_000)
    const worker = async (): Promise<void> => {
      while (!over()) await this.#connection()
    }
    await Promise.all(Array.from({ length: connections }, worker))
    clearInterval(watching)
    clearInterval(telling)
    this.#watch()
    this.#loadMs = performance.now() - started
  }

  async #replay(recording: Recording): Promise<void> {
    const { missing } = await replay(recording, this.#port(0))
    for (const what of missing) this.#options.progress(`did not come: ${what}`)
    this.#watch()
  }

  async #connection(): Promise<void> {
    const index = this.#nextConnection++
    const random = new Random(this.#options.seed, index)
    const steps: { order: number; step: Step }[] = []
    this.#recorded.set(index, steps)
    this.#recorded.delete(index - CONNECTIONS_RECORDED - this.#options.connections)
    const record = (step: Step): void => void steps.push({ order: this.#order++, step })
    try {
      const options = { index, port: this.#port(random.below(2)), record }
      const complaint = await fuzzConnection(options, random, this.#world, this.#counts)
      if (complaint) this.#complain(complaint)
    } catch (error) {
      this.#complain(`connection ${index}: ${(error as Error).stack}`)
    }
  }

  #watch(): void {
    const ended = this.#array.ended()
    if (ended !== undefined) this.#complain(ended)
    for (const error of this.#observer.newErrors()) this.#complain(error)
  }

  #tell(seconds: number, honest: HonestSession): void {
    const { pdus, connections, logins } = this.#counts
    const rate = Math.round(pdus / seconds)
    const memory = this.#observer.canMeasure && this.#array.ended() === undefined ? this.#observer.residentBytes() : 0
    this.#options.progress(
      `${seconds.toFixed(0).padStart(4)} s  ${pdus} PDUs (${rate}/s)  ${connections} connections, ${logins} logged in  ` +
        `honest: ${honest.commands} commands, ${(honest.verifiedBytes / MIB).toFixed(0)} MiB verified  ` +
        `array: ${(memory / MIB).toFixed(0)} MiB`,
    )
  }

  /** Waits until the array is calm: its connections are gone, and its memory is back where it was. What it has then. */
  async #settledBytes(sockets: number, before: number | undefined): Promise<number> {
    if (!this.#observer.canMeasure || this.#complaints.size > 0) return 0
    const limit = before === undefined ? Number.POSITIVE_INFINITY : before * GROWTH + ROOM_BYTES
    let least = Number.POSITIVE_INFINITY
    for (const deadline = performance.now() + CALM_MS; ; ) {
      await delay(500)
      const open = this.#observer.sockets()
      least = Math.min(least, this.#observer.residentBytes())
      if (open <= sockets && least <= limit) return least
      if (performance.now() < deadline) continue
      if (open > sockets) this.#complain(`${open - sockets} connections are left ${CALM_MS / 1000} s after the load`)
      if (least > limit)
        this.#complain(
          `${mib(least)} resident after the load, ${mib(before as number)} before: more than ${mib(limit)}`,
        )
      return least
    }
  }

  /** The spoilt target takes a new session, and every unit of it can be reset; the honest session finds every byte. */
  async #conclude(honest: HonestSession): Promise<void> {
    if (this.#complaints.size > 0) return
    try {
      await honest.finish()
      const session = await connect({ host: '127.0.0.1', port: this.#port(0), targetName: FUZZED, timeoutMs: RESET_MS })
      for (const { lun } of this.#world.units) {
        const response = await inTime(session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun }))
        if (response !== TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
          this.#complain(`LOGICAL UNIT RESET of LUN ${lun} is answered ${response ?? 'not at all'}`)
        if (!(await inTime(session.execute({ lun, cdb: TEST_UNIT_READY.encode({}) }))))
          this.#complain(`LUN ${lun} does not answer TEST UNIT READY`)
      }
      await inTime(session.logout())
    } catch (error) {
      this.#complain(`after the load: ${(error as Error).message}`)
    }
  }

  #complain(what: string): void {
    if (this.#options.signal.aborted || this.#complaints.has(what)) return
    this.#complaints.add(what)
    this.#options.progress(`WRONG: ${what}`)
  }

  #writeRecording(): void {
    const steps = [...this.#recorded.values()].flat().sort((a, b) => a.order - b.order)
    const wrong = `seed ${this.#options.seed}: ${[...this.#complaints].join('; ')}`
    writeRecording(this.#options.recordingFile, { wrong, steps: steps.map(({ step }) => step) })
  }

  #port(portal: number): number {
    return Number(this.#array.portals[portal]!.split(':').at(-1))
  }
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB`

/** Undefined when it takes too long. */
async function inTime<T>(result: Promise<T>): Promise<T | true | undefined> {
  const late = new AbortController()
  const first = await Promise.race([
    result.then((value) => value ?? (true as const)),
    delay(RESET_MS, undefined, { signal: late.signal }).catch(() => undefined),
  ])
  late.abort()
  return first
}
