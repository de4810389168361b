// lunette inquiry URL: standard INQUIRY data, decoded.

import { CommandError } from '../host/command-error.ts'
import * as identity from '../host/commands/identity.ts'
import { ask, askBytes } from '../host/describe/answer.ts'
import { describeInquiry } from '../host/describe/inquiry.ts'
import { identify } from '../host/identify.ts'
import { MalformedAnswerError } from '../host/initiator/errors.ts'
import type { LogicalUnit } from '../host/logical-unit.ts'
import { isColored, styleOf } from './color.ts'
import { command } from './command.ts'
import { HOST_OPTIONS, URL_POSITIONAL } from './host-options.ts'
import { hexLines, jsonLine, sectionJson, sectionLines } from './print-sections.ts'
import { withUnit } from './with-unit.ts'

export const inquiry = command({
  name: 'inquiry',
  describe: 'What a logical unit is: standard INQUIRY data, decoded',
  examples: [
    ['lunette inquiry iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'Every field, named as sg_inq does'],
    ['lunette inquiry iscsi://... --hex | sg_inq --inhex=-', 'What another decoder says of the same bytes'],
  ],
  positionals: URL_POSITIONAL,
  options: {
    hex: { type: 'boolean', default: false, describe: 'Print the bytes as they came' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON' },
    ...HOST_OPTIONS,
  },
  run(args, terminal) {
    const { stdout } = terminal
    return withUnit(args, terminal, async (unit, url) => {
      if (args.hex && !args.json) {
        stdout.write(`${hexLines('standard INQUIRY data', await askBytes(unit, identity.inquiry())).join('\n')}\n`)
        return 0
      }
      await identify(unit, url)
      const { bytes, value } = await ask(unit, identity.inquiry())
      const section = describeInquiry(value, await serialOf(unit))
      if (args.json) stdout.write(jsonLine({ url, ...sectionJson(section), hex: bytes.toString('hex') }))
      else stdout.write(`${sectionLines([section], styleOf(isColored(stdout, terminal))).join('\n')}\n`)
      return 0
    })
  },
})

/** Not every device has one. */
async function serialOf(unit: LogicalUnit): Promise<string | undefined> {
  try {
    return await unit.vpdPage('unitSerialNumber')
  } catch (error) {
    if (error instanceof CommandError || error instanceof MalformedAnswerError) return undefined
    throw error
  }
}
