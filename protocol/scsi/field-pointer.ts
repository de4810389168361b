// From the name of a field to the field pointer of sense data (SPC-4 4.5.2.4.2): every 05/24/00 and 05/26/00 carries one.

import type { Layout } from '../wire/layout.ts'
import type { FieldPointer } from './sense.ts'

/**
 * Points at a field of a structure that starts at `offset` of the CDB or parameter list: its first byte, and its most
 * significant bit unless the field is made of whole bytes. Undefined for a name that the layout does not have.
 */
export function fieldPointer(
  structure: Layout,
  name: string,
  where: FieldPointer['in'] = 'cdb',
  offset = 0,
): FieldPointer | undefined {
  const position = structure.find(name)
  if (!position) return undefined
  return { in: where, byte: offset + position.byte, ...(position.bits % 8 !== 0 && { bit: position.bit }) }
}
