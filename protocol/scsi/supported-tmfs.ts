// REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data (SPC-4 6.36): the basic form, and the extended one of REPD = 1.

import { flag, ignored, reserved, u8, u32 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'
import { padTo } from './padding.ts'

const BASIC_SIZE = 4

const EXTENDED = layout('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data', 'SPC-4 6.36', 16, [
  flag('abortTask'),
  flag('abortTaskSet'),
  flag('clearAca'),
  flag('clearTaskSet'),
  flag('logicalUnitReset'),
  flag('queryTask'),
  ignored(2), // 0, TARGET RESET, WAKEUP
  reserved(5),
  flag('queryAsynchronousEvent'),
  flag('queryTaskSet'),
  flag('iTNexusReset'), // 1
  reserved(8),
  u8('additionalLength'), // 3
  reserved(7),
  flag('tmftmov'), // 4
  reserved(8),
  flag('abortTaskTimeout'),
  flag('abortTaskSetTimeout'),
  flag('clearAcaTimeout'),
  flag('clearTaskSetTimeout'),
  flag('logicalUnitResetTimeout'),
  flag('queryTaskTimeout'),
  reserved(2), // 6
  reserved(5),
  flag('queryAsynchronousEventTimeout'),
  flag('queryTaskSetTimeout'),
  flag('iTNexusResetTimeout'), // 7
  u32('longTimeout'), // 8-11, in 100 ms
  u32('shortTimeout'), // 12-15, in 100 ms
])

/** Which functions there are, and with REPD = 1 how long they may take. */
export type SupportedTaskManagementFunctions = Omit<Decoded<typeof EXTENDED>, 'additionalLength'>

/** `extended` is REPD of the CDB; without it four bytes, and no timeouts. */
export function encodeSupportedTmfs(values: Partial<SupportedTaskManagementFunctions>, extended: boolean): Buffer {
  const data = EXTENDED.encode({ ...values, additionalLength: extended ? EXTENDED.size - BASIC_SIZE : 0 })
  return data.subarray(0, extended ? EXTENDED.size : BASIC_SIZE)
}

/** Reads either form; the timeouts of the basic one are zero. Throws a WireError when it ends before its length. */
export function decodeSupportedTmfs(source: Buffer): SupportedTaskManagementFunctions {
  const end = BASIC_SIZE + (source[3] ?? 0)
  const whole = padTo(EXTENDED.name, source.subarray(0, end), end, EXTENDED.size)
  const { additionalLength: _, ...values } = EXTENDED.decode(whole)
  return values
}
