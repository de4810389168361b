// What CHAP needs of node:crypto, for the target and the initiator alike.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ChapAlgorithm, ChapCrypto } from '../protocol/iscsi/chap.ts'

const NAMES: Readonly<Record<ChapAlgorithm, string>> = {
  'SHA3-256': 'sha3-256',
  'SHA-256': 'sha256',
  'SHA-1': 'sha1',
  MD5: 'md5',
}

export const CHAP_CRYPTO: ChapCrypto = {
  hash(algorithm, parts) {
    const hash = createHash(NAMES[algorithm])
    for (const part of parts) hash.update(part)
    return hash.digest()
  },
  random: randomBytes,
  /** How long they are is no secret. */
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}
