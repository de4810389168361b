// What can be wrong with a volume apart from its files: LVM, heartbeats, resource files and their bitmaps.

import type { ResourceFile } from '../../../../src/host/vmfs/resource-files.ts'
import { Cluster } from '../../../../src/host/vmfs/structures/cluster.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../../../../src/host/vmfs/structures/fs-descriptor.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { LOCK_MODE } from '../../../../src/host/vmfs/structures/lock.ts'
import { DEVICE_HEADER, LVM_HEADER_OFFSET, PE_ENTRY, VOLUME_ENTRY } from '../../../../src/host/vmfs/structures/lvm.ts'
import { RESOURCE_FILE_HEADER } from '../../../../src/host/vmfs/structures/resource-file.ts'
import { MIB } from '../writing-volumes.ts'
import { address, type Plant } from './plant.ts'
import type { Planted } from './planted-volume.ts'

const HOST = '5f6a1b2c-0000ffff-0001-02005e000099'

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
export async function flip(
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

export const lastFree = (state: Cluster): number => {
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

export const VOLUME_PLANTS: readonly Plant[] = [...LVM, ...HOSTS, ...RESOURCE_FILES, ...RESOURCES]
