// What every wire test does with a structure: decode, encode, mirror, cut at every length, feed with noise.

import fc from 'fast-check'
import { expect } from 'vitest'
import { WireError } from '../../../protocol/wire/error.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'

/** Hex with spaces where they help the eye. */
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

export interface Codec<T> {
  encode(value: T): Buffer
  decode(source: Buffer): T
}

/** The fixture reads as the value, the value writes as the fixture. Cut below `whole` bytes it is refused, by a WireError. */
export function bothWays<T>(codec: Codec<T>, wire: Buffer, value: T, whole = wire.length): void {
  expect(codec.decode(wire)).toEqual(value)
  expect(codec.encode(value).toString('hex')).toBe(wire.toString('hex'))
  expect(codec.encode(codec.decode(wire))).toEqual(wire)
  for (let length = 0; length < wire.length; length++) {
    const cut = wire.subarray(0, length)
    if (length < whole) expect(() => codec.decode(cut), `${length} bytes`).toThrow(WireError)
    else expect(() => codec.decode(cut), `${length} bytes`).not.toThrow()
  }
}

/** No input makes the decoder throw anything but a WireError; mutations of a fixture reach further than noise alone. */
export function onlyWireErrors(decode: (source: Buffer) => unknown, fixture: Buffer): void {
  const noise = fc.uint8Array({ maxLength: 2 * fixture.length + 8 }).map((bytes) => Buffer.from(bytes))
  const edit = fc.tuple(fc.nat(Math.max(0, fixture.length - 1)), fc.nat(255))
  const mutant = fc.tuple(fc.array(edit, { maxLength: 4 }), fc.nat(fixture.length)).map(([edits, length]) => {
    const copy = Buffer.from(fixture)
    for (const [at, value] of edits) copy[at] = value
    return copy.subarray(0, copy.length - (length % 7))
  })
  fc.assert(
    fc.property(fc.oneof(noise, mutant), (source) => {
      try {
        decode(source)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }),
  )
}

/** What is encoded decodes to the same. */
export function identity<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      expect(codec.decode(codec.encode(value))).toEqual(value)
    }),
  )
}

/** Values for all named fields of a layout. */
export function valuesOf<L extends Layout>(layout: L): fc.Arbitrary<ReturnType<L['decode']>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {}
  for (const field of layout.fields) {
    const length = field.bits >> 3
    if (field.kind === 'uint') fields[field.name] = fc.bigInt(0n, (1n << BigInt(field.bits)) - 1n).map(Number)
    else if (field.kind === 'bigint') fields[field.name] = fc.bigInt(0n, (1n << 64n) - 1n)
    else if (field.kind === 'flag') fields[field.name] = fc.boolean()
    else if (field.kind === 'bytes') fields[field.name] = bytesOf(length, length)
    else if (field.kind === 'text') fields[field.name] = fc.stringMatching(new RegExp(`^[A-Z0-9.]{0,${length}}$`))
  }
  return fc.record(fields) as fc.Arbitrary<ReturnType<L['decode']>>
}

export const bytesOf = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes))
