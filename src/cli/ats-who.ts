// lunette ats who: asks the running array who wrote a block last, and whose COMPARE AND WRITE has lost against that.

import { resolve } from 'node:path'
import { OperatorError } from '../errors.ts'
import type { RunningArray } from '../target/array.ts'
import { type LockEventJson, toLockEventJson } from '../target/lock-event.ts'
import { command, UsageError } from './command.ts'
import { askArray, type Route } from './control.ts'
import { type Column, formatTable } from './table.ts'

export const ATS_WHO = '/ats/who'

interface Answer {
  readonly last: LockEventJson | null
  readonly losers: readonly LockEventJson[]
  readonly before: readonly LockEventJson[]
}

/** What the array answers. */
export const atsWhoRoute =
  (array: RunningArray): Route =>
  (query): Answer => {
    const [lun, lba] = [wholeNumber(query, 'lun'), wholeNumber(query, 'lba')]
    const { last, losers, before } = array.whoWrote({ lun, lba, target: query.get('target') ?? undefined })
    return {
      last: last ? toLockEventJson(last) : null,
      losers: losers.map(toLockEventJson),
      before: before.map(toLockEventJson),
    }
  }

function wholeNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? ''
  if (!/^\d{1,15}$/.test(text)) throw new OperatorError(`${name}: found ${JSON.stringify(text)}; allowed: 0 and up`)
  return Number(text)
}

export const atsWho = command({
  name: 'who',
  describe: 'Who wrote a block last, when, and what the losers of COMPARE AND WRITE had expected',
  examples: [
    ['lunette ats who 0 6144', 'Block 6144 of LUN 0 of the array in ./lunette-data'],
    ['lunette ats who 0 6144 --data /srv/array --json', 'Of another one, for programs'],
  ],
  positionals: {
    lun: { type: 'string', describe: "The LUN's number in the configuration" },
    lba: { type: 'string', describe: 'Logical block address, in blocks of the LUN' },
  },
  options: {
    data: { type: 'string', requiresArg: true, default: './lunette-data', describe: "The array's data directory" },
    target: { type: 'string', requiresArg: true, describe: 'iSCSI name of the target, where the array has several' },
    json: { type: 'boolean', default: false, describe: 'Print the answer as JSON' },
  },
  async run({ lun, lba, data, target, json }, { stdout }) {
    for (const [name, text] of Object.entries({ LUN: lun, LBA: lba }))
      if (!/^\d{1,15}$/.test(text ?? ''))
        throw new UsageError(`${name}: found ${JSON.stringify(text)}; allowed: 0 and up`)
    const query = { lun: lun as string, lba: lba as string, ...(target !== undefined && { target }) }
    const answer = (await askArray(resolve(data), ATS_WHO, query)) as Answer
    stdout.write(json ? `${JSON.stringify(answer)}\n` : describe(answer, `Block ${lba} of LUN ${lun}`))
    return 0
  },
})

function describe({ last, losers, before }: Answer, block: string): string {
  if (!last) return `${block}: no COMPARE AND WRITE was about it, as far as the array remembers.\n`
  const sections = [
    [
      `${block} was last written by ${last.initiatorPort ?? 'nobody that can be named'}`,
      ...formatTable(COLUMNS, [last]),
    ],
    losers.length === 0
      ? ['Nobody has lost against that.']
      : ['Lost against that, the latest last', ...formatTable(loserColumns([...before, last]), losers)],
    ...(before.length === 0 ? [] : [['Written before, the latest last', ...formatTable(COLUMNS, before)]]),
  ]
  return `${sections.map(([title, ...lines]) => [title, ...lines.map((line) => `  ${line}`)].join('\n')).join('\n\n')}\n`
}

const COLUMNS: readonly Column<LockEventJson>[] = [
  { title: 'TIME', value: ({ at }) => at },
  { title: 'COMMAND', value: ({ command }) => command },
  { title: 'INITIATOR', value: ({ initiatorPort }) => initiatorPort ?? '-' },
  { title: 'EXPECTED', value: ({ expected }) => expected ?? '-' },
  { title: 'WROTE', value: ({ replacement }) => replacement ?? '-' },
  { title: 'ANSWERED', value: ({ answered }) => (answered ? 'yes' : 'no') },
]

/** An image that was on the medium once is named by who wrote it: the loser had read it before the winner came. */
const loserColumns = (writers: readonly LockEventJson[]): readonly Column<LockEventJson>[] => [
  { title: 'TIME', value: ({ at }) => at },
  { title: 'INITIATOR', value: ({ initiatorPort }) => initiatorPort ?? '-' },
  { title: 'EXPECTED', value: ({ expected }) => expected ?? '-' },
  { title: 'FOUND', value: ({ found }) => found ?? '-' },
  { title: 'DIFFERS AT', right: true, value: ({ differsAt }) => differsAt ?? '-' },
  {
    title: 'WHAT IT EXPECTED',
    value: ({ expected }) => {
      const writer = writers.findLast(({ replacement }) => replacement === expected)
      if (writer) return `what ${writer.initiatorPort} wrote at ${writer.at}`
      return writers[0]?.expected === expected ? 'what stood there before' : 'nothing that is remembered'
    },
  },
]
