// lunette vmfs storm VOLUME: how many operations a second hosts get done that share a volume and its locks.

import { MAX_HOSTS, requireStormOptions, STORM_LOCKINGS, type StormStep } from '../../host/vmfs/storm/options.ts'
import type { StormKindRates, StormRates, StormReport } from '../../host/vmfs/storm/report.ts'
import { runStorm } from '../../host/vmfs/storm/storm.ts'
import { command, type Terminal, UsageError } from '../command.ts'
import { jsonLine, printable } from '../print-sections.ts'
import { type Column, formatTable } from '../table.ts'
import { counted, startProgress } from './progress.ts'
import {
  explained,
  interruptible,
  isUrl,
  LUN_VOLUME_OPTIONS,
  LUN_VOLUME_POSITIONAL,
  openDevices,
} from './volume-options.ts'

const URL = 'iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0'
/** Of the hosts, one line each; of more of them the slowest and the fastest. */
const MAX_HOST_LINES = 16
/** Of what hosts tell while it runs. */
const MAX_EVENTS = 50

export const vmfsStorm = command({
  name: 'storm',
  describe: 'Measure hosts that make, open, lengthen and remove files of one volume at once',
  examples: [
    [`lunette vmfs storm ${URL} --hosts 16`, 'By ATS, for 10 seconds'],
    [`lunette vmfs storm ${URL} --hosts 16 --locking scsi --seconds 60`, 'By SCSI reservations, as without VAAI'],
  ],
  positionals: LUN_VOLUME_POSITIONAL,
  options: {
    hosts: {
      type: 'number',
      requiresArg: true,
      default: 4,
      describe: `Hosts, each with sessions of its own: 1 to ${MAX_HOSTS}`,
    },
    locking: {
      choices: STORM_LOCKINGS,
      default: 'ats',
      describe: 'By ATS alone, or by reservations alone; the mode of the volume is put back afterwards',
    },
    seconds: { type: 'number', requiresArg: true, default: 10, describe: 'How long it is measured' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON, with every host' },
    ...LUN_VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    const { hosts, locking, seconds } = args
    requireBounds({ hosts, seconds })
    const image = [args.volume, ...(args.extent ?? [])].find((name) => !isUrl(name))
    if (image !== undefined)
      throw new UsageError(`${printable(image)} is no URL of a LUN: hosts share a volume on an array, not in an image`)
    const progress = startStormProgress(terminal)
    const report = await interruptible(terminal, (signal) =>
      explained(args, () =>
        runStorm({
          ...{ hosts, seconds, locking, signal },
          open: () => openDevices(args, terminal, { readOnly: false }),
          ...progress.listeners,
        }),
      ),
    ).finally(progress.end)
    for (const { host, message } of report.errors.slice(0, MAX_EVENTS))
      terminal.stderr.write(`${host === undefined ? '' : `host ${host}: `}${printable(message)}\n`)
    terminal.stdout.write(args.json ? jsonLine(report) : `${lines(report).join('\n')}\n`)
    return report.errors.length === 0 ? 0 : 1
  },
})

function requireBounds(numbers: { readonly hosts: number; readonly seconds: number }): void {
  try {
    requireStormOptions(numbers)
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--${error.message}`)
    throw error
  }
}

function startStormProgress(terminal: Terminal) {
  const titles = { opening: counted('host'), running: counted('second'), cleaning: counted('host') }
  let kind: keyof typeof titles | undefined
  let progress = startProgress('storm', titles.opening, terminal)
  let events = 0
  const onProgress = (step: StormStep) => {
    if (step.kind === 'mode') return void progress.step(`the volume was ${step.from} and is ${step.to} now`)
    if (step.kind !== kind) {
      progress.end()
      kind = step.kind
      progress = startProgress(`storm, ${kind}`, titles[kind], terminal)
    }
    progress.update(step)
  }
  const onEvent = (host: number, { text }: { readonly text: string }) => {
    if (++events > MAX_EVENTS) return
    progress.end()
    terminal.stderr.write(`host ${host}: ${text}\n`)
    if (events === MAX_EVENTS) terminal.stderr.write('what hosts tell from here on is not shown\n')
  }
  return { listeners: { onProgress, onEvent }, end: () => progress.end() }
}

const right = true
const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0)
const rate = (value: number): string => value.toFixed(value < 10 ? 1 : 0)

interface Kind extends Omit<StormKindRates, 'kind'> {
  readonly kind: string
}
const KIND_COLUMNS: readonly Column<Kind>[] = [
  { title: 'OPERATION', value: ({ kind }) => kind },
  { title: 'DONE', right, value: ({ count }) => count },
  { title: 'REFUSED', right, value: ({ refused }) => refused },
  { title: 'PER SECOND', right, value: ({ perSecond }) => rate(perSecond) },
  { title: 'P50 ms', right, value: ({ p50Ms }) => ms(p50Ms) },
  { title: 'P95 ms', right, value: ({ p95Ms }) => ms(p95Ms) },
  { title: 'P99 ms', right, value: ({ p99Ms }) => ms(p99Ms) },
  { title: 'MAX ms', right, value: ({ maxMs }) => ms(maxMs) },
]

interface HostRow extends StormRates {
  readonly name: string
}
const HOST_COLUMNS: readonly Column<HostRow>[] = [
  { title: 'HOST', value: ({ name }) => name },
  { title: 'PER SECOND', right, value: ({ perSecond }) => rate(perSecond) },
  { title: 'P50 ms', right, value: ({ p50Ms }) => ms(p50Ms) },
  { title: 'P99 ms', right, value: ({ p99Ms }) => ms(p99Ms) },
  { title: 'ATS', right, value: ({ ats }) => ats },
  { title: 'ATSF', right, value: ({ atsFailed }) => atsFailed },
  { title: 'RESERVE', right, value: ({ reserves }) => reserves },
  { title: 'CONFLICTS', right, value: ({ conflicts }) => conflicts },
  { title: 'PLAIN BEATS', right, value: ({ plainHeartbeats }) => plainHeartbeats },
]

function lines(report: StormReport): string[] {
  const { total, kinds } = report
  return [
    heading(report),
    '',
    ...formatTable<Kind>(KIND_COLUMNS, [...kinds, { ...total, kind: 'all' }]),
    '',
    ...hostLines(report),
  ]
}

function heading({ volume, hosts, seconds, mode, locking, interrupted }: StormReport): string {
  const how = locking === 'scsi' ? `${mode}, by reservations alone` : mode
  const name = `${printable(volume.label)} (VMFS${volume.version})`
  const duration = `${seconds.toFixed(1)} s${interrupted ? ', interrupted' : ''}`
  return `${name}: ${counted('host')(hosts.length)}, ${duration}, ${how}`
}

/** The slowest first when there are too many to show. */
function hostLines({ hosts, total }: StormReport): string[] {
  const rows = hosts.map((each): HostRow => ({ ...each, name: String(each.host) }))
  const all: HostRow = { ...total, name: 'all' }
  if (rows.length <= MAX_HOST_LINES) return formatTable(HOST_COLUMNS, [...rows, all])
  const sorted = rows.sort((a, b) => a.perSecond - b.perSecond)
  const shown = [...sorted.slice(0, MAX_HOST_LINES / 2), ...sorted.slice(-MAX_HOST_LINES / 2)]
  return [
    ...formatTable(HOST_COLUMNS, [...shown, all]),
    `the ${MAX_HOST_LINES / 2} slowest and the ${MAX_HOST_LINES / 2} fastest of ${rows.length}: --json has all`,
  ]
}
