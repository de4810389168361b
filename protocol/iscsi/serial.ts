// Serial number arithmetic of 32 bits (RFC 1982), as CmdSN, StatSN and their windows use it (RFC 7143 4.2.2).
// Serial numbers wrap: 0 follows FFFFFFFFh, and one is less than another when it stands less than 2^31 before it.

const HALF = 0x8000_0000

/** The serial number after `sn`. */
export const next = (sn: number): number => (sn + 1) >>> 0

/** How many steps lead forward from `from` to `to`: 0 to 2^32 - 1. */
export const distance = (from: number, to: number): number => (to - from) >>> 0

/** RFC 1982 3.2. Two numbers that stand exactly 2^31 apart have no order: neither is less than the other. */
export function lessThan(a: number, b: number): boolean {
  const steps = distance(a, b)
  return steps !== 0 && steps < HALF
}

/**
 * Whether `sn` lies in the window from `expected` to `max`, both included (RFC 7143 4.2.2.1). The window is closed when
 * `max` is `expected` - 1, and a `max` before that opens none.
 */
export function inWindow(sn: number, expected: number, max: number): boolean {
  const size = distance(expected, (max + 1) >>> 0)
  return size <= HALF && distance(expected, sn) < size
}
