// One declaration of an on-disk structure gives its decoder, its encoder and the place of each field. VMFS writes everything
// little-endian and packed, at fixed offsets with gaps between, so a field is named by where it stands.

import { VmfsError } from '../errors.ts'

/** How a value of some bytes is read and written. */
export interface Codec<Value> {
  readonly bytes: number
  read(source: Buffer, at: number): Value
  write(target: Buffer, at: number, value: Value): void
}

export interface Field<Value> extends Codec<Value> {
  /** From the start of the structure. */
  readonly offset: number
}

type AnyField = Field<number> | Field<bigint> | Field<Buffer> | Field<string>
type ValueOf<F> = F extends Field<infer Value> ? Value : never
export type ValuesOf<Fields> = { -readonly [Name in keyof Fields]: ValueOf<Fields[Name]> }

export interface Structure<Fields> {
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly fields: Fields
  /** @throws VmfsError 'damaged' when the source ends too early, or holds a number that no volume has */
  decode(source: Buffer, at?: number): ValuesOf<Fields>
  /** Writes the fields that are given over what stands in `target`; a new zeroed buffer without one. */
  encode(values: Partial<ValuesOf<Fields>>, target?: Buffer, at?: number): Buffer
}

export function structure<const Fields extends Readonly<Record<string, AnyField>>>(
  name: string,
  size: number,
  fields: Fields,
): Structure<Fields> {
  const entries = Object.entries(fields) as [string, Field<unknown>][]
  for (const [field, { offset, bytes }] of entries)
    if (offset + bytes > size) throw new RangeError(`${name}: ${field} ends at ${offset + bytes} of ${size} bytes`)
  return {
    name,
    size,
    fields,
    decode(source, at = 0) {
      if (at < 0 || at + size > source.length)
        throw new VmfsError('damaged', `${name}: ${size} bytes at ${at} of ${source.length}`)
      return Object.fromEntries(entries.map(([field, f]) => [field, f.read(source, at + f.offset)])) as ValuesOf<Fields>
    },
    encode(values, target = Buffer.alloc(size), at = 0) {
      for (const [field, f] of entries) {
        const value = (values as Record<string, unknown>)[field]
        if (value !== undefined) f.write(target, at + f.offset, value)
      }
      return target
    },
  }
}

const field =
  <Value>(codec: Codec<Value>) =>
  (offset: number): Field<Value> => ({ ...codec, offset })

export const u8 = field<number>({
  bytes: 1,
  read: (source, at) => source.readUInt8(at),
  write: (target, at, value) => void target.writeUInt8(value, at),
})
export const u16 = field<number>({
  bytes: 2,
  read: (source, at) => source.readUInt16LE(at),
  write: (target, at, value) => void target.writeUInt16LE(value, at),
})
export const u32 = field<number>({
  bytes: 4,
  read: (source, at) => source.readUInt32LE(at),
  write: (target, at, value) => void target.writeUInt32LE(value, at),
})
/** 64 bits of which each may be set: addresses, generations, times. */
export const u64 = field<bigint>({
  bytes: 8,
  read: (source, at) => source.readBigUInt64LE(at),
  write: (target, at, value) => void target.writeBigUInt64LE(value, at),
})
/** A 64-bit offset, length or count in bytes or blocks: what does not fit a number is on no volume. */
export const size64 = field<number>({
  bytes: 8,
  read: (source, at) => {
    const value = source.readBigUInt64LE(at)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new VmfsError('damaged', `a size of ${value} at byte ${at}`)
    return Number(value)
  },
  write: (target, at, value) => void target.writeBigUInt64LE(BigInt(value), at),
})
/** `length` bytes as they are; reading gives a copy. */
export const bytes = (length: number) =>
  field<Buffer>({
    bytes: length,
    read: (source, at) => Buffer.from(source.subarray(at, at + length)),
    write: (target, at, value) => {
      if (value.length !== length) throw new RangeError(`${value.length} bytes for a field of ${length}`)
      value.copy(target, at)
    },
  })
/** UTF-8 up to the first zero byte, at most `length` bytes. */
export const text = (length: number) =>
  field<string>({
    bytes: length,
    read: (source, at) => {
      const raw = source.subarray(at, at + length)
      const end = raw.indexOf(0)
      return raw.toString('utf8', 0, end < 0 ? length : end)
    },
    write: (target, at, value) => {
      const raw = Buffer.from(value)
      if (raw.length > length) throw new RangeError(`a text of ${raw.length} bytes for a field of ${length}`)
      target.fill(0, at, at + length)
      raw.copy(target, at)
    },
  })
