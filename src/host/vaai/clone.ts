// Clone: EXTENDED COPY(LID1) from one logical unit to another, each named by its NAA designator (SPC-4 6.4), as ESXi's data mover
// sends it.

import type { OperatingParameters } from '../../../protocol/scsi/extended-copy-parameters.ts'
import { copyDescriptorName } from '../describe/third-party-copy.ts'
import { type Check, commandCheck, commandTitle, contradicts, needs, notTold, toldBy, wants } from './check.ts'
import { type Told, VAAI_COMMANDS, type VaaiFacts } from './facts.ts'
import { naaCheck } from './names.ts'

const BLOCK_TO_BLOCK = 0x02
const IDENTIFICATION_CSCD = 0xe4
const MIB = 1024 * 1024
/** ESXi copies this much by one segment, unless it is told to copy more. */
const USUAL_SEGMENT_BYTES = 4 * MIB
const LARGEST_SEGMENT_BYTES = 16 * MIB

export function checkClone(facts: VaaiFacts): Check[] {
  const { commands, inquiry, copyParameters, designators } = facts
  const { supported } = commands.extendedCopy
  const title = commandTitle('extendedCopy')
  const bit = '3PC (INQUIRY)'
  return [
    commandCheck('extendedCopy', commands.extendedCopy),
    { item: bit, ...needs(inquiry.threePc, inquiry.threePc ? '1' : '0', 'ESXi does not try a copy without it') },
    ...contradicts(
      supported === false && inquiry.threePc,
      bit,
      '1',
      `third-party copies are told of, but there is no ${title}`,
    ),
    ...contradicts(supported === true && !inquiry.threePc, bit, '0', `${title} is there, but 3PC says that it is not`),
    naaCheck(designators),
    ...('missing' in copyParameters
      ? [notTold(commandTitle('receiveCopyParameters'), copyParameters)]
      : parameterChecks(copyParameters.told)),
    ...pageChecks(facts),
  ]
}

function parameterChecks(parameters: OperatingParameters): Check[] {
  const { snlid, maximumCscdDescriptorCount, maximumSegmentDescriptorCount, implementedDescriptors } = parameters
  const type = (code: number): Check => {
    const has = implementedDescriptors.includes(code)
    const item = `descriptor type ${code.toString(16).padStart(2, '0')}h, ${copyDescriptorName(code)}`
    return { item, ...needs(has, has ? 'supported' : 'not supported', 'the copies of ESXi consist of it') }
  }
  return [
    { item: 'SNLID', ...needs(snlid, snlid ? '1' : '0', 'ESXi copies without list identifiers') },
    {
      item: 'MAXIMUM CSCD DESCRIPTOR COUNT',
      ...needs(maximumCscdDescriptorCount >= 2, `${maximumCscdDescriptorCount}`, 'source and destination are 2'),
    },
    {
      item: 'MAXIMUM SEGMENT DESCRIPTOR COUNT',
      ...needs(maximumSegmentDescriptorCount >= 1, `${maximumSegmentDescriptorCount}`, 'at least 1 is needed'),
    },
    { item: 'MAXIMUM SEGMENT LENGTH', ...segmentLength(parameters.maximumSegmentLength) },
    type(BLOCK_TO_BLOCK),
    type(IDENTIFICATION_CSCD),
  ]
}

/** Zero is no limit. */
function segmentLength(bytes: number): Omit<Check, 'item'> {
  const found = bytes === 0 ? 'no limit' : `${bytes} bytes`
  if (bytes > 0 && bytes < USUAL_SEGMENT_BYTES)
    return { found, result: 'missing', why: 'ESXi copies 4 MiB by one segment, which is more' }
  return wants(
    bytes === 0 || bytes >= LARGEST_SEGMENT_BYTES,
    found,
    'ESXi copies up to 16 MiB by one segment, which is more',
  )
}

/** The Third-Party Copy page says what the commands say (SPC-4 7.8.17). */
function pageChecks({ thirdPartyCopy, copyParameters, commands }: VaaiFacts): Check[] {
  const page = toldBy(thirdPartyCopy)
  const parameters = toldBy(copyParameters)
  const { opcode, serviceAction } = VAAI_COMMANDS.extendedCopy
  const listed = page?.supportedCommands?.some(
    (command) => command.opcode === opcode && command.serviceActions.includes(serviceAction),
  )
  const item = 'Third-Party Copy page (8Fh)'
  const { supported } = commands.extendedCopy
  const title = commandTitle('extendedCopy')
  return [
    ...contradicts(listed === true && supported === false, item, `lists ${title}`, 'but there is no such command'),
    ...contradicts(listed === false && supported === true, item, `does not list ${title}`, 'but the command is there'),
    ...disagreements(page, parameters).map(
      ([name, there, here]): Check => ({
        item,
        found: `${name} ${there}`,
        result: 'contradiction',
        why: `RECEIVE COPY OPERATING PARAMETERS says ${here}`,
      }),
    ),
  ]
}

type Page = ReturnType<typeof toldBy<VaaiFacts['thirdPartyCopy'] extends Told<infer T> ? T : never>>

/** Name, what the page says, what the operating parameters say. */
function disagreements(page: Page, parameters: OperatingParameters | undefined): [string, number, number][] {
  if (!page || !parameters) return []
  const pairs: [string, number | undefined, number][] = [
    ['maximum CSCD count', page.parameterData?.maximumCscdDescriptorCount, parameters.maximumCscdDescriptorCount],
    [
      'maximum segment count',
      page.parameterData?.maximumSegmentDescriptorCount,
      parameters.maximumSegmentDescriptorCount,
    ],
    ['maximum segment length', page.generalCopyOperations?.maximumSegmentLength, parameters.maximumSegmentLength],
  ]
  return pairs.filter((pair): pair is [string, number, number] => pair[1] !== undefined && pair[1] !== pair[2])
}
