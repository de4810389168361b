// A run of the hosts: an array with the volume's image, its observer and judge, the workers, and what is done to them. What has come of
// it is in the story.

import { appendFileSync, closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  LOCKING_DEFAULTS,
  type LockingSettings,
  type LockMode,
  LogicalUnit,
  openIscsiDevice,
  openTarget,
  setLockMode,
} from '../../src/host/index.ts'
import { startArray } from '../../src/index.ts'
import { Random } from '../crash/random.ts'
import type { VmfsVersion } from '../vmfs/data-set.ts'
import { Chaos } from './chaos.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { takeDown } from './end.ts'
import { HostProcess } from './fleet.ts'
import { Judge } from './judge.ts'
import type { HostEvent } from './messages.ts'
import { SharedFile } from './model.ts'
import { Observer } from './observer.ts'
import { judgeRecord } from './record.ts'
import { compareHeartbeats, compareHeldLocks } from './shown.ts'
import { Story } from './story.ts'
import { Worker } from './worker.ts'

const HOSTS_IN_ONE = 32
const HOSTS_ALONE = 4
export type RunMode = 'ats' | 'scsi' | 'ats-off'

export interface RunOptions {
  readonly version: VmfsVersion
  readonly mode: RunMode
  readonly seed: number
  readonly seconds: number
  /** A filled volume that is the run's own. */
  readonly image: string
  /** Of the whole run, for people. */
  readonly logFile: string
  /** Runs debugvmfs or debugvmfs6, whatever its exit status. */
  readonly tool: (command: readonly string[]) => Promise<string>
  readonly signal: AbortSignal
}

const IQN = 'iqn.2026-11.io.lunette:hosts'
const THINK_MS = 700
const THINK_ALONE_MS = 150
const SHARED_FILES = 3
/** Of the part of a host's UUID that names its process; random bits stand above. */
const PROCESS_BITS = 0x3fffff
/** Between two looks with debugvmfs. */
const SHOWN_MS = 2500
/** Every third host's connections go through what cuts them. */
const CUT_EVERY = 3
/** Until everything that was begun has come to its end: two deaths that wait for each other. */
const CALM_MS = 120_000

/** How the volume says that it is locked, and what its hosts have set. */
const LOCKING: Readonly<Record<RunMode, { readonly volume: LockMode; readonly host: Partial<LockingSettings> }>> = {
  ats: { volume: 'ATS-only', host: {} },
  scsi: { volume: 'ATS+SCSI', host: { acceleratedLocking: false } },
  'ats-off': { volume: 'ATS+SCSI', host: {} },
}

export async function runHosts(options: RunOptions): Promise<Story> {
  const log = openSync(options.logFile, 'a')
  const story = new Story((line) => appendFileSync(options.logFile, `${new Date().toISOString()} ${line}\n`))
  const run = new Run(options, story, log)
  try {
    await run.run()
  } finally {
    await run.end()
    closeSync(log)
  }
  return story
}

class Run {
  readonly #options: RunOptions
  readonly #story: Story
  readonly #log: number
  readonly #image: number
  readonly #judge: Judge
  readonly #observer: Observer
  readonly #processes = new Map<number, Promise<HostProcess>>()
  readonly #killed = new Set<number>()
  readonly #cleanups: (() => Promise<void>)[] = []
  #workers: readonly Worker[] = []

