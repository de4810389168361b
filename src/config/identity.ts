// The names that a logical unit keeps for its life: the NAA designator (SPC-4 7.8.6.6.5) and the unit serial number.
// NAA 6h is one nibble 6, 24 bits of company id, 36 and 64 bits of the vendor's.

import { createHash, randomBytes } from 'node:crypto'

export interface Identity {
  /** Hex digits, lower case: 32 for NAA 6h, 16 for the shorter forms. */
  readonly naa: string
  /** Printable ASCII. */
  readonly serial: string
}

/**
 * Lunette owns no IEEE company id. This one is in the space that nobody can own: the locally administered bit is set, in the
 * quadrant that IEEE 802c leaves to the local administrator (low nibble 2), so no assigned id is equal to it; 4C 55 is "LU".
 */
const COMPANY_ID = '024c55'

/** 100 random bits of NAA, 64 of serial number: drawn once, kept in the array's state. */
export function randomIdentity(): Identity {
  return identityFrom(randomBytes(21))
}

/**
 * For a LUN that does not outlive its array: the same target name and LUN give the same names in each run, with nothing
 * kept on disk.
 */
export function derivedIdentity(iqn: string, lun: number): Identity {
  return identityFrom(createHash('sha256').update(`lunette\0${iqn}\0${lun}`).digest())
}

function identityFrom(bytes: Buffer): Identity {
  const digits = bytes.toString('hex')
  return { naa: `6${COMPANY_ID}${digits.slice(0, 25)}`, serial: digits.slice(26, 42) }
}
