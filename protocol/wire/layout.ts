// One declaration of a fixed-size structure gives its decoder, its encoder, its size and the mask of its reserved bits.
// Decoding is binary-parser's; the hot path reads fields in place at the offsets that `at` tells.

import { Parser } from 'binary-parser'
import { WireError } from './error.ts'
import type { Field, NamedField, ValuesOf } from './fields.ts'

/** Where a field stands: its first byte, its first bit there (7 is the most significant), its width. */
export interface Position {
  readonly byte: number
  readonly bit: number
  readonly bits: number
}

type NameOf<Fields extends readonly Field[]> = Extract<Fields[number], NamedField>['name']

export interface Layout<Fields extends readonly Field[] = readonly Field[]> {
  readonly name: string
  /** The clause that draws the table. */
  readonly clause: string
  /** Bytes. */
  readonly size: number
  readonly fields: Fields
  /** One bit set for every bit that is neither reserved nor ignored: CDB usage data (SPC-4 6.35.3). */
  readonly usage: Buffer
  /** Reads the structure at `offset`. Throws a WireError when it is truncated or a fixed field differs. */
  decode(source: Buffer, offset?: number): ValuesOf<Fields>
  /** Writes the structure into `target` at `offset` (a new buffer without one). Fields not given are zero. */
  encode(values: Partial<ValuesOf<Fields>>, target?: Buffer, offset?: number): Buffer
  /** Where a field stands; throws for a name that the layout does not have. */
  at(name: NameOf<Fields>): Position
  /** Where a field stands, or undefined: for names that come from elsewhere. */
  find(name: string): Position | undefined
  /** The first reserved bit that is set, reading at `offset`. */
  reservedBit(source: Buffer, offset?: number): { byte: number; bit: number } | undefined
}

/** The decoded object of a layout. */
export type Decoded<L> = L extends Layout<infer Fields> ? ValuesOf<Fields> : never

/** Declares a structure of `size` bytes. Throws when the widths of the fields do not add up to it. */
export function layout<const Fields extends readonly Field[]>(
  name: string,
  clause: string,
  size: number,
  fields: Fields,
): Layout<Fields> {
  const placed = place(name, size, fields)
  const byName = new Map(placed.filter((p) => p.field.name !== '').map((p) => [p.field.name, p]))
  const usage = mask(size, placed, (kind) => kind !== 'reserved' && kind !== 'ignored')
  const refused = mask(size, placed, (kind) => kind === 'reserved')
  const refusedBytes = [...refused.keys()].filter((byte) => refused[byte] !== 0)
  let parser: Parser | undefined

  return {
    name,
    clause,
    size,
    fields,
    usage,
    decode(source, offset = 0) {
      const room = source.length - offset
      if (room < size) throw truncated(name, placed, room)
      parser ??= compile(placed)
      const raw = parser.parse(offset === 0 ? source : source.subarray(offset)) as Record<string, never>
      return pick(name, placed, raw) as ValuesOf<Fields>
    },
    encode(values, target = Buffer.alloc(size), offset = 0) {
      target.fill(0, offset, offset + size)
      for (const p of placed) write(name, target, offset, p, (values as Record<string, unknown>)[p.field.name])
      return target
    },
    at(field) {
      const found = byName.get(field)
      if (!found) throw new RangeError(`${name} has no field ${field}`)
      return found
    },
    find: (field) => byName.get(field),
    reservedBit(source, offset = 0) {
      for (const byte of refusedBytes) {
        const set = source[offset + byte]! & refused[byte]!
        if (set !== 0) return { byte, bit: 31 - Math.clz32(set) }
      }
      return undefined
    },
  }
}

interface Placed extends Position {
  readonly field: Field
  /** Bits from the start of the structure. */
  readonly start: number
}

function place(name: string, size: number, fields: readonly Field[]): Placed[] {
  let start = 0
  const placed = fields.map((field) => {
    const p = { field, start, byte: start >> 3, bit: 7 - (start & 7), bits: field.bits }
    start += field.bits
    return p
  })
  if (start !== 8 * size) throw new RangeError(`${name}: the fields hold ${start} bits, not ${8 * size}`)
  return placed
}

