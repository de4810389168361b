// One inconsistency each: how it is planted, and what the checker must say of it.

import type { FindingName } from '../../../../src/host/vmfs/check/report.ts'
import { formatAddress } from '../../../../src/host/vmfs/file-descriptors.ts'
import type { ResourceFile } from '../../../../src/host/vmfs/resource-files.ts'
import { encodeFdAddress, SYSTEM_FD } from '../../../../src/host/vmfs/structures/address.ts'
import { Cluster } from '../../../../src/host/vmfs/structures/cluster.ts'
import { FILE_TYPE } from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../../../../src/host/vmfs/structures/fs-descriptor.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { LOCK_MODE } from '../../../../src/host/vmfs/structures/lock.ts'
import { DEVICE_HEADER, LVM_HEADER_OFFSET, PE_ENTRY, VOLUME_ENTRY } from '../../../../src/host/vmfs/structures/lvm.ts'
import { RESOURCE_FILE_HEADER } from '../../../../src/host/vmfs/structures/resource-file.ts'
import { MIB } from '../writing-volumes.ts'
import type { Planted } from './planted-volume.ts'

/** What the finding must say; what is left out is not asked for. */
interface Told {
  readonly address?: string
  readonly volumeOffset?: number
}

export interface Plant {
  readonly name: FindingName
  readonly what: string
  /** Both without it. */
  readonly version?: 5 | 6
  /** Findings that must come with it: consequences. */
  readonly also?: readonly FindingName[]
  /** What repair leaves behind; nothing without it. */
  readonly left?: readonly FindingName[]
  plant(volume: Planted): Promise<Told>
}

const HOST = '5f6a1b2c-0000ffff-0001-02005e000099'
const address = (fd: number): string => formatAddress(fd)

const LVM: readonly Plant[] = [
  {
    ...{ name: 'device header', what: 'more bytes than the device has', left: ['device header'] },
    async plant(planted) {
      const { totalBytes } = DEVICE_HEADER.decode(planted.device.peek(LVM_HEADER_OFFSET, 512))
      planted.editDevice(LVM_HEADER_OFFSET, 512, (image) =>
        DEVICE_HEADER.encode({ totalBytes: totalBytes + MIB }, image),
      )
      return {}
    },
  },
  {
    ...{ name: 'volume entry', what: 'a state that is not normal', left: ['volume entry'] },
    async plant(planted) {
      const at = planted.volume.version.lvmTables.volumeEntry
      planted.editDevice(at, 512, (image) => VOLUME_ENTRY.encode({ state: 7 }, image))
      return {}
    },
  },
  {
    ...{ name: 'extent table', what: 'an entry for another part of the volume', left: ['extent table'] },
    async plant(planted) {
      const at = planted.volume.version.lvmTables.peEntries
      planted.editDevice(at, PE_ENTRY.size, (image) => PE_ENTRY.encode({ volumeOffset: 512 * MIB }, image))
      return {}
    },
  },
  {
    ...{ name: 'extent bitmap', what: 'an extent of the volume that is free', left: ['extent bitmap'] },
    async plant(planted) {
      planted.editDevice(planted.volume.version.lvmTables.peBitmap, 1, (image) =>
        image.writeUInt8(0xfe & image.readUInt8()),
      )
      return {}
    },
  },
  {
    ...{ name: 'descriptor', what: 'another place of .pb2.sf' },
    async plant(planted) {
      planted.edit(FS_DESCRIPTOR_OFFSET, 512, (image) => FS_DESCRIPTOR.encode({ pb2Offset: 5 * MIB }, image))
      return { volumeOffset: FS_DESCRIPTOR_OFFSET }
    },
  },
]

