// A shell in a guest (conformance/vm/guest/remote.sh): commands one at a time, each with its status and its output.

import type { Bench } from '../suite.ts'
import { Machine } from './machine.ts'

export interface CommandEnd {
  readonly status: number
  /** Standard output and standard error, without carriage returns and zero bytes. */
  readonly output: string
}

interface GuestOptions {
  /** The iSCSI name under which the guest logs in. */
  readonly initiator: string
  /** The target, and the host's port at which it is. */
  readonly iqn: string
  readonly port: number
  readonly consoleFile: string
  /** Limit of one command. */
  readonly seconds?: number
}

const READY = 'ready'

export class GuestShell {
  readonly #machine: Machine
  #heard: ((line: string) => void) | undefined
  #closing = false

  /** Resolves when the guest has booted. */
  static async boot(
    bench: Bench,
    { initiator, iqn, port, consoleFile, seconds = 60 }: GuestOptions,
  ): Promise<GuestShell> {
    const lun = `first_lun=${bench.array.lun(0)}`
    const parameters = [`initiator=${initiator}`, `iqn=${iqn}`, `port=${port}`, lun, `seconds=${seconds}`]
    const guest = new GuestShell(bench, consoleFile, parameters)
    await guest.#hear((line) => line === READY)
    return guest
  }

  private constructor({ signal }: Bench, consoleFile: string, parameters: readonly string[]) {
    this.#machine = new Machine({
      script: 'remote.sh',
      consoleFile,
      parameters,
      signal,
      onLine: (line) => this.#heard?.(line.trimEnd()),
    })
    this.#machine.ended.catch(() => {}) // whoever waits for a line is told
  }

  /** Runs a shell command; the functions of lib.sh are there. Throws only when the guest has gone. */
  async run(command: string): Promise<CommandEnd> {
    const output: string[] = []
    let status = 0
    const done = this.#hear((line) => {
      if (line.startsWith('|')) output.push(line.slice(2))
      if (!line.startsWith('= ')) return false
      status = Number(line.slice(2))
      return true
    })
    this.#machine.send(Buffer.from(command).toString('base64'))
    await done
    return { status, output: output.join('\n') }
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#machine.stop()
    await this.#machine.ended.catch(() => {})
  }

  /** Hears lines until one is the last. */
  async #hear(isLast: (line: string) => boolean): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#heard = (line) => {
        if (isLast(line)) resolve()
      }
    })
    const ended = this.#machine.ended.then((why) => {
      if (!this.#closing) throw new Error(why)
    })
    await Promise.race([heard, ended])
    this.#heard = undefined
  }
}
