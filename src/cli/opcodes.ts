// lunette opcodes URL: which commands a logical unit says that it has (REPORT SUPPORTED OPERATION CODES), or what it looks at in
// the CDB of one.

import { SENSE_KEY } from '../../protocol/scsi/sense.ts'
import { SUPPORT, type SupportedCommand } from '../../protocol/scsi/supported-opcodes.ts'
import { OperatorError } from '../errors.ts'
import { CommandError } from '../host/command-error.ts'
import * as identity from '../host/commands/identity.ts'
import type { Request } from '../host/commands/request.ts'
import { type Answer, ask } from '../host/describe/answer.ts'
import { commandCode, commandName } from '../host/describe/command-names.ts'
import { hexOf, type Names, type Section } from '../host/describe/section.ts'
import { identify } from '../host/identify.ts'
import type { LogicalUnit } from '../host/logical-unit.ts'
import { parseCode } from './codes.ts'
import { isColored, type Style, styleOf } from './color.ts'
import { command, UsageError } from './command.ts'
import { HOST_OPTIONS, URL_POSITIONAL } from './host-options.ts'
import { hexLines, jsonLine, sectionJson, sectionLines } from './print-sections.ts'
import { type Column, formatTable } from './table.ts'
import { withUnit } from './with-unit.ts'

export const opcodes = command({
  name: 'opcodes',
  describe: 'Which commands a logical unit has',
  examples: [
    ['lunette opcodes iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'All of them'],
    ['lunette opcodes iscsi://... --opcode 0x89', 'Is there COMPARE AND WRITE, and which bits of its CDB count?'],
    ['lunette opcodes iscsi://... --opcode 0x9e,0x10', 'The same for a service action'],
  ],
  positionals: URL_POSITIONAL,
  options: {
    opcode: {
      type: 'string',
      requiresArg: true,
      describe: 'One command: operation code (0x89, 89h, 137), with a comma and the service action where it has one',
    },
    timeouts: { type: 'boolean', default: false, describe: 'With how long each may take, where the device tells' },
    hex: { type: 'boolean', default: false, describe: 'Print the bytes as they came' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON' },
    ...HOST_OPTIONS,
  },
  run(args, terminal) {
    const asked = args.opcode === undefined ? undefined : requireOpcode(args.opcode)
    const { stdout } = terminal
    const style = styleOf(isColored(stdout, terminal))
    return withUnit(args, terminal, async (unit, url) => {
      await identify(unit, url)
      const { title, bytes, json, lines } =
        asked === undefined ? await list(unit, args.timeouts, style) : await one(unit, asked, style)
      if (args.json) stdout.write(jsonLine({ url, ...json, hex: bytes.toString('hex') }))
      else stdout.write(`${(args.hex ? hexLines(title, bytes) : lines).join('\n')}\n`)
      return 0
    })
  },
})

interface Opcode {
  readonly opcode: number
  readonly serviceAction?: number
}

function requireOpcode(text: string): Opcode {
  const [first = '', second, ...rest] = text.split(',')
  const opcode = parseCode(first, 0xff)
  const serviceAction = second === undefined ? undefined : parseCode(second, 0xffff)
  if (opcode === undefined || (second !== undefined && serviceAction === undefined) || rest.length > 0)
    throw new UsageError(
      `--opcode: found ${JSON.stringify(text)}; allowed: 0x00 to 0xff, or with a service action as 0x9e,0x10`,
    )
  return { opcode, ...(serviceAction !== undefined && { serviceAction }) }
}

interface Output {
  readonly title: string
  readonly bytes: Buffer
  readonly json: object
  readonly lines: readonly string[]
}

const NAME: Column<SupportedCommand> = {
  title: 'NAME',
  value: ({ opcode, serviceAction }) => commandName(opcode, serviceAction) ?? '',
}
const COLUMNS: readonly Column<SupportedCommand>[] = [
  { title: 'OPCODE', value: ({ opcode }) => `${hexOf(opcode, 2)}h` },
  { title: 'ACTION', value: ({ serviceAction }) => (serviceAction === undefined ? '' : `${hexOf(serviceAction, 4)}h`) },
  { title: 'CDB BYTES', right: true, value: ({ cdbLength }) => cdbLength },
]
const TIMEOUT_COLUMNS: readonly Column<SupportedCommand>[] = [
  { title: 'NOMINAL s', right: true, value: ({ timeouts }) => timeouts?.nominalSeconds || '' },
  { title: 'RECOMMENDED s', right: true, value: ({ timeouts }) => timeouts?.recommendedSeconds || '' },
]

async function list(unit: LogicalUnit, timeouts: boolean, style: Style): Promise<Output> {
  const { bytes, value } = await report(unit, identity.reportSupportedOperationCodes({ timeouts }))
  const commands = value.toSorted(byCode)
  const [titles = '', ...rows] = formatTable([...COLUMNS, ...(timeouts ? TIMEOUT_COLUMNS : []), NAME], commands)
  const json = {
    commands: commands.map((each) => ({ ...each, name: commandName(each.opcode, each.serviceAction) ?? null })),
  }
  return { title: 'supported operation codes', bytes, json, lines: [style('dim', titles), ...rows] }
}

const byCode = (a: Opcode, b: Opcode): number =>
  a.opcode - b.opcode || (a.serviceAction ?? -1) - (b.serviceAction ?? -1)

const SUPPORTS: Names = {
  [SUPPORT.NOT_AVAILABLE]: 'not known at the moment',
  [SUPPORT.NOT_SUPPORTED]: 'not supported',
  [SUPPORT.STANDARD]: 'supported as the standard has it',
  [SUPPORT.VENDOR_SPECIFIC]: 'supported in a way of its vendor',
}

async function one(unit: LogicalUnit, { opcode, serviceAction }: Opcode, style: Style): Promise<Output> {
  const code = commandCode(opcode, serviceAction)
  const request = identity.reportSupportedOperationCode(opcode, serviceAction)
  const { bytes, value } = await report(unit, request, code)
  const { support, usage } = value
  const name = commandName(opcode, serviceAction)
  const title = name === undefined ? code : `${name} (${code})`
  const section: Section = {
    fields: [
      { name: 'Support', value: support, meaning: SUPPORTS[support] ?? 'reserved' },
      { name: 'CDB size', value: usage.length, unit: 'bytes' },
      ...(usage.length > 0 ? [{ name: 'Usage data', value: usage.toString('hex').replace(/..(?!$)/g, '$& ') }] : []),
    ],
  }
  const about = { opcode, ...(serviceAction !== undefined && { serviceAction }), name: name ?? null }
  return {
    title,
    bytes,
    json: { ...about, ...sectionJson(section) },
    lines: [style('bold', title), ...sectionLines([section], style)],
  }
}

/** `code`: of the one command that is asked for. */
async function report<T>(unit: LogicalUnit, request: Request<T>, code?: string): Promise<Answer<T>> {
  try {
    return await ask(unit, request)
  } catch (error) {
    if (!(error instanceof CommandError) || error.sense?.sense.key !== SENSE_KEY.ILLEGAL_REQUEST) throw error
    if (code === undefined || error.sense.sense.asc === 0x20)
      throw new OperatorError(`the logical unit does not report its operation codes (${error.message})`)
    throw new OperatorError(
      `${code} cannot be asked for like this (${error.message}): a command that has service actions needs one, as 0x9e,0x10; another has none`,
    )
  }
}
