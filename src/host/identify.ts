// Who is behind a URL, asked before anything else is: a LUN that is not there, and a device of another kind, are told in one
// sentence.

import { NO_LOGICAL_UNIT, type StandardInquiry } from '../../protocol/scsi/inquiry.ts'
import { SENSE } from '../../protocol/scsi/sense.ts'
import { OperatorError } from '../errors.ts'
import { CommandError } from './command-error.ts'
import { deviceTypeName } from './describe/inquiry.ts'
import type { LogicalUnit } from './logical-unit.ts'

const DISK = 0
/** More are counted, not named. */
const MAX_NAMED = 16

/**
 * Standard INQUIRY data of a logical unit that is there. `name` stands for it in messages.
 * @throws OperatorError where there is none
 */
export async function identify(unit: LogicalUnit, name: string): Promise<StandardInquiry> {
  const found = await unit.inquiry().catch((error: unknown) => {
    if (error instanceof CommandError && error.is(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)) return undefined
    throw error
  })
  if (found && found.peripheralQualifier !== NO_LOGICAL_UNIT.peripheralQualifier) return found
  throw new OperatorError(`${name}: there is no LUN ${unit.lun}; ${await whichLuns(unit)}`)
}

/** @throws OperatorError for anything but a disk */
export async function identifyDisk(unit: LogicalUnit, name: string): Promise<StandardInquiry> {
  const inquiry = await identify(unit, name)
  const { peripheralDeviceType } = inquiry
  if (isDisk(inquiry)) return inquiry
  throw new OperatorError(
    `${name}: LUN ${unit.lun} is no disk but a ${deviceTypeName(peripheralDeviceType)}; ${await whichLuns(unit)}`,
  )
}

export const isDisk = ({ peripheralQualifier, peripheralDeviceType }: StandardInquiry): boolean =>
  peripheralQualifier === 0 && peripheralDeviceType === DISK

async function whichLuns(unit: LogicalUnit): Promise<string> {
  // Where there is no logical unit at all, LUN 0 tells (SPC-4 6.33).
  const reported = await unit
    .sibling(0)
    .reportLuns()
    .catch((error: unknown) => {
      if (error instanceof CommandError) return undefined
      throw error
    })
  if (!reported) return 'the target does not tell which LUNs it has'
  const { total, luns } = reported
  if (total === 0) return 'the target shows no LUN to this initiator'
  const named = luns.slice(0, MAX_NAMED).join(', ')
  return `the target has ${total === 1 ? 'LUN' : 'LUNs'} ${named}${total > MAX_NAMED ? ` and ${total - MAX_NAMED} more` : ''}`
}
