// What can be wrong with files and directories: descriptors, entries, and the structures of a VMFS6 directory.

import type { FindingName } from '../../../../src/host/vmfs/check/report.ts'
import { encodeFdAddress, SYSTEM_FD } from '../../../../src/host/vmfs/structures/address.ts'
import { FILE_TYPE } from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { MIB } from '../writing-volumes.ts'
import { address, type Plant } from './plant.ts'
import type { Planted } from './planted-volume.ts'
import { flip, lastFree } from './volume-plants.ts'

/** One field of a file's descriptor. */
const meta = (
  name: FindingName,
  what: string,
  path: string,
  values: Parameters<Planted['setMeta']>[1],
  more: Partial<Plant> = {},
): Plant => ({
  ...{ name, what, ...more },
  async plant(planted) {
    const file = await planted.file(path)
    planted.setMeta(file, values)
    return { address: address(file.address), volumeOffset: file.offset }
  },
})

/** Of descriptors: no file of the volume has one of it. */
const FREE_CLUSTER = 20

const DESCRIPTORS: readonly Plant[] = [
  meta('own address', 'that of another', '/dir/a', { address: encodeFdAddress(1, 1) }),
  meta('link count', 'of a file', '/dir/a', { links: 2 }),
  meta('link count', 'of a file: none', '/dir/a', { links: 0 }),
  meta('link count', 'of a directory', '/dir', { links: 7 }),
  meta('parent', 'another directory', '/dir/a', { parent: SYSTEM_FD.sdd }, { version: 6 }),
  meta('block size', 'against the addressing mode', '/blocks', { blockBytes: 8192 }),
  meta('block size', 'another shift', '/blocks', { blockShift: 12 }),
  meta('block count', 'one more', '/blocks', { blocks: 4 }),
  meta('pointer block count', 'none', '/pointers', { pointerBlocks: 0 }),
  meta(
    'addressing mode',
    'one that there is not',
    '/sub-block',
    { zla: 77 },
    {
      also: ['leak'],
      left: ['addressing mode'],
    },
  ),
  meta('file length', 'shorter than its blocks', '/blocks', { length: MIB }, { left: ['file length'] }),
  {
    ...{ name: 'orphan', what: 'allocated, and nothing there' },
    async plant(planted) {
      const { resource } = await flip(planted, planted.volume.files.fdc, FREE_CLUSTER, lastFree, 'take')
      return { address: address(encodeFdAddress(FREE_CLUSTER, resource)) }
    },
  },
  {
    ...{ name: 'freed descriptor', what: 'with a link' },
    async plant(planted) {
      const { files } = planted.volume
      const { state } = await files.fdc.readCluster(FREE_CLUSTER)
      const free = lastFree(state)
      const place = await files.fdc.resourceOffset(FREE_CLUSTER, free)
      const like = await planted.file('/empty')
      const fd = encodeFdAddress(FREE_CLUSTER, free)
      planted.edit(place, like.image.length, (image) => void like.image.copy(image))
      planted.setMeta({ ...like, offset: place }, { address: fd })
      planted.setLock(place, { offset: place })
      return { address: address(fd), volumeOffset: place }
    },
  },
]

/** Bytes of the entry of a name, at its own offset. */
const entry = (
  name: FindingName,
  what: string,
  [directory, of]: readonly [string, string],
  change: (image: Buffer, planted: Planted) => void,
  more: Partial<Plant> = {},
): Plant => ({
  ...{ name, what, ...more },
  async plant(planted) {
    const file = await planted.file(directory)
    const { volumeOffset } = await planted.entry(file, of)
    planted.edit(volumeOffset, 140, (image) => change(image, planted))
    return { address: address(file.address), volumeOffset: file.offset }
  },
})

const AT = { type: 0, address: 4, generation: 8, hash6: 12, offset6: 16, name5: 12, name6: 24 } as const
const nameAt = ({ volume }: Planted): number => (volume.version.version === 5 ? AT.name5 : AT.name6)

