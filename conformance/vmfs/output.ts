// What vmfs-tools and vmfs6-tools print, as values. They exit 0 with findings (gotcha 3), so that what they say is what counts.

/** The five counters at the end of fsck.vmfs; all 0 on a sound volume. */
export const FSCK_COUNTERS = [
  'Unallocated blocks',
  'Lost blocks',
  'Undefined inodes',
  'Orphaned inodes',
  'Directory errors',
] as const
export type FsckCounter = (typeof FSCK_COUNTERS)[number]

export interface HeartbeatShown {
  /** The slot's offset in the volume, as it is stored there. */
  readonly position: number
  readonly sequence: bigint
  readonly uptimeUs: bigint
  readonly uuid: string
}

export interface Listed {
  /** As ls prints it: drwxr-xr-x. */
  readonly mode: string
  readonly links: number
  readonly size: number
  readonly name: string
}

/** A tool did not get to its end, or says it in other words. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** vmfs6-tools print it before everything else, also before what `cat` gives (gotcha 7). */
export const BANNER6 = 'VMFS version: 6\n'

export const withoutBanner = (output: string): string => output.replace(/^VMFS version: \d+\n/, '')

/** @throws OutputError when the output ends without one of them */
export function fsckCounters(output: string): Record<FsckCounter, number> {
  return Object.fromEntries(
    FSCK_COUNTERS.map((counter) => [counter, numberAfter(output, new RegExp(`^${counter} *: (\\d+)$`, 'm'), counter)]),
  ) as Record<FsckCounter, number>
}

/** Of `check_vol_bitmaps`. */
export const bitmapErrors = (output: string): number => numberAfter(output, /^Total errors: (\d+)$/m, 'Total errors')

/** Of `show`: names and values, right-aligned names before a colon. */
export function shown(output: string): ReadonlyMap<string, string> {
  const lines = [...withoutBanner(output).matchAll(/^ *([^\s:][^:\n]*): ?(.*)$/gm)]
  return new Map(lines.map(([, name, value]) => [name as string, value as string]))
}

/** Of `show_heartbeats`: a paragraph for each slot that a host has. */
export function heartbeats(output: string): HeartbeatShown[] {
  const paragraph =
    /^Heartbeat ID (0x[\da-f]+):\n +- Magic +: 0xabcdef02\n +- Sequence : (0x[\da-f]+)\n +- Uptime +: (0x[\da-f]+)\n +- UUID +: (\S+)$/gm
  return [...output.matchAll(paragraph)].map(([, position, sequence, uptime, uuid]) => ({
    position: Number(position),
    sequence: BigInt(sequence as string),
    uptimeUs: BigInt(uptime as string),
    uuid: uuid as string,
  }))
}

/** Of `ls -l`, whose times and owners nothing is compared with. */
export function listing(output: string): Listed[] {
  const line = /^([-bcdlps][-rwxsStT]{9}) +(\d+) +\S+ +\S+ +(\d+) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)$/gm
  return [...output.matchAll(line)].map(([, mode, links, size, name]) => ({
    mode: mode as string,
    links: Number(links),
    size: Number(size),
    name: Buffer.from(name as string, 'latin1').toString(), // outputs are read byte by byte
  }))
}

/** Of `show inode["/path"].blocks` and `get_file_block`: addresses of blocks, a hole is 0. Those of VMFS6 come filled up with spaces. */
export const blockAddresses = (output: string): bigint[] =>
  [...withoutBanner(output).matchAll(/0x *([\da-f]+)/g)].map(([, digits]) => BigInt(`0x${digits}`))

/** Of `df`. */
export const allocatedBlocks = (output: string): number =>
  numberAfter(output, /^Allocated blocks : (\d+)$/m, 'Allocated blocks')

function numberAfter(output: string, pattern: RegExp, what: string): number {
  const digits = pattern.exec(output)?.[1]
  if (digits === undefined) throw new OutputError(`a line of "${what}" should come, but found:\n${output.slice(-1000)}`)
  return Number(digits)
}
