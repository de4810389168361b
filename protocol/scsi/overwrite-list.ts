// The parameter list of SANITIZE with the OVERWRITE service action (SBC-3 5.24.2.2).

import { bits, flag, reserved, u16 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

/** What stands in front of the initialization pattern. */
export const OVERWRITE_LIST_HEADER = layout('SANITIZE overwrite parameter list', 'SBC-3 5.24.2.2', 4, [
  flag('invert'),
  bits(2, 'test'),
  bits(5, 'overwriteCount'), // 0
  reserved(8),
  u16('initializationPatternLength'), // 2-3
])

export interface OverwriteList extends Decoded<typeof OVERWRITE_LIST_HEADER> {
  /** As much of the INITIALIZATION PATTERN as the list holds. */
  readonly pattern: Buffer
}

export function encodeOverwriteList(fields: Partial<OverwriteList> & { readonly pattern: Buffer }): Buffer {
  const initializationPatternLength = fields.initializationPatternLength ?? fields.pattern.length
  return Buffer.concat([OVERWRITE_LIST_HEADER.encode({ ...fields, initializationPatternLength }), fields.pattern])
}

/** Throws a WireError when the header is cut. */
export function decodeOverwriteList(source: Buffer): OverwriteList {
  const header = OVERWRITE_LIST_HEADER.decode(source)
  const start = OVERWRITE_LIST_HEADER.size
  return { ...header, pattern: source.subarray(start, start + header.initializationPatternLength) }
}