const DIRECTORIES: readonly Plant[] = [
  entry('dot entry', 'another directory', ['/dir', '.'], (image) => image.writeUInt32LE(SYSTEM_FD.root, AT.address)),
  entry('dot-dot entry', 'another directory', ['/dir/sub', '..'], (image) =>
    image.writeUInt32LE(SYSTEM_FD.root, AT.address),
  ),
  entry(
    'dangling entry',
    'no descriptor there',
    ['/many', '7'],
    (image) => image.writeUInt32LE(0x3fc00004 | (60 << 6), AT.address),
    {
      also: ['orphan'],
    },
  ),
  entry(
    'dangling entry',
    'a file that has another name',
    ['/many', '8'],
    (image) => {
      image.writeUInt32LE(SYSTEM_FD.vh, AT.address)
      image.writeUInt32LE(77, AT.generation)
    },
    { also: ['orphan'] },
  ),
  entry('entry type', 'a file as a directory', ['/dir', 'a'], (image) =>
    image.writeUInt32LE(FILE_TYPE.directory, AT.type),
  ),
  entry('entry generation', 'an older one', ['/dir', 'a'], (image) => image.writeUInt32LE(99, AT.generation)),
  entry('entry name', 'with a slash', ['/dir', 'a'], (image, planted) => void image.write('x/y\0', nameAt(planted)), {
    version: 5,
  }),
  entry('entry name', 'of two entries', ['/many', '3'], (image, planted) => void image.write('4\0', nameAt(planted)), {
    version: 5,
  }),
  entry('entry name', 'with a slash', ['/dir', 'a'], (image, planted) => void image.write('x/y\0', nameAt(planted)), {
    version: 6,
    also: ['entry hash', 'hash table'],
  }),
  entry('entry hash', 'another', ['/dir', 'a'], (image) => image.writeUInt32LE(1, AT.hash6), { version: 6 }),
  entry('entry offset', 'that of another', ['/dir', 'a'], (image) => image.writeBigUInt64LE(0x11000n, AT.offset6), {
    version: 6,
  }),
  {
    ...{ name: 'directory twice', what: 'a second name of a directory', also: ['orphan'] },
    async plant(planted) {
      const many = await planted.file('/many')
      const { volumeOffset } = await planted.entry(many, '9')
      const { address: sub, meta } = await planted.file('/dir/sub')
      planted.edit(volumeOffset, 12, (image) => {
        image.writeUInt32LE(FILE_TYPE.directory, AT.type)
        image.writeUInt32LE(sub, AT.address)
        image.writeUInt32LE(meta.generation, AT.generation)
      })
      return {}
    },
  },
  {
    ...{ name: 'directory unreadable', what: 'with a hole' },
    also: ['orphan', 'orphan', 'orphan', 'leak', 'block count', 'link count'],
    left: ['directory unreadable', 'orphan', 'orphan', 'orphan', 'leak'],
    async plant(planted) {
      const file = await planted.file('/dir')
      planted.setAddress(planted.addressPlace(file, 0).volumeOffset, 0n)
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'directory block', what: 'an empty entry between others', version: 5, also: ['orphan'] },
    async plant(planted) {
      const file = await planted.file('/dir')
      const { volumeOffset } = await planted.entry(file, 'a')
      planted.edit(volumeOffset, 140, (image) => image.fill(0))
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'directory block', what: 'bytes behind the last entry', version: 5 },
    async plant(planted) {
      const file = await planted.file('/dir')
      planted.setMeta(file, { length: file.meta.length + 9 })
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
]

/** Bytes of a VMFS6 directory, by their place in its file. */
const inDirectory = (
  name: FindingName,
  what: string,
  path: string,
  at: number,
  change: (image: Buffer) => void,
  more: Partial<Plant> = {},
): Plant => ({
  ...{ name, what, version: 6, ...more },
  async plant(planted) {
    const file = await planted.file(path)
    planted.edit(await planted.placeIn(file, at), 64, change)
    return { address: address(file.address), volumeOffset: file.offset }
  },
})

const BLOCK_1 = 0x10000 + 4096
const HASH_TABLE = 0x5f8

const DIRECTORIES6: readonly Plant[] = [
  inDirectory('entry count', 'one more', '/dir', 4, (image) => image.writeUInt32LE(image.readUInt32LE() + 1)),
  inDirectory('directory map', 'a block of entries as one of links', '/dir', 0x10000 + 64, (image) =>
    image.writeUInt8(0x36),
  ),
  inDirectory('directory map', 'nothing but zeros', '/dir', 0x10000, (image) => image.fill(0, 0, 8)),
  inDirectory('directory block', 'another count of free slots', '/dir', BLOCK_1, (image) => image.writeUInt16LE(3, 6)),
  inDirectory('directory block', 'an entry whose slot is free', '/dir', BLOCK_1, (image) =>
    image.writeUInt8(image.readUInt8(8) | 1, 8),
  ),
  inDirectory('hash table', 'a slot that leads nowhere', '/dir/sub', HASH_TABLE + 40, (image) =>
    image.writeUInt32LE(5),
  ),
  {
    ...{ name: 'hash table', what: 'a name that it does not lead to', version: 6 },
    async plant(planted) {
      const file = await planted.file('/dir')
      const table = await planted.volume.openDirectory(file).read(HASH_TABLE, 4 * 16001)
      let slot = 0
      while (table.readUInt32LE(slot * 4) === 0) slot++
      planted.edit(await planted.placeIn(file, HASH_TABLE + slot * 4), 4, (image) => image.fill(0))
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'link group', what: 'of another slot', version: 6, also: ['hash table', 'hash table', 'link group'] },
    async plant(planted) {
      const file = await planted.file('/many')
      const block = await firstBlock(planted, '/many', 2)
      planted.edit(await planted.placeIn(file, 0x10000 + block * 4096 + 64), 2, (image) => image.writeUInt16LE(16000))
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
]

/** The number of the first block of a type in a VMFS6 directory. */
async function firstBlock(planted: Planted, path: string, type: number): Promise<number> {
  const directory = planted.volume.openDirectory(await planted.file(path))
  for (let block = 1; 0x10000 + block * 4096 < directory.length; block++)
    if ((await directory.read(0x10000 + block * 4096, 64)).readUInt16LE(2) === type) return block
  throw new Error(`${path} has no block of type ${type}`)
}

export const FILE_PLANTS: readonly Plant[] = [...DESCRIPTORS, ...DIRECTORIES, ...DIRECTORIES6]
