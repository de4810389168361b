// What is done to the hosts while they work: killed, stopped for longer than a heartbeat may be silent and continued, cut off; and COMPARE AND
// WRITE is switched off at the array and on again.

import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../crash/random.ts'
import type { CuttingProxy } from './cutting-proxy.ts'
import type { Judge } from './judge.ts'
import type { Observer } from './observer.ts'
import type { RunMode } from './run.ts'
import type { Story } from './story.ts'
import type { Worker } from './worker.ts'

export interface ChaosOptions {
  readonly random: Random
  readonly story: Story
  readonly judge: Judge
  readonly observer: Observer
  readonly proxy: CuttingProxy
  readonly workers: readonly Worker[]
  /** Workers from here on have a process each. */
  readonly firstAlone: number
  /** Process identifiers. */
  readonly killed: Set<number>
  readonly mode: RunMode
}

const KILL_MS = 3500
const CUT_MS = 900
const STOP_MS = { least: 18_000, most: 24_000 }
/** A host is stopped in the middle of an operation: so often it is looked whether one is under way, and so far into it at most. */
const WRITING_MS = 3
const INTO_IT_MS = 60
const SWITCH_MS = 9000

export class Chaos {
  readonly #options: ChaosOptions

  constructor(options: ChaosOptions) {
    this.#options = options
  }

  async run(isOver: () => boolean): Promise<void> {
    const { workers, firstAlone, mode } = this.#options
    const alone = workers.slice(firstAlone)
    await Promise.all([
      this.#again(isOver, KILL_MS, () => this.#destroyOne()),
      this.#again(isOver, CUT_MS, () => this.#cut()),
      ...alone.map((worker, index) => this.#tormentProcess(isOver, worker, index % 2 === 0)),
      ...(mode === 'ats-off' ? [this.#again(isOver, SWITCH_MS, () => this.#switch())] : []),
    ])
  }

  async #again(isOver: () => boolean, ms: number, act: () => Promise<void> | void) {
    while (!isOver()) {
      await delay(ms / 2 + this.#options.random.below(ms))
      if (!isOver()) await act()
    }
  }

  async #destroyOne() {
    const { workers, firstAlone, random, story } = this.#options
    const worker = random.pick(workers.slice(0, firstAlone))
    if (!worker.isAlive) return
    story.say(`the host of worker ${worker.index} is killed: ${worker.host}`)
    await worker.destroy()
    story.count('kills')
  }

  #cut() {
    const { proxy, random, story } = this.#options
    if (proxy.cut(random)) story.count('cuts')
  }

  #switch() {
    const { observer, story } = this.#options
    observer.atsOff = !observer.atsOff
    story.say(`the array ${observer.atsOff ? 'refuses' : 'knows'} COMPARE AND WRITE from now on`)
    story.count('switches')
  }

  /** Stopped and killed in turn. */
  async #tormentProcess(isOver: () => boolean, worker: Worker, stopFirst: boolean) {
    const { random } = this.#options
    for (let stops = stopFirst; !isOver(); stops = !stops) {
      await delay(2000 + random.below(6000))
      if (isOver() || !worker.isAlive) continue
      if (stops) await this.#stop(worker, isOver)
      else await this.#kill(worker)
    }
  }

  async #stop(worker: Worker, isOver: () => boolean) {
    const { random, story, judge } = this.#options
    const process = await worker.process
    while (!worker.isWriting) {
      if (isOver() || !worker.isAlive) return
      await delay(WRITING_MS)
    }
    await delay(random.below(INTO_IT_MS))
    const { initiatorName, host } = worker
    story.say(`worker ${worker.index} is stopped: ${host}, ${initiatorName}`)
    process.stop()
    await delay(STOP_MS.least + random.below(STOP_MS.most - STOP_MS.least))
    const broken = judge.isBroken(initiatorName)
    process.continue()
    story.say(`worker ${worker.index} goes on: ${broken ? 'a zombie' : 'nobody has missed it'}`)
    story.count('stops')
    if (broken) story.count('zombies')
  }

  async #kill(worker: Worker) {
    const { story, killed } = this.#options
    const process = await worker.process
    story.say(`the process of worker ${worker.index} is killed: ${worker.host}`)
    killed.add(process.pid)
    await process.kill()
    worker.markDead()
    story.count('processes killed')
  }
}