function mask(size: number, placed: readonly Placed[], counts: (kind: Field['kind']) => boolean): Buffer {
  const result = Buffer.alloc(size)
  for (const { field, start } of placed) {
    if (!counts(field.kind)) continue
    for (let i = start; i < start + field.bits; i++) result[i >> 3]! |= 0x80 >> (i & 7)
  }
  return result
}

function truncated(name: string, placed: readonly Placed[], room: number): WireError {
  const cut = placed.find((p) => p.start + p.bits > 8 * Math.max(0, room))
  return new WireError(name, cut?.field.name || 'reserved', cut?.byte ?? 0, 'truncated', `${room} bytes`)
}

/** binary-parser reads runs of bit fields of at most 32 bits: seek(0) ends a run at each byte boundary. */
function compile(placed: readonly Placed[]): Parser {
  const parser = new Parser().endianness('big')
  for (const { field, start, bits } of placed) {
    const aligned = (start & 7) === 0
    if (aligned) parser.seek(0)
    if (aligned && (bits & 7) === 0 && (field.kind === 'reserved' || field.kind === 'ignored')) parser.seek(bits >> 3)
    else if (field.kind === 'bytes') parser.buffer(field.name, { length: bits >> 3 })
    else if (field.kind === 'text') parser.string(field.name, { length: bits >> 3, encoding: 'latin1' })
    else if (field.kind === 'bigint') parser.uint64be(field.name)
    else bitField(parser, bits, field.name || `_${start}`)
  }
  return parser
}

function bitField(parser: Parser, bits: number, name: string): void {
  const method = parser[`bit${bits}` as 'bit8']
  if (!method) throw new RangeError(`${name}: a number holds 1 to 32 bits, not ${bits}`)
  method.call(parser, name)
}

function pick(name: string, placed: readonly Placed[], raw: Record<string, never>): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const { field, byte } of placed) {
    const value = raw[field.name]
    if (field.kind === 'fixed') {
      if (value !== field.value)
        throw new WireError(name, field.name, byte, 'bad value', `${value} is not ${field.value}`)
    } else if (field.kind === 'flag') values[field.name] = value === 1
    else if (field.kind === 'text') values[field.name] = String(value).trimEnd()
    else if (field.kind !== 'reserved' && field.kind !== 'ignored') values[field.name] = value
  }
  return values
}

function write(name: string, target: Buffer, offset: number, placed: Placed, value: unknown): void {
  const { field, byte, bits } = placed
  if (value === undefined && field.kind !== 'fixed' && field.kind !== 'text') return
  switch (field.kind) {
    case 'fixed':
      writeUint(name, target, offset, placed, field.value)
      break
    case 'flag':
      writeUint(name, target, offset, placed, value ? 1 : 0)
      break
    case 'uint':
      writeUint(name, target, offset, placed, value as number)
      break
    case 'bigint':
      target.writeBigUInt64BE(value as bigint, offset + byte)
      break
    case 'text':
      target.write(((value as string | undefined) ?? '').padEnd(bits >> 3), offset + byte, bits >> 3, 'latin1')
      break
    case 'bytes':
      writeBytes(name, target, offset, placed, value as Uint8Array)
  }
}

function writeBytes(
  name: string,
  target: Buffer,
  offset: number,
  { field, byte, bits }: Placed,
  value: Uint8Array,
): void {
  if (value.length > bits >> 3)
    throw new RangeError(`${name}: ${field.name} of ${value.length} bytes does not fit in ${bits >> 3}`)
  target.set(value, offset + byte)
}

function writeUint(name: string, target: Buffer, offset: number, placed: Placed, value: number): void {
  const { field, start, bits } = placed
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits)
    throw new RangeError(`${name}: ${field.name} = ${value} does not fit in ${bits} bits`)
  let rest = value
  for (let end = start + bits; end > start; ) {
    const low = (8 - (end & 7)) & 7 // bits of this byte that belong to what follows
    const width = Math.min(8 - low, end - start)
    const part = rest % (1 << width)
    target[offset + ((end - 1) >> 3)]! |= part << low
    rest = (rest - part) / (1 << width)
    end -= width
  }
}
