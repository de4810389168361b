// lunette vpd URL: the vital product data pages of a logical unit, decoded; those without a layout here as bytes.

import { SENSE_KEY } from '../../protocol/scsi/sense.ts'
import { OperatorError } from '../errors.ts'
import { CommandError } from '../host/command-error.ts'
import { hexOf } from '../host/describe/section.ts'
import { type DescribedPage, describePage, PAGE_ACRONYMS } from '../host/describe/vpd.ts'
import { identify } from '../host/identify.ts'
import type { LogicalUnit } from '../host/logical-unit.ts'
import { parseCode } from './codes.ts'
import { isColored, type Style, styleOf } from './color.ts'
import { command, type Terminal, UsageError } from './command.ts'
import { HOST_OPTIONS, URL_POSITIONAL } from './host-options.ts'
import { hexLines, jsonLine, printable, sectionJson, sectionLines } from './print-sections.ts'
import { withUnit } from './with-unit.ts'

export const vpd = command({
  name: 'vpd',
  describe: 'Vital product data pages of a logical unit, decoded',
  examples: [
    ['lunette vpd iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'Every page that it has'],
    ['lunette vpd iscsi://... --page 0x83', 'Its names; --page di is the same'],
    ['lunette vpd iscsi://... --page bl --hex | sg_vpd --inhex=-', 'What another decoder says of the same bytes'],
  ],
  positionals: URL_POSITIONAL,
  options: {
    page: {
      type: 'string',
      requiresArg: true,
      describe: `Page code (0x83, 83h, 131) or name (${[...PAGE_ACRONYMS.keys()].slice(0, 3).join(', ')}, bl, ... as sg_vpd has them); all without one`,
    },
    hex: { type: 'boolean', default: false, describe: 'Print the bytes as they came' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON' },
    ...HOST_OPTIONS,
  },
  run(args, terminal) {
    const wanted = args.page === undefined ? undefined : requirePage(args.page)
    return withUnit(args, terminal, async (unit, url) => {
      await identify(unit, url)
      const pages = []
      for (const code of wanted === undefined ? await listPages(unit) : [wanted])
        pages.push({ bytes: await fetchPage(unit, code), code })
      print({ url, pages, hex: args.hex, json: args.json }, terminal)
      return 0
    })
  },
})

function requirePage(text: string): number {
  const code = PAGE_ACRONYMS.get(text) ?? parseCode(text, 0xff)
  if (code === undefined)
    throw new UsageError(
      `--page: found ${JSON.stringify(text)}; allowed: 0x00 to 0xff, or ${[...PAGE_ACRONYMS.keys()].join(', ')}`,
    )
  return code
}

/** Each once: a device may list one twice. */
const listPages = async (unit: LogicalUnit): Promise<number[]> => [...new Set(await unit.vpdPage('supportedPages'))]

async function fetchPage(unit: LogicalUnit, code: number): Promise<Buffer> {
  try {
    return await unit.vpd(code)
  } catch (error) {
    if (!(error instanceof CommandError) || error.sense?.sense.key !== SENSE_KEY.ILLEGAL_REQUEST) throw error
    const others = code === 0 ? [] : await listPages(unit).catch(() => [])
    const has =
      others.length === 0 ? 'it tells of no others' : `it has ${others.map((each) => `${hexOf(each, 2)}h`).join(', ')}`
    throw new OperatorError(`the logical unit has no VPD page ${hexOf(code, 2)}h (${error.message}); ${has}`)
  }
}

interface Printed {
  readonly url: string
  readonly pages: readonly { readonly code: number; readonly bytes: Buffer }[]
  readonly hex: boolean
  readonly json: boolean
}

function print({ url, pages, hex, json }: Printed, terminal: Terminal): void {
  const { stdout } = terminal
  if (json) {
    stdout.write(jsonLine({ url, pages: pages.map(({ code, bytes }) => toJson(describePage(code, bytes), bytes)) }))
    return
  }
  const style = styleOf(isColored(stdout, terminal))
  const blocks = pages.map(({ code, bytes }) =>
    hex
      ? hexLines(`VPD page ${hexOf(code, 2)}h`, bytes).join('\n')
      : pageLines(describePage(code, bytes), bytes, style).join('\n'),
  )
  stdout.write(`${blocks.join(hex ? '\n' : '\n\n')}\n`)
}

const toJson = ({ code, sections, ...page }: DescribedPage, bytes: Buffer) => ({
  page: `0x${hexOf(code, 2)}`,
  ...page,
  sections: sections.map(sectionJson),
  hex: bytes.toString('hex'),
})

function pageLines(page: DescribedPage, bytes: Buffer, style: Style): string[] {
  const { code, name, acronym, sections, problem } = page
  const short = acronym === undefined ? '' : ` [${acronym}]`
  const heading = style('bold', `${name} VPD page (${hexOf(code, 2)}h)${short}, ${bytes.length} bytes`)
  if (problem !== undefined) return [heading, `  cannot be read: ${printable(problem)}`, ...indented(bytes)]
  if (sections.length > 0) return [heading, ...sectionLines(sections, style)]
  return bytes.length > HEADER_BYTES ? [heading, ...indented(bytes)] : [heading, '  empty']
}

const HEADER_BYTES = 4
const indented = (bytes: Buffer): string[] =>
  hexLines('', bytes)
    .slice(1)
    .map((line) => `  ${line}`)
