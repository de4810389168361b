// A storm: hosts of one process, each with sessions of its own, that have one volume open at once and keep its locks busy. What it
// makes it removes, and the volume's mode is as it was, however it ends.

import { randomBytes } from 'node:crypto'
import type { BlockDevice } from '../../block-device.ts'
import { isShared } from '../../shared-device.ts'
import { isDirectory } from '../file-descriptors.ts'
import { type Found, lookup, walkTree } from '../path-lookup.ts'
import { openForWriting, type WritableVolume } from '../writable-volume.ts'
import { lockingOf, lockModeFor, requireStormOptions, type StormOptions, type StormStep } from './options.ts'
import { combine, commandsOf, type HostResult, type StormReport, summarize } from './report.ts'
import { changeMode, readFacts } from './volume-mode.ts'
import { StormWorker } from './worker.ts'

/** Between two signs of life while it runs. */
const PROGRESS_MS = 250

interface Host {
  readonly index: number
  readonly volume: WritableVolume
  readonly devices: readonly BlockDevice[]
  readonly worker: StormWorker
}

/**
 * Runs a storm.
 * @returns what it measured; `errors` of hosts among it, which were done with when they came
 * @throws RangeError for numbers out of bounds; VmfsError 'in use' when the volume's mode would have to change, and other hosts have
 *   it open; what opening the volume fails with. The volume is left as it was found then as well.
 */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  requireStormOptions(options)
  const { open, onProgress } = options
  const facts = await readFacts(open)
  const mode = lockModeFor(options.locking)
  const changes = facts.mode !== mode
  // Whatever the storm does not use: the volume's mode is changed by a host that may lock in both.
  const plain = { locking: { ...options.times } }
  if (changes) {
    await changeMode(open, mode, plain)
    onProgress?.({ kind: 'mode', from: facts.mode, to: mode })
  }
  try {
    const { label, uuid, version } = facts
    return { volume: { label, uuid, version }, locking: options.locking, mode, ...(await new Storm(options).run()) }
  } finally {
    if (changes) {
      await changeMode(open, facts.mode, plain)
      onProgress?.({ kind: 'mode', from: mode, to: facts.mode })
    }
  }
}

type Result = Pick<StormReport, 'seconds' | 'interrupted' | 'total' | 'kinds' | 'hosts' | 'errors'>

class Storm {
  readonly #options: StormOptions
  readonly #prefix = `storm-${randomBytes(4).toString('hex')}`
  readonly #hosts: Host[] = []
  readonly #errors: { host?: number; message: string }[] = []

  constructor(options: StormOptions) {
    this.#options = options
  }

  async run(): Promise<Result> {
    try {
      await this.#openHosts()
      const { results, seconds } = await this.#measure()
      const interrupted = this.#options.signal?.aborted ?? false
      await this.#clean()
      return { seconds, interrupted, ...summarize(results, seconds), errors: this.#errors }
    } catch (error) {
      await this.#clean()
      throw error
    }
  }

  /** One after the other: all of them at once would wait for each other. The first one makes the directories. */
  async #openHosts(): Promise<void> {
    const { hosts, signal } = this.#options
    for (let index = 0; index < hosts && !signal?.aborted; index++) {
      this.#tell('opening', index, hosts)
      await this.#openHost(index)
    }
  }

  async #openHost(index: number): Promise<void> {
    const { open, onEvent } = this.#options
    const devices = await open()
    const volume = await openForWriting(devices, {
      locking: lockingOf(this.#options),
      onEvent: (event) => onEvent?.(index, event),
    }).catch(async (error) => {
      await Promise.allSettled(devices.map((device) => device.close()))
      throw error
    })
    const directories = { own: `/${this.#prefix}-host-${index}`, common: `/${this.#prefix}-common` }
    this.#hosts.push({ index, volume, devices, worker: new StormWorker(volume, index, directories) })
    if (index === 0) await volume.makeDirectory(directories.common)
    await volume.makeDirectory(directories.own)
  }

  async #measure(): Promise<{ results: HostResult[]; seconds: number }> {
    const { seconds, signal } = this.#options
    const started = performance.now()
    const lastMs = started + seconds * 1000
    const tell = () => this.#tell('running', Math.min(seconds, (performance.now() - started) / 1000), seconds)
    const ticking = setInterval(tell, PROGRESS_MS)
    try {
      const isOver = () => performance.now() >= lastMs || (signal?.aborted ?? false)
      const results = await Promise.all(this.#hosts.map((host) => this.#runHost(host, isOver)))
      return { results, seconds: (performance.now() - started) / 1000 }
    } finally {
      clearInterval(ticking)
    }
  }

  async #runHost(host: Host, isOver: () => boolean): Promise<HostResult> {
    const { index, volume, worker } = host
    const before = this.#commands(host)
    const message = await worker.run(isOver).then(
      () => undefined,
      (error: unknown) => this.#fail(error, index),
    )
    return {
      ...{ host: index, uuid: volume.host, outcomes: worker.outcomes },
      commands: combine(this.#commands(host), before, (after, earlier) => after - earlier),
      ...(message !== undefined && { error: message }),
    }
  }

  #commands({ volume, devices }: Host) {
    const conflicts = devices.reduce((sum, device) => sum + (isShared(device) ? device.conflicts : 0), 0)
    return commandsOf(volume.lockingCounts!, conflicts)
  }

  /** Each host removes its own; what hosts have left that failed, and the directories, one that comes after them does. */
  async #clean(): Promise<void> {
    let closed = 0
    this.#tell('cleaning', closed, this.#hosts.length)
    await Promise.all(
      this.#hosts.map(async ({ index, volume, worker }) => {
        await worker.clean().catch(() => {}) // what is left is swept up below
        await volume.close().catch((error: unknown) => this.#fail(error, index))
        this.#tell('cleaning', ++closed, this.#hosts.length)
      }),
    )
    await this.#sweep().catch((error: unknown) => this.#fail(error))
  }

  async #sweep(): Promise<void> {
    const volume = await openForWriting(await this.#options.open(), { locking: lockingOf(this.#options) })
    try {
      const reader = volume.volume
      const names: string[] = []
      for await (const { name } of reader.entries(await reader.root()))
        if (name.startsWith(this.#prefix)) names.push(name)
      for (const name of names) await removeTree(volume, await lookup(reader, `/${name}`))
    } finally {
      await volume.close()
    }
  }

  #fail(error: unknown, host?: number): string {
    const message = error instanceof Error ? error.message : String(error)
    this.#errors.push({ ...(host !== undefined && { host }), message })
    return message
  }

  #tell(kind: Exclude<StormStep['kind'], 'mode'>, done: number, total: number): void {
    this.#options.onProgress?.({ kind, done, total })
  }
}

/** What is deepest goes first. */
async function removeTree(volume: WritableVolume, from: Found): Promise<void> {
  const below: { path: string; directory: boolean }[] = []
  for await (const { path, file } of walkTree(volume.volume, from))
    below.push({ path, directory: isDirectory(file.meta) })
  for (const { path, directory } of below.reverse())
    await (directory ? volume.removeDirectory(path) : volume.removeFile(path))
  await volume.removeDirectory(from.path)
}
