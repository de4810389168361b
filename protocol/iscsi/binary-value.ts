// Binary values in text keys (RFC 7143 6.1): 0x and hexadecimal digits, or 0b and base64 (RFC 4648 4) with its padding. How
// long a value will be is known before anything is decoded, and judged first.

const HEX = /^0[xX](?:[\da-fA-F]{2})+$/
const BASE64 = /^0[bB](?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=|[A-Za-z\d+/]{4})$/
const PREFIX_LENGTH = 2

/** The bytes of a value; undefined when it is none, is empty, or would have more than `maxBytes`. */
export function decodeBinaryValue(value: string, maxBytes: number): Buffer | undefined {
  const encoding = encodingOf(value)
  if (encoding === undefined || decodedLength(value, encoding) > maxBytes) return undefined
  if (!(encoding === 'hex' ? HEX : BASE64).test(value)) return undefined
  const bytes = Buffer.from(value.slice(PREFIX_LENGTH), encoding)
  // Of several spellings of the same bytes only one is base64: the bits that pad it are zero (RFC 4648 3.5).
  return encoding === 'hex' || bytes.toString('base64') === value.slice(PREFIX_LENGTH) ? bytes : undefined
}

/** In hexadecimal, which every implementation reads. */
export const encodeBinaryValue = (bytes: Buffer): string => `0x${bytes.toString('hex')}`

function encodingOf(value: string): 'hex' | 'base64' | undefined {
  const prefix = value.slice(0, PREFIX_LENGTH).toLowerCase()
  return prefix === '0x' ? 'hex' : prefix === '0b' ? 'base64' : undefined
}

function decodedLength(value: string, encoding: 'hex' | 'base64'): number {
  const digits = value.length - PREFIX_LENGTH
  if (encoding === 'hex') return Math.ceil(digits / 2)
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0
  return Math.ceil(digits / 4) * 3 - padding
}
