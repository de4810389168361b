// Sizes as people write them: "10GiB", "64 MiB", "512" (bytes), or a number of bytes. Binary units only: a disk's size is
// a number of blocks, and "GB" would leave open which thousand was meant.

const UNITS = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const
type Unit = keyof typeof UNITS

const PATTERN = /^(\d{1,16}(?:\.\d{1,16})?) ?(KiB|MiB|GiB|TiB|)$/

/** What a size may be, for messages. */
export const SIZE_FORMS = 'a number of bytes, or a number with KiB, MiB, GiB or TiB'

/** Bytes; undefined for anything that is not a whole number of them in [0, 2^53). */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return whole(value)
  if (typeof value !== 'string') return undefined
  const [, digits, unit] = PATTERN.exec(value) ?? []
  return digits === undefined ? undefined : whole(Number(digits) * UNITS[unit as Unit])
}

/** The shortest exact form in the largest unit that needs no more than eighths: parseSize gives the same number back. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const value = bytes / UNITS[unit]
    if (value >= 1 && Number.isInteger(8 * value)) return `${value}${unit}`
  }
  return String(bytes)
}

function whole(value: number): number | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
