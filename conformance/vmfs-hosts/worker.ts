// One host that works on the volume, and the one that takes its place when it dies: chooses what to do, has it done in a process of
// hosts, and keeps the model of what must be there.

import type { Random } from '../crash/random.ts'
import { type Content, lengthOf, resized } from './content.ts'
import type { HostProcess, OperationFailed } from './fleet.ts'
import type { Answer, Operation, Seen } from './messages.ts'
import { type Effect, type Entry, FileModel, type SharedFile } from './model.ts'
import type { Story } from './story.ts'

export interface WorkerOptions {
  readonly index: number
  readonly random: Random
  readonly story: Story
  readonly sharedFiles: readonly SharedFile[]
  /** How it opens the volume this time. */
  readonly opening: (index: number, incarnation: number) => Extract<Operation, { kind: 'open' }>
  readonly process: () => Promise<HostProcess>
  readonly thinkMs: number
}

const COMMON = '/hosts/common'
const MAX_FILES = 12
const HOLD_MS = 3000
/** What tells a host that it may not go on. */
const HOST_IS_DEAD = /heartbeat|taken for dead|is the disk there/
const REOPEN_WAIT_MS = 200
const MIB = 1024 * 1024

interface Choice {
  readonly operation: Operation
  readonly effects: readonly Effect[]
  readonly told?: (outcome: 'done' | 'not done' | 'unknown') => void
}

export class Worker {
  readonly index: number
  readonly model = new FileModel()
  /** The UUID of the host that it is now. */
  host: string | undefined
  initiatorName = ''
  readonly #options: WorkerOptions
  #incarnation = 0
  #files = 0
  #uncertain: readonly Effect[] = []
  #isDead = true
  #isWriting = false

  constructor(options: WorkerOptions) {
    this.#options = options
    this.index = options.index
    this.model.set(this.directory, { kind: 'directory' })
  }

  get directory(): string {
    return `/hosts/own-${this.index}`
  }

  get process(): Promise<HostProcess> {
    return this.#options.process()
  }

