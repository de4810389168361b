// lunette vaai status of Lunette, with each primitive switched off in turn, and of tgt: what works, and why not where it does not.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../process.ts'
import { repositoryRoot } from '../root.ts'
import type { Bench, Suite, TestCase } from '../suite.ts'
import type { ArraySpec, LunSpec, RunningArray } from '../targets/array.ts'
import { startTgt } from '../targets/tgt.ts'

const IQN = 'iqn.2026-11.io.lunette:vaai'
const COMMAND_MS = 30_000
const LUN = { size: '64MiB', provisioning: 'thin' } as const

interface Wanted {
  readonly array: 'lunette' | 'tgt'
  readonly lun: LunSpec
  /** ATS, Clone, Zero, Delete. */
  readonly verdicts: readonly [boolean, boolean, boolean, boolean]
  /** Lines that must stand below them. */
  readonly reasons: readonly RegExp[]
}

const REPORTED = 'not supported +reported by REPORT SUPPORTED OPERATION CODES'
const missing = (command: string): RegExp => new RegExp(`^ +missing +${command} +${REPORTED}$`, 'm')

const CASES: Readonly<Record<string, Wanted>> = {
  'everything on': {
    array: 'lunette',
    lun: { id: 0, ...LUN },
    verdicts: [true, true, true, true],
    reasons: [/^ +ok +product identification +LUNETTE VIRTUAL DISK, alike on 6 disks$/m],
  },
  'ats off': {
    array: 'lunette',
    lun: { id: 1, ...LUN, vaai: { ats: false } },
    verdicts: [false, true, true, true],
    reasons: [
      missing('COMPARE AND WRITE \\(89h\\)'),
      /^ +missing +MAXIMUM COMPARE AND WRITE LENGTH \(B0h\) +0 blocks/m,
    ],
  },
  'clone off': {
    array: 'lunette',
    lun: { id: 2, ...LUN, vaai: { clone: false } },
    verdicts: [true, false, true, true],
    reasons: [
      missing('EXTENDED COPY\\(LID1\\) \\(83h/00h\\)'),
      /^ +missing +3PC \(INQUIRY\) +0/m,
      /^ +warning +EXTENDED COPY/m,
    ],
  },
  'zero off': {
    array: 'lunette',
    lun: { id: 3, ...LUN, vaai: { zero: false } },
    verdicts: [true, true, false, true],
    reasons: [missing('WRITE SAME\\(16\\) \\(93h\\)')],
  },
  'delete off': {
    array: 'lunette',
    lun: { id: 4, ...LUN, vaai: { delete: false } },
    verdicts: [true, true, true, false],
    reasons: [missing('UNMAP \\(42h\\)'), /^ +missing +LBPU \(B2h\) +0/m],
  },
  'a thick LUN': {
    array: 'lunette',
    lun: { id: 5, ...LUN, provisioning: 'thick' },
    verdicts: [true, true, true, false],
    reasons: [/^ +missing +LBPME \(READ CAPACITY\(16\)\) +0 +fully provisioned/m],
  },
  'tgt, thin': {
    array: 'tgt',
    lun: { id: 0, ...LUN },
    verdicts: [false, false, true, true],
    reasons: [
      missing('COMPARE AND WRITE \\(89h\\)'),
      /^ +contradiction +MAXIMUM COMPARE AND WRITE LENGTH \(B0h\) +128 blocks +Block Limits allows a length, but there is no/m,
      missing('EXTENDED COPY\\(LID1\\) \\(83h/00h\\)'),
      /^ +missing +3PC \(INQUIRY\) +0/m,
      /^ +missing +RECEIVE COPY OPERATING PARAMETERS \(84h\/03h\) +not told .*INVALID COMMAND OPERATION CODE/m,
      /^ +ok +NAA designator .* naa\.6[\da-f]{31}/m,
    ],
  },
  'tgt, thick': {
    array: 'tgt',
    lun: { id: 1, ...LUN, provisioning: 'thick' },
    verdicts: [false, false, true, false],
    reasons: [/^ +missing +LBPME \(READ CAPACITY\(16\)\) +0 +fully provisioned/m],
  },
}

const specOf = (array: Wanted['array']): ArraySpec => ({
  targets: [
    {
      iqn: IQN,
      luns: Object.values(CASES)
        .filter((wanted) => wanted.array === array)
        .map(({ lun }) => lun),
    },
  ],
})

export const VAAI_STATUS: Suite = {
  name: 'vaai-status',
  about: 'lunette vaai status of Lunette with each primitive off in turn, and of tgt',
  tools: { tgtd: 'tgt', tgtadm: 'tgt' },
  ownOnly: true,
  cases: async () => Object.entries(CASES).map(([test, { array }]) => ({ kind: array, group: test, test })),
  array: () => specOf('lunette'),

  async run(bench, cases) {
    const directory = join(bench.directory, 'tgt')
    mkdirSync(directory)
    const tgt = await startTgt(specOf('tgt'), directory)
    try {
      for (const testCase of cases) await runCase(bench, tgt, testCase)
    } finally {
      await tgt.stop()
    }
  },
}

async function runCase(bench: Bench, tgt: RunningArray, testCase: TestCase): Promise<void> {
  const { array, lun, verdicts, reasons } = CASES[testCase.test]!
  const outputFile = join(bench.directory, `${testCase.test.replaceAll(/\W+/g, '-')}.txt`)
  const cli = join(repositoryRoot(), 'dist/src/cli/main.js')
  const url = (array === 'tgt' ? tgt : bench.array).url(IQN, lun.id)
  const options = { outputFile, timeoutMs: COMMAND_MS, signal: bench.signal }
  const { status, output, durationMs } = await runTool([process.execPath, cli, 'vaai', 'status', url], options)
  const faults = status === 0 ? judge(output, verdicts, reasons) : [`it ends with ${status}: ${output.slice(-200)}`]
  const outcome = faults.length === 0 ? 'pass' : 'fail'
  bench.report({ ...testCase, outcome, detail: faults.join('\n'), durationMs, outputFile })
}

/** The layout of `esxcli storage core device vaai status get`, then the reasons. */
function judge(output: string, verdicts: Wanted['verdicts'], reasons: readonly RegExp[]): string[] {
  const lines = ['ATS', 'Clone', 'Zero', 'Delete'].map(
    (name, index) => `   ${name} Status: ${verdicts[index] ? 'supported' : 'unsupported'}\n`,
  )
  const layout = `\n   VAAI Plugin Name: \n${lines.join('')}\n`
  const wrong = output.includes(layout) ? [] : [`it should print${layout}and prints ${output.slice(0, 200)}`]
  return [...wrong, ...reasons.filter((reason) => !reason.test(output)).map((reason) => `it should print ${reason}`)]
}
