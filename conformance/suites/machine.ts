// A virtual machine of conformance/vm: its script's lines as they come, what is sent to it, and its end. One that is silent
// for too long is given up.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { end, exitOf, toolEnvironment } from '../process.ts'
import { asset } from '../root.ts'

/** Longer than the guest's own limit for a test, or for building and booting. */
const SILENCE_MS = 200_000

/** Programs that a suite in a virtual machine needs, by Debian package. */
export const MACHINE_TOOLS = {
  ...{ 'qemu-system-x86_64': 'qemu-system-x86', iscsid: 'open-iscsi', iscsiadm: 'open-iscsi', fio: 'fio' },
  ...{ sg_xcopy: 'sg3-utils', ddpt: 'ddpt', 'mkfs.ext4': 'e2fsprogs', e2fsck: 'e2fsprogs', 'mkfs.xfs': 'xfsprogs' },
  ...{ xfs_repair: 'xfsprogs', busybox: 'busybox-static', cpio: 'cpio', depmod: 'kmod' },
  ...{ debugvmfs: 'vmfs-tools', debugvmfs6: 'vmfs6-tools' },
} as const

export interface MachineOptions {
  /** A script of conformance/vm/guest. */
  readonly script: string
  /** Receives what the kernel and the script's standard error say. */
  readonly consoleFile: string
  /** Environment variables of the script. */
  readonly parameters: readonly string[]
  readonly signal: AbortSignal
  onLine(line: string): void
}

export class Machine {
  /** Resolves when the machine has ended and its last line was heard: why it ended. Rejects when it is interrupted. */
  readonly ended: Promise<string>
  readonly #process: ChildProcessWithoutNullStreams

  constructor(options: MachineOptions) {
    const command = [asset('vm', 'guest', options.script), options.consoleFile, ...options.parameters]
    this.#process = spawn(asset('vm', 'run'), command, { stdio: 'pipe', env: toolEnvironment })
    this.#process.stdin.on('error', () => {}) // its end tells
    this.ended = this.#converse(options)
  }

  send(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  async stop(): Promise<void> {
    await end(this.#process, 'SIGTERM')
  }

  async #converse({ signal, onLine }: MachineOptions): Promise<string> {
    let why: string | undefined
    const giveUp = (reason: string) => {
      why ??= reason
      void this.stop()
    }
    const silence = setTimeout(() => giveUp(`the guest is silent for ${SILENCE_MS / 1000} s`), SILENCE_MS)
    const abort = () => giveUp('interrupted')
    signal.addEventListener('abort', abort, { once: true })
    const complaints: string[] = []
    this.#process.stderr.on('data', (data: Buffer) => complaints.push(data.toString()))
    const lines = createInterface({ input: this.#process.stdout })
    lines.on('line', (line) => {
      silence.refresh()
      onLine(line)
    })
    const closed = once(lines, 'close') // the last lines may come after the end
    const status = await exitOf(this.#process)
    await closed
    clearTimeout(silence)
    signal.removeEventListener('abort', abort)
    signal.throwIfAborted()
    return why ?? `the machine ended with ${status}: ${complaints.join('').trimEnd().split('\n').at(-1)}`
  }
}
