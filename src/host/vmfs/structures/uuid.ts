// A VMFS UUID (notes, head): u32 seconds since 1970, u32, u16 and the six bytes of a MAC address; the three numbers are
// written in text as numbers, so the binary form is not the text's bytes in order.

import { VmfsError } from '../errors.ts'
import type { Field } from './structure.ts'

export const UUID_BYTES = 16
export const NIL_UUID = '00000000-00000000-0000-000000000000'

const TEXT = /^([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{12})$/

export function decodeUuid(source: Buffer, at = 0): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  const mac = source.toString('hex', at + 10, at + UUID_BYTES)
  const numbers = [
    hex(source.readUInt32LE(at), 8),
    hex(source.readUInt32LE(at + 4), 8),
    hex(source.readUInt16LE(at + 8), 4),
  ]
  return [...numbers, mac].join('-')
}

/** @throws VmfsError 'bad name' for a text that is no UUID */
export function encodeUuid(text: string, target: Buffer = Buffer.alloc(UUID_BYTES), at = 0): Buffer {
  const [, seconds, high, random, mac] = TEXT.exec(text.toLowerCase()) ?? []
  if (!seconds || !high || !random || !mac)
    throw new VmfsError('bad name', `"${text}" is no VMFS UUID: write it as ${NIL_UUID.replaceAll('0', 'x')}`)
  target.writeUInt32LE(Number.parseInt(seconds, 16), at)
  target.writeUInt32LE(Number.parseInt(high, 16), at + 4)
  target.writeUInt16LE(Number.parseInt(random, 16), at + 8)
  target.write(mac, at + 10, 'hex')
  return target
}

/** A new UUID of `seconds` since 1970 and twelve random bytes; the last six become a locally administered address. */
export function makeUuid(seconds: number, random: Buffer): string {
  const raw = Buffer.alloc(UUID_BYTES)
  raw.writeUInt32LE(seconds % 2 ** 32, 0)
  random.copy(raw, 4, 0, 12)
  raw[10] = ((raw[10] ?? 0) & 0xfc) | 0x02
  return decodeUuid(raw)
}

/** A field of a structure that holds a UUID, read as its text. */
export const uuid = (offset: number): Field<string> => ({
  offset,
  bytes: UUID_BYTES,
  read: decodeUuid,
  write: (target, at, value) => void encodeUuid(value, target, at),
})
