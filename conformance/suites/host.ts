// The host's commands beside sg3_utils: what lunette inquiry, vpd, capacity and opcodes say of a LUN from here, and what sg_inq,
// sg_vpd, sg_readcap and sg_opcodes print of it in a Linux guest, field by field.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareOpcodes } from '../host/compare.ts'
import { compareCapacity, compareInquiry, PAGES, type Page } from '../host/pages.ts'
import { runTool } from '../process.ts'
import { repositoryRoot } from '../root.ts'
import type { Bench, Suite, TestCase } from '../suite.ts'
import type { LunSpec } from '../targets/array.ts'
import { GuestShell } from './guest-shell.ts'
import { MACHINE_TOOLS } from './machine.ts'

const IQN = 'iqn.2026-11.io.lunette:host'
const GUEST = 'iqn.2026-11.io.lunette:guest'
const COMMAND_MS = 30_000

/** LUNs of different kinds: every field that an array can be made to vary. */
const LUNS: readonly LunSpec[] = [
  { id: 0, size: '64MiB', provisioning: 'thin', physicalBlockSize: 4096 },
  {
    ...{ id: 1, size: '64MiB', provisioning: 'thick', blockSize: 4096, physicalBlockSize: 4096 },
    limits: { compareAndWriteBlocks: 3, transferBlocks: 4096, writeSameBlocks: 256, writeSameZeroMeansEnd: false },
  },
]

/** Asks both sides about LUN `id`; what differs, a line each. */
type Comparison = (ask: Sides) => Promise<string[]>

interface Sides {
  /** lunette with --json. */
  readonly ours: (...words: string[]) => Promise<unknown>
  /** A command in the guest, where $D is the LUN's node. */
  readonly theirs: (command: string) => Promise<string>
}

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  'inquiry and sg_inq': async ({ ours, theirs }) => {
    const { fields } = (await ours('inquiry')) as { fields: Record<string, string | number> }
    return compareInquiry(fields, await theirs('sg_inq -d $D'))
  },
  'capacity and sg_readcap': async ({ ours, theirs }) => {
    const { fields } = (await ours('capacity')) as { fields: Record<string, string | number> }
    return compareCapacity(fields, await theirs('sg_readcap --zbc $D'))
  },
  'opcodes and sg_opcodes': async ({ ours, theirs }) => {
    const { commands } = (await ours('opcodes')) as { commands: Parameters<typeof compareOpcodes>[0] }
    return compareOpcodes(commands, await theirs('sg_opcodes -u $D'))
  },
  'opcodes --opcode and sg_opcodes --opcode': async ({ ours, theirs }) => {
    const differences: string[] = []
    for (const code of ['0x28', '0x93', '0x42', '0x9e,0x10', '0x5f,0x06']) {
      const { fields } = (await ours('opcodes', '--opcode', code)) as { fields: Record<string, string | number> }
      const printed = await theirs(`sg_opcodes -n -o ${code} $D`)
      const usage = /Usage data: ([\da-f ]+)/.exec(printed)?.[1]?.trim()
      const supported = /Command is supported \[conforming/.test(printed) ? 3 : 1
      if (fields['Usage data'] !== usage)
        differences.push(`${code}: ${fields['Usage data']}, and sg3_utils prints ${usage}`)
      if (fields.Support !== supported)
        differences.push(`${code}: ${fields.Support}, and sg3_utils prints ${supported}`)
    }
    return differences
  },
  'vpd and sg_vpd': async ({ ours, theirs }) => {
    const { pages } = (await ours('vpd')) as { pages: Page[] }
    const differences: string[] = []
    for (const { acronym = '', sections } of pages) {
      const row = PAGES[acronym]
      if (row === undefined) differences.push(`page ${acronym} is compared with nothing`)
      else {
        const printed = await theirs(`sg_vpd -p ${row.shown ?? acronym} $D`)
        differences.push(...row.compare(sections, printed).map((line) => `${acronym}: ${line}`))
      }
    }
    return differences
  },
}

const kindOf = (id: number): string => (id === 0 ? 'thin512e' : 'thick4Kn')

const CASES: readonly (TestCase & { readonly id: number; readonly compare: Comparison })[] = LUNS.flatMap(({ id }) =>
  Object.entries(COMPARISONS).map(([test, compare]) => ({ kind: kindOf(id), group: test, test, id, compare })),
)

export const HOST: Suite = {
  name: 'host',
  about:
    "lunette's inquiry, vpd, capacity and opcodes beside sg_inq, sg_vpd, sg_readcap and sg_opcodes on the same LUNs",
  tools: MACHINE_TOOLS,
  inMachines: true,
  cases: async () => CASES.map(({ kind, group, test }) => ({ kind, group, test })),
  array: () => ({ targets: [{ iqn: IQN, luns: LUNS }] }),

  async run(bench, cases) {
    const consoleFile = join(bench.directory, 'console.txt')
    const port = Number(bench.array.portals[0]!.split(':').at(-1))
    const guest = await GuestShell.boot(bench, { initiator: GUEST, iqn: IQN, port, consoleFile })
    try {
      await must(guest, `. /guest/sg3.sh; log_in; ${LUNS.map(({ id }) => `wait_until 20 sg_at 1 ${id}`).join('; ')}`)
      for (const testCase of cases) await runCase(bench, guest, testCase)
    } finally {
      await guest.close()
    }
  },
}

async function runCase(bench: Bench, guest: GuestShell, testCase: TestCase): Promise<void> {
  const { id, compare } = CASES.find(({ kind, test }) => kind === testCase.kind && test === testCase.test)!
  const outputFile = join(bench.directory, `${testCase.kind} ${testCase.test}.txt`.replaceAll(/[^\w.-]+/g, '-'))
  const started = performance.now()
  await must(guest, `echo "D=$(. /guest/sg3.sh; sg_at 1 ${id})" > /tmp/environment; . /tmp/environment; calm $D`)
  const differences = await compare({
    ours: (...words) => lunette(bench, id, words),
    theirs: (command) => must(guest, command),
  })
  writeFileSync(outputFile, `${differences.join('\n')}\n`)
  const durationMs = performance.now() - started
  const outcome = differences.length === 0 ? 'pass' : 'fail'
  bench.report({ ...testCase, outcome, detail: differences.slice(0, 12).join('\n'), durationMs, outputFile })
}

async function must(guest: GuestShell, command: string): Promise<string> {
  const { status, output } = await guest.run(command)
  if (status !== 0) throw new Error(`${command} ends with ${status} in the guest:\n${output}`)
  return output
}

/** The LUN as the guest's initiator sees it. */
async function lunette(bench: Bench, id: number, words: readonly string[]): Promise<unknown> {
  const [name = '', ...options] = words
  const cli = join(repositoryRoot(), 'dist/src/cli/main.js')
  const command = [process.execPath, cli, name, bench.array.url(IQN, id), '--json', '--initiator', GUEST, ...options]
  const outputFile = join(bench.directory, 'lunette.json')
  const { status, output } = await runTool(command, { outputFile, timeoutMs: COMMAND_MS, signal: bench.signal })
  if (status !== 0) throw new Error(`lunette ${words.join(' ')} ends with ${status}: ${output}`)
  return JSON.parse(output)
}
