// What the volumes of the vmfs-tools suite hold: vmfs-format.md section 14 for each version, and 10,000 files in a tree. Every
// content follows from the seed and the path, so that two volumes filled from one seed hold the same.

import { Random } from '../crash/random.ts'

export type VmfsVersion = 5 | 6

export interface DataFile {
  /** Absolute, on the volume. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** What is not a hole, [offset, length) in bytes; everything where it is absent. */
  readonly data?: readonly (readonly [offset: number, length: number])[]
}

interface DataLink {
  readonly path: string
  readonly target: string
}

export interface DataSet {
  /** Each after its parent. */
  readonly directories: readonly string[]
  readonly files: readonly DataFile[]
  readonly links: readonly DataLink[]
}

const KIB = 1024
const MIB = 1024 * KIB
const TREE_DIRECTORIES = 100
const TREE_FILES = 10_000

/** The longest name of VMFS-5, which counts bytes (section 10). */
const LONG_NAME = 'n'.repeat(127)
const UTF8_NAME = 'Überprüfung – проверка – 検査.bin'

interface Particulars {
  /** At each boundary of resident data, sub-block and file block, the last byte inside and the first outside. */
  readonly sizes: readonly number[]
  /** Blocks up to the last address of a descriptor, and past it through pointer blocks. */
  readonly direct: number
  readonly indirect: number
  readonly sparse: DataFile
  readonly manyEntries: number
}

const PARTICULARS: Readonly<Record<VmfsVersion, Particulars>> = {
  5: {
    sizes: [0, 11, 1024, 1025, 8192, 8193, 5 * MIB + 12_345],
    direct: 256 * MIB,
    indirect: 300 * MIB + 777,
    sparse: {
      path: '/sparse-1100m.bin',
      size: 1100 * MIB,
      data: [
        [0, 5000],
        [3 * MIB + 4096, 100],
        [1025 * MIB + 77, 2 * MIB],
        [1099 * MIB, MIB],
      ],
    },
    manyEntries: 3000,
  },
  6: {
    sizes: [0, 12, 3584, 3585, 65_536, 65_537, 5 * MIB + 12_345],
    direct: 320 * MIB,
    indirect: 400 * MIB + 777,
    sparse: {
      path: '/sparse-600m.bin',
      size: 600 * MIB,
      data: [
        [0, 5000],
        [3 * MIB + 4096, 100],
        [511 * MIB + 77, 2 * MIB],
        [599 * MIB, MIB],
      ],
    },
    manyEntries: 2500,
  },
}

/** Section 14 for a version, and the tree. */
export function dataSet(version: VmfsVersion): DataSet {
  const { sizes, direct, indirect, sparse, manyEntries } = PARTICULARS[version]
  return {
    directories: ['/one', '/one/two', '/one/two/three', '/hundreds', '/thousands', ...treeDirectories()],
    files: [
      ...sizes.map((size) => ({ path: `/size-${size}.bin`, size })),
      { path: '/direct.bin', size: direct },
      { path: '/indirect.bin', size: indirect },
      sparse,
      { path: '/holes-20m.bin', size: 20 * MIB, data: [4, 5, 13].map((mib) => [mib * MIB, MIB] as const) },
      { path: '/all-hole.bin', size: 3 * MIB + 5, data: [] },
      { path: '/one/two/three/deep.bin', size: 4321 },
      { path: `/one/${LONG_NAME}`, size: 33 },
      { path: `/one/${UTF8_NAME}`, size: 2 * MIB + 1 },
      ...entries('/hundreds', 298),
      ...entries('/thousands', manyEntries),
      ...treeFiles(),
    ],
    links: [
      { path: '/one/relative', target: 'two/three/deep.bin' },
      { path: '/one/absolute', target: '/size-11.bin' },
      { path: '/one/two/up', target: '../../one' },
      { path: '/one/long', target: `two/../${LONG_NAME}` },
    ],
  }
}

/** A few small files of each kind, for volumes whose data is not what is looked at. */
export function smallDataSet(version: VmfsVersion): DataSet {
  const { sizes } = PARTICULARS[version]
  return {
    directories: ['/one', '/one/two'],
    files: [
      ...sizes.map((size) => ({ path: `/size-${size}.bin`, size })),
      { path: '/one/two/deep.bin', size: 4321 },
      ...entries('/one', 70),
    ],
    links: [{ path: '/one/relative', target: 'two/deep.bin' }],
  }
}

/** Most of them empty: the directory is what is tested. */
const entries = (directory: string, count: number): DataFile[] =>
  Array.from({ length: count }, (_, i) => ({ path: `${directory}/entry-${i}`, size: i % 10 === 3 ? i : 0 }))

const treeDirectory = (i: number) => (i < 10 ? `/tree/${i}` : `/tree/${i % 10}/${Math.floor(i / 10)}`)
const treeDirectories = () => ['/tree', ...Array.from({ length: TREE_DIRECTORIES }, (_, i) => treeDirectory(i))]

/** Mostly small, as the files of a tree are: some reach into the next kind of block. */
function treeFiles(): DataFile[] {
  const random = new Random(TREE_FILES)
  return Array.from({ length: TREE_FILES }, (_, i) => {
    const limit = i % 500 === 0 ? 70 * KIB : i % 8 === 0 ? 8 * KIB : 2 * KIB
    return { path: `${treeDirectory(i % TREE_DIRECTORIES)}/file-${i}.txt`, size: random.below(limit) }
  })
}
