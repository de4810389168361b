// lunette capacity URL: READ CAPACITY(16), decoded; READ CAPACITY(10) of a device that is too old for it.

import { SENSE_KEY } from '../../protocol/scsi/sense.ts'
import { OperatorError } from '../errors.ts'
import { CommandError } from '../host/command-error.ts'
import * as medium from '../host/commands/medium.ts'
import { ask } from '../host/describe/answer.ts'
import { type Capacity, describeCapacity } from '../host/describe/capacity.ts'
import { identifyDisk } from '../host/identify.ts'
import type { LogicalUnit } from '../host/logical-unit.ts'
import { isColored, styleOf } from './color.ts'
import { command } from './command.ts'
import { HOST_OPTIONS, URL_POSITIONAL } from './host-options.ts'
import { hexLines, jsonLine, sectionJson, sectionLines } from './print-sections.ts'
import { withUnit } from './with-unit.ts'

export const capacity = command({
  name: 'capacity',
  describe: 'How large a logical unit is, and how its blocks are provisioned',
  examples: [
    [
      'lunette capacity iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0',
      'READ CAPACITY(16), named as sg_readcap does',
    ],
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
      await identifyDisk(unit, url)
      const { name, bytes, value } = await read(unit, url)
      const section = describeCapacity(value)
      if (args.json) stdout.write(jsonLine({ url, command: name, ...sectionJson(section), hex: bytes.toString('hex') }))
      else if (args.hex) stdout.write(`${hexLines(name, bytes).join('\n')}\n`)
      else {
        const style = styleOf(isColored(stdout, terminal))
        stdout.write(`${[style('bold', name), ...sectionLines([section], style)].join('\n')}\n`)
      }
      return 0
    })
  },
})

interface Read {
  readonly name: string
  readonly bytes: Buffer
  readonly value: Capacity
}

async function read(unit: LogicalUnit, url: string): Promise<Read> {
  const long = medium.readCapacity16()
  try {
    return { name: long.name, ...(await ask(unit, long)) }
  } catch (error) {
    if (!(error instanceof CommandError) || error.sense?.sense.key !== SENSE_KEY.ILLEGAL_REQUEST) throw error
  }
  const short = medium.readCapacity10()
  const { bytes, value } = await ask(unit, short)
  const { lastLba, blockLength } = value
  if (lastLba === undefined)
    throw new OperatorError(`${url} has more blocks than ${short.name} can tell, and no ${long.name}`)
  return { name: short.name, bytes, value: { lastLba, blockLength } }
}
