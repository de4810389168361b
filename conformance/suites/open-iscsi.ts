// A stock Debian kernel with open-iscsi in a virtual machine (conformance/vm): discovery, login, file systems with verified
// load, the VAAI primitives by sg3_utils, and the array restarted under load. One boot runs all the tests.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asset } from '../root.ts'
import type { Bench, Suite, TestCase } from '../suite.ts'
import { type GuestTest, readGuestLine, readGuestTests } from './guest.ts'
import { MACHINE_TOOLS, Machine } from './machine.ts'

const IQN = 'iqn.2026-11.io.lunette:open-iscsi'

export const OPEN_ISCSI: Suite = {
  name: 'open-iscsi',
  about: 'a Linux virtual machine: discovery, file systems under verified load, VAAI by sg3_utils, restarts',
  tools: MACHINE_TOOLS,
  inMachines: true,
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
    const machine: Machine = new Machine({
      script: 'suite.sh',
      consoleFile: this.#console,
      parameters: [`iqn=${IQN}`, `port=${port}`, `first_lun=${this.#bench.array.lun(0)}`, `tests=${tests}`],
      signal: this.#bench.signal,
      onLine: (line) => void this.#hear(line, machine),
    })
    const why = await machine.ended
    for (const each of this.#tests) if (!this.#reported.has(each)) this.#report(each, why)
  }

  async #hear(line: string, machine: Machine) {
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
      machine.send(answer)
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
