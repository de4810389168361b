// 32 hosts in one process and four in processes of their own on one volume, that are killed, stopped and cut off at random: by ATS, by SCSI
// reservations, and with ATS switched off at the array while they work. Afterwards other people's tools look at the volume.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../process.ts'
import type { Bench, Suite, TestCase } from '../suite.ts'
import { checksOf } from '../vmfs/checks.ts'
import { lunetteVmfs, type Volume } from '../vmfs/readers.ts'
import { Volumes } from '../vmfs/volumes.ts'
import { runHosts } from '../vmfs-hosts/run.ts'
import { KINDS, type Settings, settings } from '../vmfs-hosts/settings.ts'
import type { FindingKind, Story } from '../vmfs-hosts/story.ts'
import { type Check, checkCases, runChecks, type Tools } from './checks.ts'
import { VMFS_TOOLS } from './vmfs-tools.ts'

const IQN = 'iqn.2026-11.io.lunette:vmfs-hosts'
const DATA_SEED = 5
const COPY_MS = 60_000
const TOOL_MS = 60_000

/** What is asked of a run itself. */
const QUESTIONS: Readonly<Record<FindingKind, string>> = {
  model: 'nothing that was acknowledged is lost',
  locks: 'no two hosts held an exclusive lock at once',
  zombies: 'who was taken for dead has written nothing afterwards',
  heartbeats: 'debugvmfs shows heartbeats and held locks as they are',
  end: 'the dead are buried, and hosts come to their end',
  left: 'check finds nothing',
}

export const VMFS_HOSTS: Suite = {
  name: 'vmfs-hosts',
  about: '36 hosts on one VMFS volume, killed, stopped and cut off, and what vmfs-tools find afterwards',
  tools: VMFS_TOOLS.tools,
  ownOnly: true,
  cases: async () =>
    settings().kinds.flatMap((kind) => checkCases(checksOfKind(kind, new Runs(undefined, settings())))),
  /** Each run has an array of its own in this process: it is looked into. */
  array: () => ({ targets: [{ iqn: IQN, luns: [] }] }),

  async run(bench, cases) {
    const { kinds, ...rest } = settings()
    const runs = new Runs(bench, { kinds, ...rest })
    runs.begin(kinds.filter((kind) => cases.some((testCase) => testCase.kind === kind)))
    const checks = kinds.flatMap((kind) => checksOfKind(kind, runs))
    for (const testCase of cases) {
      const question = Object.values(QUESTIONS).includes(testCase.test)
      if (!question) await runChecks(bench, IQN, checks, [testCase])
      else await ask(bench, runs, testCase)
    }
  },

  summary: async (results) =>
    results.filter(({ test, detail }) => test === QUESTIONS.model && detail !== '').map(({ detail }) => detail),
}

/** Their results say what the run was. */
async function ask(bench: Bench, runs: Runs, testCase: TestCase) {
  const began = performance.now()
  const { story, logFile } = await runs.of(testCase.kind)
  const [finding] = Object.entries(QUESTIONS).find(([, question]) => question === testCase.test)!
  const found = story.findings[finding as FindingKind]
  bench.report({
    ...testCase,
    outcome: found.length === 0 ? 'pass' : 'fail',
    detail: found.length === 0 ? summaryOf(testCase.kind, story, runs.settings) : found.join('\n'),
    durationMs: performance.now() - began,
    outputFile: logFile,
  })
}

const COUNTED = [
  ...['operations', 'kills', 'processes killed', 'stops', 'zombies', 'cuts', 'switches', 'lockChanges', 'exclusive'],
  ...['broken', 'burials', 'plainWrites', 'COMPARE AND WRITE', 'RESERVE(6)'],
  ...['heartbeats compared', 'held locks compared', 'paths compared'],
]

const summaryOf = (kind: string, { counts }: Story, { seed, seconds }: Settings): string =>
  `${kind}, seed ${seed}, ${seconds} s: ${COUNTED.map((what) => `${counts[what] ?? 0} ${what}`).join(', ')}`

interface Ran {
  readonly story: Story
  readonly volume: Volume
  readonly logFile: string
}

/** One run after the other; while one is looked at, the next one goes on. */
class Runs {
  readonly settings: Settings
  readonly #bench: Bench | undefined
  readonly #filled = new Volumes(DATA_SEED)
  readonly #ran = new Map<string, Promise<Ran>>()

  /** Without a bench it only tells what there would be to ask. */
  constructor(bench: Bench | undefined, settings: Settings) {
    this.#bench = bench
    this.settings = settings
  }

  begin(kinds: readonly string[]): void {
    let last: Promise<unknown> = Promise.resolve()
    for (const kind of kinds) {
      const ran = last.then(() => this.#run(this.#bench!, kind))
      this.#ran.set(kind, ran)
      last = ran.catch(() => {}) // whoever asks for it is told
    }
  }

  of(kind: string): Promise<Ran> {
    return this.#ran.get(kind)!
  }

  async #run({ directory: parent, signal }: Bench, kind: string): Promise<Ran> {
    const { mode, version } = KINDS[kind]!
    const { seed, seconds } = this.settings
    const directory = join(parent, kind)
    mkdirSync(directory)
    const run = async (command: readonly string[], timeoutMs: number) => {
      const { status, output } = await runTool(command, { outputFile: join(directory, 'tool.txt'), timeoutMs, signal })
      return { status, output, title: command.join(' ') }
    }
    const good = async (command: readonly string[], timeoutMs: number) => {
      const { status, output, title } = await run(command, timeoutMs)
      if (status !== 0) throw new Error(`${title} ends with ${status}:\n${output}`)
      return output
    }
    const filled = await this.#filled.filled(version, fillTools(parent, good))
    const image = join(directory, 'volume.img')
    await good(['cp', '--sparse=always', filled.images[0]!, image], COPY_MS)
    const logFile = join(directory, 'run.log')
    const tool = async (command: readonly string[]) => (await run(command, TOOL_MS)).output
    const story = await runHosts({ version, mode, seed, seconds, image, logFile, tool, signal })
    for (const line of findings(await tool(lunetteVmfs('check', image)))) story.wrong('left', line)
    return { story, volume: { ...filled, images: [image] }, logFile }
  }
}

const findings = (output: string): string[] => output.split('\n').filter((line) => line.startsWith('wrong '))

/** Filling a volume needs no more of the tools. */
const fillTools = (
  directory: string,
  run: (command: readonly string[], timeoutMs: number) => Promise<string>,
): Tools => ({
  directory,
  url: () => '',
  portal: () => '',
  run: (command, _, timeoutMs = TOOL_MS) => run(command, timeoutMs),
})

/** The volume that a run has left, in the place of the filled one. */
class LeftVolumes extends Volumes {
  readonly #left: () => Promise<Ran>

  constructor(left: () => Promise<Ran>) {
    super(DATA_SEED)
    this.#left = left
  }

  override async filled(): Promise<Volume> {
    return (await this.#left()).volume
  }
}

function checksOfKind(kind: string, runs: Runs): readonly Check[] {
  const { version } = KINDS[kind]!
  const volumes = new LeftVolumes(() => runs.of(kind))
  const asked = Object.values(QUESTIONS).map((test) => ({ kind, test, run: () => Promise.resolve() }))
  const looked = checksOf(version)
    .filter((check) => check.kind === `vmfs${version}`)
    .map(({ test, run }) => ({ kind, test, run: (tools: Tools) => run(tools, volumes) }))
  return [...asked, ...looked]
}