  /** Ends when nothing is under way and `isOver` says so. */
  async work(isOver: () => boolean): Promise<void> {
    const { random, thinkMs } = this.#options
    while (!isOver()) {
      await pause(random.below(2 * thinkMs))
      if (isOver()) break
      await this.step()
    }
    // What nobody knows of is settled while it can be.
    for (let tries = 0; tries < 20 && this.#uncertain.length > 0; tries++) await this.step()
    if (this.#uncertain.length > 0)
      this.#options.story.wrong('model', `${this.#name} could not settle what it had begun`)
  }

  async step(): Promise<void> {
    try {
      if (this.#isDead) await this.open()
      if (this.#uncertain.length > 0) return await this.#settle()
    } catch (error) {
      this.#died(error as Error)
      return await pause(REOPEN_WAIT_MS)
    }
    if (this.#options.random.below(12) === 0) await this.#hold()
    else await this.#carryOut(this.#choose())
  }

  /** As when power is lost: nothing is given back. */
  async destroy(): Promise<void> {
    if (this.#isDead) return
    const process = await this.process
    this.#isDead = true
    await process.ask(this.index, { kind: 'destroy' }).catch(() => {})
  }

  /** Its process is gone, or its host's heartbeat. */
  markDead(): void {
    this.#isDead = true
    this.host = undefined
  }

  async close(): Promise<void> {
    if (this.#isDead) return
    this.#isDead = true
    const process = await this.process
    try {
      await process.ask(this.index, { kind: 'close' })
    } catch (error) {
      // One that was buried while it had nothing to do finds out now.
      if (!HOST_IS_DEAD.test((error as Error).message)) throw error
    }
    this.host = undefined
  }

  get isAlive(): boolean {
    return !this.#isDead && this.host !== undefined
  }

  /** An operation that changes something is under way. */
  get isWriting(): boolean {
    return this.#isWriting
  }

  async ask(operation: Operation): Promise<Answer> {
    return await (await this.process).ask(this.index, operation)
  }

  get #name() {
    return `worker ${this.index} (${this.host ?? 'no host'})`
  }

  async open(): Promise<void> {
    const { story, opening } = this.#options
    const operation = opening(this.index, this.#incarnation++)
    this.initiatorName = operation.initiatorName
    this.host = undefined
    const { uuid } = await this.ask(operation)
    this.host = uuid
    this.#isDead = false
    story.count('opens')
  }

  /** @returns whether it is done */
  async #carryOut({ operation, effects, told }: Choice): Promise<boolean> {
    const { story } = this.#options
    const began = performance.now()
    try {
      this.#isWriting = operation.kind !== 'hold'
      await this.ask(operation).finally(() => {
        this.#isWriting = false
      })
      this.model.apply(effects)
      told?.('done')
      story.count('operations')
      story.took(operation.kind, performance.now() - began)
      return true
    } catch (error) {
      const { problem, message } = error as OperationFailed
      if (problem === 'in use' && !HOST_IS_DEAD.test(message)) {
        told?.('not done')
        story.count('given up')
        story.say(
          `${this.#name} gives up ${operation.kind} after ${Math.round(performance.now() - began)} ms: ${message}`,
        )
        return false
      }
      if (problem === 'no such file' && operation.kind === 'hold') return false
      told?.('unknown')
      if (problem !== undefined && problem !== 'in use' && problem !== 'read-only')
        story.wrong('model', `${this.#name}: ${JSON.stringify(operation)} fails with ${message}`)
      this.#uncertain = effects
      this.#died(error as Error)
      return false
    }
  }

  #died(error: Error): void {
    const { story } = this.#options
    story.failed(`${this.#name}: ${error.message}`)
    story.count('ended in the middle')
    if (!this.#isDead) {
      this.#isDead = true
      this.ask({ kind: 'destroy' }).catch(() => {})
    }
  }

  /** The locks that the operation needed are had for a moment: whoever had them is done, or dead and replayed. */
  async #settle(): Promise<void> {
    const effects = this.#uncertain
    const paths = effects.flatMap(({ path }) => [path.slice(0, path.lastIndexOf('/')), path])
    await this.ask({ kind: 'settle', paths: [...new Set(paths)] })
    const seen: Seen[] = []
    for (const { path, before } of effects) {
      const prefix = before?.kind === 'file' ? lengthOf(before.content) : 0
      seen.push((await this.ask({ kind: 'look', path, prefix })).seen!)
    }
    const wrong = this.model.settle(effects, seen)
    if (wrong !== undefined) this.#options.story.wrong('model', `${this.#name}: ${wrong}`)
    this.#uncertain = []
    this.#options.story.count('settled')
    const [first] = effects
    if (wrong === undefined && first?.inParts !== true) return
    // From here on it is known again.
    for (const { path } of effects) {
      const entry = this.#file(this.#options.random.below(5000))
      await this.#carryOut({
        ...{ operation: { kind: 'put', path, piece: entry.content[0]! } },
        effects: [{ path, before: this.model.entries.get(path), after: entry, inParts: true }],
      })
      if (this.#uncertain.length > 0) return
    }
  }

  #file(length: number): { kind: 'file'; content: Content } {
    return { kind: 'file', content: [{ seed: this.#options.random.next(), length }] }
  }

  #length(): number {
    const { random } = this.#options
    const kind = random.below(10)
    if (kind < 5) return random.below(8000)
    return kind < 9 ? random.below(100_000) : random.below(2 * MIB)
  }

  #newPath(): string {
    const { random } = this.#options
    const number = this.#files++
    const places = [this.directory, COMMON, ...this.model.directories]
    const directory = random.pick(places)
    return directory === COMMON ? `${COMMON}/${this.index}-${number}` : `${directory}/f${number}`
  }

  #choose(): Choice {
    const { random } = this.#options
    const { files } = this.model
    if (files.length > MAX_FILES) return this.#remove(random.pick(files))
    const kind = files.length < 2 ? 0 : random.below(12)
    if (kind < 3) return this.#put(this.#newPath())
    if (kind < 4) return this.#put(random.pick(files)[0])
    if (kind < 6) return this.#append(random.pick(files))
    if (kind < 7) return this.#truncate(random.pick(files))
    if (kind < 8)
      return this.#rename(random.pick(files), random.below(4) === 0 ? random.pick(files)[0] : this.#newPath())
    if (kind < 9) return this.#remove(random.pick(files))
    if (kind < 10) return this.#directory()
    return this.#shared()
  }

  #put(path: string): Choice {
    const after = this.#file(this.#length())
    const before = this.model.entries.get(path)
    return { operation: { kind: 'put', path, piece: after.content[0]! }, effects: [{ path, before, after }] }
  }

  #append([path, content]: [string, Content]): Choice {
    const [piece] = this.#file(1 + this.#length()).content
    const after: Entry = { kind: 'file', content: [...content, piece!] }
    return {
      operation: { kind: 'append', path, at: lengthOf(content), piece: piece! },
      effects: [{ path, before: { kind: 'file', content }, after, inParts: true }],
    }
  }

