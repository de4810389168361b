// Text of login and text PDUs (RFC 7143 6.1): key=value pairs, each ended by a zero byte, in UTF-8. The text may have
// come in several PDUs (C bit); what is parsed here is the whole of it.

import { WireError } from '../wire/error.ts'

export interface TextPair {
  readonly key: string
  readonly value: string
}

/** A standard-label of at most 63 characters; "#" for public extensions, small letters for iSCSIProtocolLevel. */
const KEY = /^[A-Za-z][A-Za-z0-9.\-+@_#]{0,62}$/
const MAX_KEY_BYTES = 63
/** What every side must be able to receive in one negotiation (RFC 7143 6.1); a single value cannot be longer. */
const MAX_VALUE_BYTES = 8192
const EQUALS = 0x3d

/** Splits text into its pairs, in their order. Zero bytes after the last pair are ignored: some senders count padding. */
export function parseText(bytes: Buffer): TextPair[] {
  const pairs: TextPair[] = []
  const length = lengthWithoutPadding(bytes)
  for (let offset = 0; offset < length; ) {
    const end = bytes.indexOf(0, offset)
    if (end < 0) throw new WireError('text', 'delimiter', bytes.length, 'truncated', 'no zero byte after the last pair')
    pairs.push(parsePair(bytes, offset, end))
    offset = end + 1
  }
  return pairs
}

/** The length up to the delimiter of the last pair. */
function lengthWithoutPadding(bytes: Buffer): number {
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  return length === 0 ? 0 : Math.min(length + 1, bytes.length)
}

function parsePair(bytes: Buffer, start: number, end: number): TextPair {
  const equals = bytes.subarray(start, end).indexOf(EQUALS)
  if (equals < 0) throw new WireError('text', 'key', start, 'bad value', 'no "="')
  if (equals > MAX_KEY_BYTES) throw new WireError('text', 'key', start, 'too large', `${equals} bytes`)
  const key = bytes.toString('latin1', start, start + equals)
  if (!KEY.test(key)) throw new WireError('text', 'key', start, 'bad value', JSON.stringify(key))
  const valueStart = start + equals + 1
  const valueBytes = end - valueStart
  if (valueBytes > MAX_VALUE_BYTES) throw new WireError('text', key, valueStart, 'too large', `${valueBytes} bytes`)
  return { key, value: decodeUtf8(bytes.subarray(valueStart, end), key, valueStart) }
}

function decodeUtf8(bytes: Buffer, key: string, offset: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new WireError('text', key, offset, 'bad value', 'not UTF-8')
  }
}

/** Writes pairs as text. Throws a RangeError for a pair that could not be read back. */
export function buildText(pairs: readonly TextPair[]): Buffer {
  for (const { key, value } of pairs) {
    if (!KEY.test(key)) throw new RangeError(`${JSON.stringify(key)} is no key name`)
    if (value.includes('\0') || Buffer.byteLength(value) > MAX_VALUE_BYTES)
      throw new RangeError(`${key}: a value of ${Buffer.byteLength(value)} bytes, or with a zero byte`)
  }
  return Buffer.from(pairs.map(({ key, value }) => `${key}=${value}\0`).join(''))
}

/** A decimal-constant without leading zeros or a hex-constant (RFC 7143 6.1); undefined for anything else. */
export function parseNumber(value: string): number | undefined {
  return /^(?:0|[1-9]\d*|0[xX][\da-fA-F]+)$/.test(value) ? Number(value) : undefined
}