const HOSTS: readonly Plant[] = [
  {
    ...{ name: 'heartbeat state', what: 'neither free nor used' },
    async plant(planted) {
      const volumeOffset = HEARTBEAT_OFFSET + 7 * planted.volume.version.heartbeats.slotBytes
      planted.edit(volumeOffset, 512, (image) => HEARTBEAT.encode({ state: 0x1234 }, image))
      return { volumeOffset }
    },
  },
  {
    ...{ name: 'heartbeat state', what: 'used by nobody' },
    async plant(planted) {
      planted.edit(HEARTBEAT_OFFSET, 512, (image) => HEARTBEAT.encode({ state: HEARTBEAT_STATE.used }, image))
      return { volumeOffset: HEARTBEAT_OFFSET }
    },
  },
  {
    ...{ name: 'heartbeat offset', what: 'that of another slot' },
    async plant(planted) {
      planted.edit(HEARTBEAT_OFFSET, 512, (image) => HEARTBEAT.encode({ offset: 5 * MIB }, image))
      return { volumeOffset: HEARTBEAT_OFFSET }
    },
  },
  {
    ...{ name: 'lock type', what: 'of a descriptor: that of a cluster' },
    async plant(planted) {
      const file = await planted.file('/dir/a')
      planted.setLock(file.offset, { type: 0x10c00002 })
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'lock type', what: 'of a cluster: that of a descriptor' },
    async plant(planted) {
      const volumeOffset = await planted.volume.files.sbc.headerOffset(1)
      planted.setLock(volumeOffset, { type: 0x10c00001 })
      return { volumeOffset }
    },
  },
  {
    ...{ name: 'lock offset', what: 'of a descriptor' },
    async plant(planted) {
      const file = await planted.file('/blocks')
      planted.setLock(file.offset, { offset: file.offset + 512 })
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'lock mode', what: 'one that there is not' },
    async plant(planted) {
      const file = await planted.file('/blocks')
      planted.setLock(file.offset, { mode: 9 })
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'lock owner', what: 'a host without a heartbeat' },
    async plant(planted) {
      const file = await planted.file('/blocks')
      const heartbeat = { heartbeatOffset: HEARTBEAT_OFFSET, heartbeatGeneration: 1n }
      planted.setLock(file.offset, { mode: LOCK_MODE.exclusive, owner: HOST, ...heartbeat })
      return { address: address(file.address), volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'lock owner', what: 'all holders of a shared lock of a cluster are gone' },
    async plant(planted) {
      const volumeOffset = await planted.volume.files.fdc.headerOffset(1)
      const holder = { heartbeatOffset: HEARTBEAT_OFFSET, heartbeatGeneration: 1n, host: HOST }
      planted.setLock(volumeOffset, { mode: LOCK_MODE.multiWriter, holders: [holder] })
      return { volumeOffset }
    },
  },
]

/** The state of a cluster with one number changed. */
const wrongState =
  (field: 'number' | 'free' | 'total' | 'hint', wrong: (value: number) => number): Plant['plant'] =>
  async (planted) => {
    const at = planted.volume.version.clusters.state[field]
    const { sbc } = planted.volume.files
    const volumeOffset = await planted.editState(sbc, 0, (image) =>
      at.write(image, at.offset, wrong(at.read(image, at.offset))),
    )
    return { volumeOffset }
  }

const RESOURCE_FILES: readonly Plant[] = [
  {
    ...{ name: 'resource file header', what: 'another number of groups' },
    async plant(planted) {
      const volumeOffset = await planted.volume.files.sbc.offsetOf(0, 512)
      planted.edit(volumeOffset, 512, (image) => RESOURCE_FILE_HEADER.encode({ groups: 77 }, image))
      return { volumeOffset }
    },
  },
  {
    ...{ name: 'resource file length', what: 'longer than its resources', left: ['resource file length'] },
    async plant(planted) {
      const { file } = planted.volume.files.pb2
      planted.setMeta(file, { length: file.meta.length + 3 * MIB })
      return { volumeOffset: file.offset }
    },
  },
  {
    ...{ name: 'cluster header', what: 'none at all' },
    async plant(planted) {
      const { headerBytes } = planted.volume.version.clusters
      const volumeOffset = await planted.volume.files.sbc.headerOffset(1)
      planted.edit(volumeOffset, headerBytes, (image) => image.fill(0xee))
      return { volumeOffset }
    },
  },
  {
    ...{
      name: 'cluster header',
      what: 'that of the journals is none: no volume can be opened for writing',
      version: 6,
    },
    async plant(planted) {
      const volumeOffset = await planted.volume.files.jbc!.headerOffset(0)
      planted.edit(volumeOffset + 4096, 4096, (image) => image.fill(0xee))
      return { volumeOffset }
    },
  },
  { name: 'cluster number', what: 'that of another', plant: wrongState('number', () => 5) },
  { name: 'cluster total', what: 'fewer than its file has', plant: wrongState('total', (total) => total - 1) },
  { name: 'cluster free count', what: 'more than its bits', plant: wrongState('free', (free) => free + 1) },
  { name: 'cluster hint', what: 'a resource that is in use', plant: wrongState('hint', () => 0) },
]

/** One bit of a cluster, with the count that goes with it. */
async function flip(
  planted: Planted,
  file: ResourceFile,
  cluster: number,
  pick: (state: Cluster) => number,
  how: 'take' | 'release',
) {
  let resource = 0
  const volumeOffset = await planted.editState(file, cluster, (image) => {
    const state = new Cluster(planted.volume.version.clusters, image, file.bits)
    resource = pick(state)
    state[how](resource)
  })
  return { volumeOffset, resource }
}

const lastFree = (state: Cluster): number => {
  let resource = state.total - 1
  while (!state.isFree(resource)) resource--
  return resource
}

type Files = 'fbb' | 'sbc' | 'pbc' | 'jbc'

const leak = (kind: Files, what: string, version?: 5 | 6): Plant => ({
  ...{ name: 'leak', what, ...(version && { version }) },
  async plant(planted) {
    const { volumeOffset, resource } = await flip(planted, planted.volume.files[kind]!, 0, lastFree, 'take')
    const { addresses } = planted.volume.version
    const where = { cluster: 0, resource }
    const raw = {
      fbb: () => addresses.encode({ kind: 'file block', block: resource }),
      sbc: () => addresses.encode({ kind: 'sub-block', ...where }),
      pbc: () => addresses.encode({ kind: 'pointer block', ...where }),
      jbc: () => addresses.encode({ kind: 'journal block', ...where }),
    }[kind]()
    return { volumeOffset, address: `0x${raw.toString(16).padStart(addresses.bytes * 2, '0')}` }
  },
})

/** The block at `index` of a file is free by its bitmap. */
const usedButFree = (what: string, path: string, index: number): Plant => ({
  ...{ name: 'used but free', what },
  async plant(planted) {
    const { volume } = planted
    const file = await planted.file(path)
    const { raw } = planted.addressPlace(file, index)
    const decoded = volume.version.addresses.decode(raw)
    if (decoded.kind === 'hole') throw new Error(`${path} has no block ${index}`)
    const { fbb, sbc, pbc } = volume.files
    const resources = decoded.kind === 'file block' ? fbb : decoded.kind === 'sub-block' ? sbc : pbc
    const place = 'block' in decoded ? fbb.places.locate(decoded.block) : decoded
    const { volumeOffset } = await flip(planted, resources, place.cluster, () => place.resource, 'release')
    return { volumeOffset, address: `0x${raw.toString(16).padStart(volume.version.addresses.bytes * 2, '0')}` }
  },
})

const RESOURCES: readonly Plant[] = [
  leak('fbb', 'of a file block'),
  leak('sbc', 'of a sub-block'),
  leak('pbc', 'of a pointer block', 5),
  leak('jbc', 'of a journal block', 6),
  usedButFree('a file block', '/blocks', 1),
  usedButFree('a sub-block', '/sub-block', 0),
  usedButFree('a pointer block', '/pointers', 0),
  {
    ...{ name: 'used but free', what: 'a file descriptor' },
    async plant(planted) {
      const file = await planted.file('/dir/a')
      const { cluster, resource } = { cluster: (file.address >> 6) & 0xffff, resource: file.address >>> 22 }
      const { volumeOffset } = await flip(planted, planted.volume.files.fdc, cluster, () => resource, 'release')
      return { volumeOffset, address: address(file.address) }
    },
  },
  {
    ...{ name: 'used twice', what: 'a file block of two files', also: ['leak'], left: ['used twice'] },
    async plant(planted) {
      const one = planted.addressPlace(await planted.file('/blocks'), 0)
      const other = planted.addressPlace(await planted.file('/dir/sub/b'), 1)
      planted.setAddress(other.volumeOffset, one.raw)
      return {}
    },
  },
  {
    ...{ name: 'bad address', what: 'of no kind', also: ['leak', 'block count'] },
    async plant(planted) {
      const { volumeOffset } = planted.addressPlace(await planted.file('/blocks'), 2)
      planted.setAddress(volumeOffset, 0x4440n)
      return { volumeOffset }
    },
  },
  {
    ...{ name: 'bad address', what: 'beyond the volume', also: ['leak', 'block count'] },
    async plant(planted) {
      const { volumeOffset } = planted.addressPlace(await planted.file('/blocks'), 2)
      planted.setAddress(volumeOffset, planted.volume.version.addresses.encode({ kind: 'file block', block: 2 ** 21 }))
      return { volumeOffset }
    },
  },
]

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

export const PLANTS: readonly Plant[] = [
  ...[...LVM, ...HOSTS, ...RESOURCE_FILES, ...RESOURCES],
  ...[...DESCRIPTORS, ...DIRECTORIES, ...DIRECTORIES6],
]
