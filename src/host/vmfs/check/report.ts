// What the checker says: findings, each by its name, with the address and the place in the volume that it is about, and what the
// repair of it would do or has done.

/** Every inconsistency that the checker knows. */
export const FINDINGS = [
  // LVM and the descriptor of the file system.
  'device header',
  'volume entry',
  'extent table',
  'extent bitmap',
  'descriptor',
  // Heartbeats, journals, locks.
  'heartbeat state',
  'heartbeat offset',
  'heartbeat of a dead host',
  'stranded host',
  'journal unreadable',
  'journal unapplied',
  'lock type',
  'lock offset',
  'lock mode',
  'lock owner',
  // Resource files.
  'resource file header',
  'resource file length',
  'cluster header',
  'cluster number',
  'cluster total',
  'cluster free count',
  'cluster hint',
  // Resources against what reaches them.
  'leak',
  'used but free',
  'used twice',
  'bad address',
  // Descriptors.
  'own address',
  'link count',
  'parent',
  'block size',
  'block count',
  'pointer block count',
  'addressing mode',
  'file length',
  'orphan',
  'freed descriptor',
  // Directories.
  'directory unreadable',
  'directory twice',
  'dot entry',
  'dot-dot entry',
  'dangling entry',
  'entry type',
  'entry generation',
  'entry name',
  'entry offset',
  'entry hash',
  'entry count',
  'directory map',
  'directory block',
  'hash table',
  'link group',
] as const
export type FindingName = (typeof FINDINGS)[number]

export interface Finding {
  readonly name: FindingName
  /** Of the resource or descriptor, as tools print it: 0x00000141. */
  readonly address?: string
  readonly volumeOffset?: number
  /** Of the file, where one leads to it. */
  readonly path?: string
  /** One sentence. */
  readonly message: string
  /** What repair does about it; without it nothing can be done. */
  readonly repair?: string
}

/** What was looked at. */
export interface Totals {
  readonly directories: number
  readonly files: number
  readonly symlinks: number
  readonly fileBlocks: { readonly used: number; readonly total: number }
  readonly subBlocks: { readonly used: number; readonly total: number }
  readonly pointerBlocks: { readonly used: number; readonly total: number }
  readonly fileDescriptors: { readonly used: number; readonly total: number }
}

/** One that has the volume open for writing. */
export interface Host {
  readonly uuid: string
  readonly ip: string
  /** Of its heartbeat slot, in the volume. */
  readonly slotOffset: number
  readonly generation: bigint
}

export interface Report {
  /** What is wrong with the volume as it is now. */
  readonly findings: readonly Finding[]
  /** Findings past those that a report has room for. */
  readonly more: number
  /** Locks that hosts have left that are buried: nothing is wrong with them, the first who wants one takes it, and repair frees them. */
  readonly locksOfTheDead: number
  /** What repair has mended. */
  readonly mended: readonly Finding[]
  readonly totals: Totals
  readonly hosts: readonly Host[]
}

/** The form in which addresses are said: that of their kind of number, 32 or 64 bits. */
export const formatAddress = (raw: bigint | number, bytes: 4 | 8 = 4): string =>
  `0x${raw.toString(16).padStart(bytes * 2, '0')}`
