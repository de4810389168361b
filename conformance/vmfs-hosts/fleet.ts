// The processes in which hosts run: started, asked, stopped and continued, killed.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { end } from '../process.ts'
import { repositoryRoot } from '../root.ts'
import type { Answer, HostEvent, Operation } from './messages.ts'

const PROGRAM = join(repositoryRoot(), 'dist/conformance/vmfs-hosts/host-process.js')

/** The operation failed, or nobody can say what became of it. */
export class OperationFailed extends Error {
  readonly problem: string | undefined

  constructor(message: string, problem?: string) {
    super(message)
    this.problem = problem
  }
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

export class HostProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #next = 0

  private constructor(child: ChildProcess, onEvent: (event: HostEvent) => void) {
    this.#child = child
    child.on('message', (message: Answer | HostEvent | 'ready') => {
      if (message === 'ready') return
      if ('event' in message) return onEvent(message)
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      const { error } = message
      if (error) waiting?.reject(new OperationFailed(error.message, error.problem))
      else waiting?.resolve(message)
    })
    child.on('exit', (status, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new OperationFailed(`the process ended: ${signal ?? status}`))
      this.#waiting.clear()
    })
  }

  static async start(onEvent: (event: HostEvent) => void, log: number): Promise<HostProcess> {
    const child = fork(PROGRAM, { stdio: ['ignore', log, log, 'ipc'] })
    const [said] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (said !== 'ready') throw new Error(`a process of hosts does not get ready: ${String(said)}`)
    return new HostProcess(child, onEvent)
  }

  get pid(): number {
    return this.#child.pid!
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  ask(host: number, operation: Operation): Promise<Answer> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      if (this.hasEnded) return reject(new OperationFailed('the process has ended'))
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, host, operation }, (error) => {
        if (error && this.#waiting.delete(id)) reject(new OperationFailed(error.message))
      })
    })
  }

  stop(): void {
    this.#child.kill('SIGSTOP')
  }

  continue(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    await end(this.#child, 'SIGKILL')
  }
}
