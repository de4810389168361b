// How a fixture of a PDU is written down: word by word from the tables of RFC 7143 11, not by the code under test.

import type { Ahs } from '../../../protocol/iscsi/ahs.ts'
import type { Opcode } from '../../../protocol/iscsi/pdu.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'

/** Header fields by name. */
type FieldValues = Readonly<Record<string, number | boolean | Buffer>>

export interface PduFixture {
  readonly name: string
  readonly opcode: Opcode
  readonly layout: Layout
  readonly hex: string
  /** What the header decodes to. */
  readonly values: FieldValues
  readonly ahs: readonly Ahs[]
  /** The data segment, without padding. */
  readonly data: Buffer
}

interface Body {
  readonly ahs?: readonly Ahs[]
  readonly data?: Buffer
}

export const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

export function pdu(
  name: string,
  opcode: Opcode,
  layout: Layout,
  words: string,
  values: FieldValues,
  { ahs = [], data = Buffer.alloc(0) }: Body = {},
): PduFixture {
  return { name, opcode, layout, hex: words.replaceAll(/\s/g, ''), values, ahs, data }
}

export const LUN_1 = bytes('00 01 00 00 00 00 00 00')
export const NO_LUN = bytes('00 00 00 00 00 00 00 00')
export const NONE = { totalAhsLength: 0, dataSegmentLength: 0 }
