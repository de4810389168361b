// The fields that a layout is made of, most significant bit first, as the standards draw them.
// A field with a value of its own is fixed: written always, checked when read, absent from the decoded object.

export interface Uint<Name extends string> {
  readonly kind: 'uint'
  readonly name: Name
  readonly bits: number
}
export interface Big<Name extends string> {
  readonly kind: 'bigint'
  readonly name: Name
  readonly bits: 64
}
export interface Flag<Name extends string> {
  readonly kind: 'flag'
  readonly name: Name
  readonly bits: 1
}
export interface Bytes<Name extends string> {
  readonly kind: 'bytes'
  readonly name: Name
  readonly bits: number
}
export interface Text<Name extends string> {
  readonly kind: 'text'
  readonly name: Name
  readonly bits: number
}
export interface Fixed {
  readonly kind: 'fixed'
  readonly name: string
  readonly bits: number
  readonly value: number
}
export interface Unnamed {
  readonly kind: 'reserved' | 'ignored'
  readonly name: ''
  readonly bits: number
}

export type NamedField<Name extends string = string> = Uint<Name> | Big<Name> | Flag<Name> | Bytes<Name> | Text<Name>
export type Field = NamedField | Fixed | Unnamed

type ValueOf<F> =
  F extends Uint<string>
    ? number
    : F extends Big<string>
      ? bigint
      : F extends Flag<string>
        ? boolean
        : F extends Bytes<string>
          ? Buffer
          : string

/** What a list of fields decodes to: an object with one property a named field. */
export type ValuesOf<Fields extends readonly Field[]> = {
  -readonly [F in Extract<Fields[number], NamedField> as F['name']]: ValueOf<F>
}

/** An unsigned number of up to 32 bits; with a value, a fixed one. */
export function bits<const Name extends string>(width: number, name: Name): Uint<Name>
export function bits(width: number, name: string, value: number): Fixed
export function bits(width: number, name: string, value?: number): Field {
  return value === undefined ? { kind: 'uint', name, bits: width } : { kind: 'fixed', name, bits: width, value }
}

export interface UintOf {
  <const Name extends string>(name: Name): Uint<Name>
  (name: string, value: number): Fixed
}
const uint = (width: number): UintOf =>
  ((name: string, value?: number) => (value === undefined ? bits(width, name) : bits(width, name, value))) as UintOf

export const u8 = uint(8)
export const u16 = uint(16)
export const u24 = uint(24)
export const u32 = uint(32)
export const u64 = <const Name extends string>(name: Name): Big<Name> => ({ kind: 'bigint', name, bits: 64 })
export const flag = <const Name extends string>(name: Name): Flag<Name> => ({ kind: 'flag', name, bits: 1 })
/** `length` bytes as they are; decoding gives a view, not a copy. */
export const bytes = <const Name extends string>(length: number, name: Name): Bytes<Name> => ({
  kind: 'bytes',
  name,
  bits: 8 * length,
})
/** `length` bytes of ASCII, padded on the right with spaces (SPC-4 4.4.1). */
export const text = <const Name extends string>(length: number, name: Name): Text<Name> => ({
  kind: 'text',
  name,
  bits: 8 * length,
})
/** Bits that must be zero: a request that sets one is refused. */
export const reserved = (width: number): Unnamed => ({ kind: 'reserved', name: '', bits: width })
/** Obsolete, restricted or vendor-specific bits: written as zero, never looked at. */
export const ignored = (width: number): Unnamed => ({ kind: 'ignored', name: '', bits: width })
