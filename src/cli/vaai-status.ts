// lunette vaai status URL: which VAAI primitives work on a logical unit, in the layout of `esxcli storage core device vaai status
// get`, and below it why, item by item.

import type { Check, Result, Verdict } from '../host/vaai/check.ts'
import { gatherVaaiFacts } from '../host/vaai/gather.ts'
import { judgeVaai, type VaaiStatus } from '../host/vaai/status.ts'
import { type Format, isColored, type Style, styleOf } from './color.ts'
import { command } from './command.ts'
import { HOST_OPTIONS, URL_POSITIONAL } from './host-options.ts'
import { jsonLine, printable } from './print-sections.ts'
import { type Column, formatTable } from './table.ts'
import { withUnit } from './with-unit.ts'

export const vaaiStatus = command({
  name: 'status',
  describe: 'Which VAAI primitives work on a logical unit, and why not where they do not',
  examples: [
    ['lunette vaai status iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'Of any array, not only of Lunette'],
    ['lunette vaai status iscsi://... --json', 'Every check, for programs'],
  ],
  positionals: URL_POSITIONAL,
  options: { json: { type: 'boolean', default: false, describe: 'Print one line of JSON' }, ...HOST_OPTIONS },
  run(args, terminal) {
    return withUnit(args, terminal, async (unit, url) => {
      const status = judgeVaai(await gatherVaaiFacts(unit, url))
      const { stdout, stderr } = terminal
      if (args.json) stdout.write(jsonLine({ url, ...toJson(status) }))
      else stdout.write(`${statusLines(status, styleOf(isColored(stdout, terminal))).join('\n')}\n`)
      const open = status.primitives.filter(({ verdict }) => verdict === 'unknown').map(({ name }) => name)
      if (open.length === 0) return 0
      stderr.write(`${url}: it could not be found out whether ${open.join(', ')} would work\n`)
      return 1
    })
  },
})

const toJson = ({ device, primitives, deviceChecks }: VaaiStatus) => ({
  device,
  plugin: '',
  primitives: Object.fromEntries(
    primitives.map(({ name, verdict, checks }) => [name.toLowerCase(), { status: verdict, checks }]),
  ),
  checks: deviceChecks,
})

const RESULT_FORMATS: Readonly<Record<Result, Format>> = {
  ok: 'green',
  missing: 'red',
  contradiction: 'yellow',
  warning: 'yellow',
  unknown: 'yellow',
}
const VERDICT_FORMATS: Readonly<Record<Verdict, Format>> = { supported: 'green', unsupported: 'red', unknown: 'yellow' }

const COLUMNS: readonly Column<Check>[] = [
  { title: 'CHECK', value: ({ result }) => result },
  { title: 'ITEM', value: ({ item }) => printable(item) },
  { title: 'FOUND', value: ({ found }) => printable(found) },
  { title: 'BECAUSE', value: ({ why }) => printable(why ?? '') },
]

function statusLines({ device, primitives, deviceChecks }: VaaiStatus, style: Style): string[] {
  const groups = [
    ...primitives.map(({ name, verdict, checks }) => ({
      heading: `${style('bold', name)}: ${style(VERDICT_FORMATS[verdict], verdict)}`,
      checks,
    })),
    { heading: style('bold', 'Device'), checks: deviceChecks },
  ]
  const [titles = '', ...rows] = formatTable(
    COLUMNS,
    groups.flatMap(({ checks }) => checks),
  )
  const lines = [
    printable(device),
    '   VAAI Plugin Name: ', // of a plugin of the array's vendor: there is none, as with T10's commands
    ...primitives.map(({ name, verdict }) => `   ${name} Status: ${verdict}`),
    '',
    `  ${style('dim', titles)}`,
  ]
  for (const { heading, checks } of groups)
    lines.push(heading, ...checks.map((check) => `  ${colored(rows.shift() ?? '', check, style)}`))
  return lines
}

/** The result stands first. */
const colored = (row: string, { result }: Check, style: Style): string =>
  `${style(RESULT_FORMATS[result], result)}${row.slice(result.length)}`
