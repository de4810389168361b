// lunette discover HOST[:PORT]: which targets a portal shows to this initiator (SendTargets), and what to type next.

import { type DiscoveredTarget, formatTargetAddress, ISCSI_PORT } from '../../protocol/iscsi/send-targets.ts'
import { formatPortal, type Portal, parseAddress } from '../config/portal.ts'
import { discover as discoverTargets } from '../host/initiator/discover.ts'
import { quoteUrl } from '../host/url.ts'
import { isColored, styleOf } from './color.ts'
import { command, type Terminal, UsageError } from './command.ts'
import { explainFailure } from './host-failure.ts'
import { connectOptions, HOST_OPTIONS } from './host-options.ts'
import { jsonLine, printable } from './print-sections.ts'
import { type Column, formatTable } from './table.ts'

interface Row {
  readonly target: string
  readonly portal: string
  readonly tag: number | undefined
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'TARGET', value: ({ target }) => printable(target) },
  { title: 'PORTAL', value: ({ portal }) => printable(portal) },
  { title: 'GROUP', right: true, value: ({ tag }) => tag ?? '' },
]

/** Each target is reached by the first of its portals. */
const URLS_SHOWN = 8

export const discover = command({
  name: 'discover',
  describe: 'List the targets of a portal',
  examples: [
    ['lunette discover 127.0.0.1', 'Port 3260 is meant where none is given'],
    ['lunette discover 10.0.0.5:3260 --user finder --secret-file finder.secret', 'Where discovery asks for CHAP'],
  ],
  positionals: { portal: { type: 'string', demandOption: true, describe: 'HOST[:PORT], [IPV6][:PORT]' } },
  options: { ...HOST_OPTIONS, json: { type: 'boolean', default: false, describe: 'Print one line of JSON' } },
  async run(args, terminal) {
    const portal = requirePortal(args.portal)
    const options = await connectOptions(args, terminal)
    const where = { portal: formatPortal(portal), authenticated: options.auth !== undefined }
    const targets = await discoverTargets({ ...portal, ...options }).catch((error: unknown) => {
      throw explainFailure(error, where)
    })
    if (args.json) terminal.stdout.write(jsonLine({ targets: targets.map((target) => toJson(target, portal)) }))
    else print(targets, portal, terminal)
    return 0
  },
})

function requirePortal(text: string): Portal {
  const portal = parseAddress(text) ?? parseAddress(`${text}:${ISCSI_PORT}`) ?? parseAddress(`[${text}]:${ISCSI_PORT}`)
  if (!portal) throw new UsageError(`PORTAL: found ${quoteUrl(text)}; allowed: HOST[:PORT] or [IPV6][:PORT]`)
  return portal
}

/** A target that tells no address is where it was asked for. */
function rowsOf({ name, addresses }: DiscoveredTarget, asked: Portal): Row[] {
  if (addresses.length === 0) return [{ target: name, portal: formatPortal(asked), tag: undefined }]
  return addresses.map(({ host, port, tag }) => ({ target: name, portal: formatTargetAddress({ host, port }), tag }))
}

const urlOf = ({ portal, target }: Row): string => `iscsi://${portal}/${target}/0`

function toJson(target: DiscoveredTarget, asked: Portal) {
  const rows = rowsOf(target, asked)
  return {
    name: target.name,
    portals: rows.map(({ portal, tag }) => ({ portal, ...(tag !== undefined && { tag }) })),
    url: urlOf(rows[0] as Row),
  }
}

function print(targets: readonly DiscoveredTarget[], asked: Portal, terminal: Terminal): void {
  const { stdout, stderr } = terminal
  if (targets.length === 0) {
    stderr.write(`${formatPortal(asked)} shows no target to this initiator; --initiator asks for another one\n`)
    return
  }
  const style = styleOf(isColored(stdout, terminal))
  const all = targets.map((target) => rowsOf(target, asked))
  const [titles = '', ...lines] = formatTable(COLUMNS, all.flat())
  const next = all.slice(0, URLS_SHOWN).map(([first]) => printable(urlOf(first as Row)))
  const commands = [
    ...next.map((url) => `lunette inquiry ${url}`),
    ...next.slice(0, 1).map((url) => `lunette vaai status ${url}`),
  ]
  const more = all.length > URLS_SHOWN ? [`  and the same for ${all.length - URLS_SHOWN} more`] : []
  const about = 'Type next, with the number of a LUN at the end:'
  const hints = ['', about, ...commands.map((line) => `  ${style('cyan', line)}`), ...more]
  stdout.write(`${[style('dim', titles), ...lines, ...hints].join('\n')}\n`)
}