  #truncate([path, content]: [string, Content]): Choice {
    const length = this.#options.random.below(lengthOf(content) + 20_000)
    const after: Entry = { kind: 'file', content: resized(content, length) }
    return {
      operation: { kind: 'truncate', path, length },
      effects: [{ path, before: { kind: 'file', content }, after }],
    }
  }

  #rename([path, content]: [string, Content], to: string): Choice {
    if (path === to) return this.#put(path)
    const before: Entry = { kind: 'file', content }
    return {
      operation: { kind: 'rename', path, to },
      effects: [
        { path, before, after: undefined },
        { path: to, before: this.model.entries.get(to), after: before },
      ],
    }
  }

  #remove([path, content]: [string, Content]): Choice {
    return {
      operation: { kind: 'remove', path },
      effects: [{ path, before: { kind: 'file', content }, after: undefined }],
    }
  }

  #directory(): Choice {
    const { files, directories } = this.model
    const isEmpty = (directory: string) =>
      ![...files.map(([path]) => path)].some((path) => path.startsWith(`${directory}/`))
    const empty = directories.filter((path) => path !== this.directory && isEmpty(path))
    const [path] = empty
    const before: Entry = { kind: 'directory' }
    if (path !== undefined)
      return { operation: { kind: 'removeDirectory', path }, effects: [{ path, before, after: undefined }] }
    if (directories.length > 3) return this.#put(this.#newPath())
    const made = `${this.directory}/d${this.#files++}`
    return {
      operation: { kind: 'makeDirectory', path: made },
      effects: [{ path: made, before: undefined, after: { kind: 'directory' } }],
    }
  }

  /** Has a file that everybody writes open exclusively for some time, and writes it. */
  async #hold(): Promise<void> {
    const { random, story, sharedFiles } = this.#options
    const file = random.pick(sharedFiles)
    const { host, initiatorName } = this
    const held = { host: host!, initiatorName }
    const opened = await this.#carryOut({ operation: { kind: 'hold', path: file.path }, effects: [] })
    if (!opened) return
    story.held.set(file.path, held)
    story.count('held open')
    await this.#carryOut(this.#shared(file))
    await pause(random.below(HOLD_MS))
    if (story.held.get(file.path) === held) story.held.delete(file.path)
    if (!this.#isDead) await this.#carryOut({ operation: { kind: 'release' }, effects: [] })
  }

  /** The file that everybody writes. */
  #shared(file = this.#options.random.pick(this.#options.sharedFiles)): Choice {
    const entry = this.#file(this.#options.random.below(30_000))
    return {
      operation: { kind: 'put', path: file.path, piece: entry.content[0]! },
      effects: [],
      told: file.begin(entry),
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
