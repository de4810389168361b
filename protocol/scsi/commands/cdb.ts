// What all CDBs share (SAM-5 5.2, SPC-4 4.3): the CONTROL byte, the group number, the length that the operation code
// implies, and what a CDB layout says about its command to whoever dispatches it or reports it.

import { bits, ignored, reserved } from '../../wire/fields.ts'
import type { Layout } from '../../wire/layout.ts'

/**
 * CONTROL (SAM-5 5.2): two vendor-specific bits, three reserved ones, NACA, two obsolete ones (FLAG and LINK). NACA counts
 * as reserved, since NormACA is zero: a request for ACA is refused with a pointer to it.
 */
export const control = () => [ignored(2), reserved(4), ignored(2)] as const

/** The byte that holds GROUP NUMBER (SBC-4 4.22). */
export const group = () => [reserved(2), bits(6, 'groupNumber')] as const

const LENGTHS: readonly (number | undefined)[] = [6, 10, 10, undefined, 16, 12, undefined, undefined]

/** Bytes of a CDB by the group code in its operation code; undefined for variable-length and vendor-specific groups. */
export const cdbLength = (opcode: number): number | undefined => LENGTHS[opcode >> 5]

/** The operation code that a CDB layout fixes. */
export function operationCode(cdb: Layout): number {
  const opcode = fixed(cdb, 'opcode')
  if (opcode === undefined) throw new RangeError(`${cdb.name} has no operation code`)
  return opcode
}

/** The service action that a CDB layout fixes, or undefined for a command without one. */
export const serviceAction = (cdb: Layout): number | undefined => fixed(cdb, 'serviceAction')

function fixed(cdb: Layout, name: string): number | undefined {
  const field = cdb.fields.find((f) => f.name === name)
  return field?.kind === 'fixed' ? field.value : undefined
}

/**
 * CDB usage data (SPC-4 6.35.3): one bit set for every bit that the device server looks at, but the operation code and the
 * service action in clear. `refused` names fields that this logical unit accepts only as zero.
 */
export function usageData(cdb: Layout, refused: readonly string[] = []): Buffer {
  const usage = Buffer.from(cdb.usage)
  for (const name of ['opcode', 'serviceAction']) {
    const value = fixed(cdb, name)
    if (value !== undefined) overwrite(usage, cdb, name, value)
  }
  for (const name of refused) overwrite(usage, cdb, name, 0)
  return usage
}

function overwrite(usage: Buffer, cdb: Layout, name: string, value: number): void {
  const position = cdb.find(name)
  if (!position) return
  const first = 8 * position.byte + 7 - position.bit
  for (let i = 0; i < position.bits; i++) {
    const mask = 0x80 >> ((first + i) & 7)
    const set = Math.floor(value / 2 ** (position.bits - 1 - i)) & 1
    if (set) usage[(first + i) >> 3]! |= mask
    else usage[(first + i) >> 3]! &= ~mask
  }
}
