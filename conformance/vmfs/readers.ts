// A volume of the vmfs-tools suite, and the programs that read one: vmfs-tools, vmfs6-tools and Lunette's own.

import { join } from 'node:path'
import { repositoryRoot } from '../root.ts'
import type { DataSet, VmfsVersion } from './data-set.ts'
import type { LocalTree } from './local-tree.ts'
import { BANNER6 } from './output.ts'

/** `banner`: the bytes that a tool prints before everything else, for each extent. */
export const READERS = {
  5: { debug: 'debugvmfs', fuse: 'vmfs-fuse', banner: 0 },
  6: { debug: 'debugvmfs6', fuse: 'vmfs6-fuse', banner: BANNER6.length },
} as const

export interface Volume {
  readonly version: VmfsVersion
  /** One for each extent, the first one first. */
  readonly images: readonly string[]
  readonly set: DataSet
  /** The same files on this machine. */
  readonly tree: LocalTree
}

export const lunetteVmfs = (...words: readonly string[]): readonly string[] => [
  ...[process.execPath, join(repositoryRoot(), 'dist/src/cli/main.js'), 'vmfs'],
  ...words,
]

export const extents = ([, ...more]: readonly string[]): readonly string[] =>
  more.flatMap((image) => ['--extent', image])