  constructor(options: RunOptions, story: Story, log: number) {
    this.#options = options
    this.#story = story
    this.#log = log
    this.#image = openSync(options.image, 'r')
    this.#judge = new Judge({
      ...{ lostMs: LOCKING_DEFAULTS.lostMs, atsOnly: options.mode === 'ats' },
      hasEnded: (host) => this.#hasEnded(host),
    })
    this.#observer = new Observer({ version: options.version, judge: this.#judge, image: this.#image })
  }

  async run(): Promise<void> {
    const { mode, seed, seconds, signal } = this.#options
    const random = new Random(seed)
    const sharedFiles = Array.from({ length: SHARED_FILES }, (_, i) => new SharedFile(`/hosts/common/shared-${i}`))
    const portals = await this.#array()
    this.#workers = Array.from({ length: HOSTS_IN_ONE + HOSTS_ALONE }, (_, index) =>
      this.#worker(index, random, sharedFiles, portals),
    )
    await this.#setLockMode(portals.direct)
    await this.#makeDirectories()
    await Promise.all(this.#workers.slice(1).map((worker) => worker.open()))
    this.#story.say('all hosts have the volume open')
    let isOver = false
    const isDone = () => isOver || signal.aborted
    const work = Promise.all(this.#workers.map((worker) => worker.work(isDone)))
    const chaos = new Chaos({
      ...{ random: new Random(seed + 1), story: this.#story, judge: this.#judge, proxy: portals.proxy, mode },
      ...{ observer: this.#observer, workers: this.#workers, firstAlone: HOSTS_IN_ONE, killed: this.#killed },
    })
    const chaotic = chaos.run(isDone)
    const shown = this.#compareShown(isDone)
    await delay(seconds * 1000, undefined, { signal }).catch(() => {})
    isOver = true
    await Promise.all([chaotic, shown])
    signal.throwIfAborted()
    const calm = await Promise.race([work.then(() => true), delay(CALM_MS, false, { ref: false })])
    if (!calm) this.#story.wrong('end', `hosts have not come to an end ${CALM_MS / 1000} s after the last of it`)
    this.#observer.atsOff = false
    await takeDown({ workers: this.#workers, sharedFiles, story: this.#story, judge: this.#judge })
    this.#tellJudgement()
  }

  /** Ends whatever there is. */
  async end(): Promise<void> {
    const processes = await Promise.allSettled(this.#processes.values())
    for (const each of processes)
      if (each.status === 'fulfilled') {
        each.value.continue()
        await each.value.kill()
      }
    for (const cleanup of this.#cleanups.reverse()) await cleanup()
    closeSync(this.#image)
  }

  async #array(): Promise<{ direct: number; cut: number; proxy: CuttingProxy }> {
    const { image } = this.#options
    const array = await startArray(
      {
        ...{ data: `${dirname(image)}/array-data`, portals: ['127.0.0.1:0'] },
        targets: [{ iqn: IQN, luns: [{ store: { type: 'sparse', path: image }, size: '64GiB' }] }],
      },
      { injector: this.#observer.injector, onLockEvent: this.#observer.onLockEvent, medium: this.#observer.medium },
    )
    this.#cleanups.push(() => array.close())
    const direct = Number(array.portals[0]!.split(':').at(-1))
    const proxy = await CuttingProxy.open(direct)
    this.#cleanups.push(() => proxy.close())
    return { direct, cut: proxy.port, proxy }
  }

  #worker(
    index: number,
    random: Random,
    sharedFiles: readonly SharedFile[],
    { direct, cut }: { direct: number; cut: number },
  ) {
    const port = index % CUT_EVERY === 0 ? cut : direct
    const name = (incarnation: number) => `iqn.2026-11.io.lunette:host-${index}-${incarnation}`
    const locking = LOCKING[this.#options.mode].host
    return new Worker({
      ...{
        index,
        sharedFiles,
        story: this.#story,
        random: new Random(random.next()),
        thinkMs: index < HOSTS_IN_ONE ? THINK_MS : THINK_ALONE_MS,
      },
      opening: (_, incarnation) => ({
        ...{ kind: 'open', url: `iscsi://127.0.0.1:${port}/${IQN}/0`, initiatorName: name(incarnation), locking },
      }),
      process: () => this.#process(index < HOSTS_IN_ONE ? 0 : index),
    })
  }

  /** The process that this host is to run in; another one where the last has ended. */
  #process(number: number): Promise<HostProcess> {
    const start = async (): Promise<HostProcess> => {
      const last = await this.#processes.get(number)
      if (last && !last.hasEnded) return last
      return await HostProcess.start((event) => this.#hostSays(event), this.#log)
    }
    const process = start()
    this.#processes.set(number, process)
    return process
  }

  #hostSays({ host, event, text }: HostEvent) {
    this.#story.count(event)
    this.#story.say(`host of worker ${host}: ${event}: ${text}`)
  }

  async #setLockMode(port: number): Promise<void> {
    const initiatorName = 'iqn.2026-11.io.lunette:lockmode'
    const session = await openTarget({ host: '127.0.0.1', port, targetName: IQN, initiatorName })
    try {
      await setLockMode([await openIscsiDevice(new LogicalUnit(session, 0))], LOCKING[this.#options.mode].volume)
    } finally {
      await session.close()
    }
  }

  async #makeDirectories(): Promise<void> {
    const [first] = this.#workers as [Worker]
    await first.open()
    for (const path of ['/hosts', '/hosts/common', ...this.#workers.map(({ directory }) => directory)])
      await first.ask({ kind: 'makeDirectory', path })
  }

  async #compareShown(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await delay(SHOWN_MS, undefined, { ref: false })
      if (isOver()) return
      const shown = { ...this.#options, workers: this.#workers, judge: this.#judge, story: this.#story }
      await compareHeartbeats(shown)
      await compareHeldLocks(shown)
    }
  }

  /** The UUID of a host names its process. */
  #hasEnded(host: string): boolean {
    return this.#killed.has(Number.parseInt(host.split('-')[1]!, 16) & PROCESS_BITS)
  }

  #tellJudgement(): void {
    const { violations, counts } = this.#judge
    for (const each of violations) this.#story.wrong(each.includes('wrote') ? 'zombies' : 'locks', each)
    for (const [what, count] of Object.entries(counts)) this.#story.count(what, count)
    for (const [what, count] of Object.entries(this.#observer.commands)) this.#story.count(what, count)
    if (this.#options.mode === 'ats')
      judgeRecord(this.#observer.events, counts, this.#story, (host) => this.#hasEnded(host))
  }
}
