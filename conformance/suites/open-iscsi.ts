// A stock Debian kernel with open-iscsi in a virtual machine (conformance/vm): discovery, login, file systems with verified
// load, the VAAI primitives by sg3_utils, and the array restarted under load. One boot runs all the tests.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { end, exitOf, toolEnvironment } from '../process.ts'
import { asset } from '../root.ts'
import type { Bench, Suite, TestCase } from '../suite.ts'
import { type GuestTest, readGuestLine, readGuestTests } from './guest.ts'

const IQN = 'iqn.2026-11.io.lunette:open-iscsi'
/** The guest is given up when it is silent for so long: longer than its own limit for a test, or for building and booting. */
const SILENCE_MS = 200_000

export const OPEN_ISCSI: Suite = {
  name: 'open-iscsi',
  about: 'a Linux virtual machine: discovery, file systems under verified load, VAAI by sg3_utils, restarts',
  tools: {
    ...{ 'qemu-system-x86_64': 'qemu-system-x86', iscsid: 'open-iscsi', iscsiadm: 'open-iscsi', fio: 'fio' },
    ...{ sg_xcopy: 'sg3-utils', ddpt: 'ddpt', 'mkfs.ext4': 'e2fsprogs', e2fsck: 'e2fsprogs', 'mkfs.xfs': 'xfsprogs' },
    ...{ xfs_repair: 'xfsprogs', busybox: 'busybox-static', cpio: 'cpio', depmod: 'kmod' },
  },
  cases: async () => guestTests(),
  array: () => ({
    targets: [
      {
        iqn: IQN,
        luns: [
          { id: 0, size: '512MiB', provisioning: 'thin' },
          { id: 1, size: '512MiB', provisioning: 'thin' },
          { id: 2, size: '512MiB', provisioning: 'thin', blockSize: 4096, physicalBlockSize: 4096 },
        ],
      },
    ],
  }),
  run: (bench, cases) => new GuestRun(bench, cases).run(),
}

function guestTests(): GuestTest[] {
  const folder = asset('vm', 'guest')
  const scripts = readdirSync(folder).filter((name) => name.startsWith('tests-'))
  return scripts.sort().flatMap((name) => readGuestTests(readFileSync(join(folder, name), 'utf8')))
}

class GuestRun {
  readonly #bench: Bench
  readonly #tests: readonly GuestTest[]
  readonly #console: string
  #output: string[] = []
  #current: GuestTest | undefined
  #started = 0
  #reported = new Set<GuestTest>()

  constructor(bench: Bench, cases: readonly TestCase[]) {
    this.#bench = bench
    this.#tests = guestTests().filter((each) => cases.some(({ test }) => test === each.test))
    this.#console = join(bench.directory, 'console.txt')
  }

  async run() {
    const port = this.#bench.array.portals[0]!.split(':').at(-1)
    const tests = this.#tests.map(({ name }) => name).join(' ')
    const parameters = [`iqn=${IQN}`, `port=${port}`, `first_lun=${this.#bench.array.lun(0)}`, `tests=${tests}`]
    const command = [asset('vm', 'guest', 'suite.sh'), this.#console, ...parameters]
    const machine = spawn(asset('vm', 'run'), command, { stdio: 'pipe', env: toolEnvironment })
    const why = await this.#converse(machine)
    for (const each of this.#tests) if (!this.#reported.has(each)) this.#report(each, why)
  }

  /** Until the machine ends; returns why tests that have no result have none. */
  async #converse(machine: ChildProcessWithoutNullStreams): Promise<string> {
    let why: string | undefined
    const giveUp = (reason: string) => {
      why ??= reason
      void end(machine, 'SIGTERM')
    }
    const silence = setTimeout(() => giveUp(`the guest is silent for ${SILENCE_MS / 1000} s`), SILENCE_MS)
    const abort = () => giveUp('interrupted')
    this.#bench.signal.addEventListener('abort', abort, { once: true })
    const complaints: string[] = []
    machine.stderr.on('data', (data: Buffer) => complaints.push(data.toString()))
    const lines = createInterface({ input: machine.stdout })
    lines.on('line', (line) => {
      silence.refresh()
      void this.#hear(line, machine)
    })
    const closed = once(lines, 'close') // the last lines may come after the end
    const status = await exitOf(machine)
    await closed
    clearTimeout(silence)
    this.#bench.signal.removeEventListener('abort', abort)
    this.#bench.signal.throwIfAborted()
    return why ?? `the machine ended with ${status}: ${complaints.join('').trimEnd().split('\n').at(-1)}`
  }

  async #hear(line: string, machine: ChildProcessWithoutNullStreams) {
    const heard = readGuestLine(line)
    if (heard?.says === 'begin') {
      this.#current = this.#tests.find(({ name }) => name === heard.name)
      this.#started = performance.now()
      this.#output = []
    } else if (heard?.says === 'output') this.#output.push(heard.line)
    else if (heard?.says === 'end' && this.#current !== undefined) {
      this.#report(this.#current, heard.status === 0 ? undefined : this.#failure(heard.status))
      this.#current = undefined
    } else if (heard?.says === 'restart') {
      const answer = await this.#bench.array.restart(heard.signal).then(
        () => 'done',
        (error: Error) => error.message.replaceAll('\n', ' '),
      )
      machine.stdin.write(`${answer}\n`)
    }
  }

  #failure(status: number): string {
    const how = status === 124 || status === 137 ? ['no end in time'] : []
    return [...how, ...this.#output].join('\n')
  }

  #report(test: GuestTest, failure: string | undefined) {
    this.#reported.add(test)
    this.#bench.report({
      ...{ kind: test.kind, group: test.group, test: test.test },
      outcome: failure === undefined ? 'pass' : 'fail',
      detail: failure ?? '',
      durationMs: this.#current === test ? performance.now() - this.#started : 0,
      outputFile: this.#console,
    })
  }
}
