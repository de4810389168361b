// REPORT IDENTIFYING INFORMATION parameter data (SPC-4 6.32.2, 6.32.3): what an operator has named the device, and how long
// a name of each type may be.

import { WireError } from '../wire/error.ts'
import { bits, reserved, u16 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'

const HEADER = layout('identifying information parameter data', 'SPC-4 6.32.2', 4, [reserved(16), u16('length')])

const DESCRIPTOR = layout('identifying information descriptor', 'SPC-4 6.32.3', 4, [
  bits(7, 'type'),
  reserved(1), // 0
  reserved(8),
  u16('maximumLength'), // 2-3
])

/** IDENTIFYING INFORMATION TYPE of the CDB (SPC-4 table 298); odd ones belong to SCC-2. */
export const IDENTIFYING_INFORMATION = { PERIPHERAL_DEVICE: 0, PERIPHERAL_DEVICE_TEXT: 2, SUPPORTED: 127 } as const

export interface SupportedIdentifyingInformation {
  readonly type: number
  readonly maximumLength: number
}

export const encodeIdentifyingInformation = (information: Buffer): Buffer =>
  Buffer.concat([HEADER.encode({ length: information.length }), information])

/** Throws a WireError when it ends before its length. */
export function decodeIdentifyingInformation(source: Buffer): Buffer {
  const end = HEADER.size + HEADER.decode(source).length
  if (end > source.length)
    throw new WireError(HEADER.name, 'length', 2, 'truncated', `${source.length} of ${end} bytes`)
  return source.subarray(HEADER.size, end)
}

/** Ascending by type. */
export const encodeSupportedIdentifyingInformation = (types: readonly SupportedIdentifyingInformation[]): Buffer =>
  encodeIdentifyingInformation(Buffer.concat(types.map((type) => DESCRIPTOR.encode(type))))

/** A descriptor that is not whole is passed over. Throws a WireError as `decodeIdentifyingInformation` does. */
export function decodeSupportedIdentifyingInformation(source: Buffer): SupportedIdentifyingInformation[] {
  const body = decodeIdentifyingInformation(source)
  const types: SupportedIdentifyingInformation[] = []
  for (let at = 0; at + DESCRIPTOR.size <= body.length; at += DESCRIPTOR.size) types.push(DESCRIPTOR.decode(body, at))
  return types
}
