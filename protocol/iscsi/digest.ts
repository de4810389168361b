// Padding and digests of a PDU (RFC 7143 11.1, 11.2.3, 13.1): CRC32C over header and AHS, and over data and padding.
// The digest stands on the wire with the byte that crc32c() has lowest first (RFC 3720 B.4 shows examples).

import { crc32c } from '@node-rs/crc32'

export const DIGEST_LENGTH = 4

/** `length` rounded up to whole words of 4 bytes (RFC 7143 11.1). */
export const paddedLength = (length: number): number => length + (-length & 3)

/** The digest of `bytes`, padding included, as it stands on the wire. */
export function digestOf(bytes: Uint8Array): Buffer {
  const digest = Buffer.alloc(DIGEST_LENGTH)
  digest.writeUInt32LE(crc32c(bytes))
  return digest
}
