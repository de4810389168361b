// Reading of volumes of both versions: what a formatted one has, and files of each addressing mode (notes, 8 to 11).

import { beforeAll, describe, expect, test } from 'vitest'
import { VmfsError } from '../../../src/host/vmfs/errors.ts'
import type { FilePiece } from '../../../src/host/vmfs/file-reader.ts'
import { lookup } from '../../../src/host/vmfs/path-lookup.ts'
import { heldLocks, measureSpace } from '../../../src/host/vmfs/space.ts'
import { SYSTEM_FD } from '../../../src/host/vmfs/structures/address.ts'
import { ZLA } from '../../../src/host/vmfs/structures/file-descriptor.ts'
import { encodeLock, LOCK_MODE } from '../../../src/host/vmfs/structures/lock.ts'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import { HandMadeVolume } from './hand-made-volume.ts'

const MIB = 1024 * 1024
const fill = (byte: number, length: number) => Buffer.alloc(length, byte)

describe.each([5, 6] as const)('VMFS%i', (version) => {
  const subBlock = version === 5 ? 8192 : 65536
  const maxResident = version === 5 ? 1024 : 3584
  /** Blocks that one pointer block lists. */
  const fanOut = version === 5 ? 1024 : 8192
  let made: HandMadeVolume
  beforeAll(async () => {
    made = await HandMadeVolume.format(version)
  })
  const open = async (path: string) => made.volume.openFile((await lookup(made.volume, path)).file)
  const expectContent = async (name: string, content: Buffer) => {
    const file = await open(`/${name}`)
    expect(file.length).toBe(content.length)
    expect((await file.read(0, content.length + 10)).equals(content)).toBe(true)
    const pieces: FilePiece[] = []
    for await (const piece of file.pieces()) pieces.push(piece)
    expect(Buffer.concat(pieces.map(({ data, length }) => data ?? Buffer.alloc(length))).equals(content)).toBe(true)
    let at = 0
    for (const { offset, length } of pieces) {
      expect(offset).toBe(at)
      at += length
    }
    for (const [from, length] of [
      [1, 1],
      [511, 2],
      [subBlock - 1, 3],
      [MIB - 5, 10],
      [Math.max(content.length - 1, 0), 5],
      [content.length, 5],
    ] as const)
      expect((await file.read(from, length)).equals(content.subarray(from, from + length))).toBe(true)
  }

  test('a new volume: its name, its system files, its space', async () => {
    const { volume } = made
    expect(volume.descriptor).toMatchObject({ label: 'hand-made', majorVersion: version === 5 ? 14 : 24 })
    const names: string[] = []
    for await (const { name } of volume.entries(await volume.root())) names.push(name)
    const expected = ['.', '..', '.fbb.sf', '.fdc.sf', '.pbc.sf', '.sbc.sf', '.vh.sf', '.pb2.sf', '.sdd.sf']
    expect(names).toEqual([...expected, version === 5 ? '.jnl.sf' : '.jbc.sf'])
    const space = await measureSpace(volume)
    expect(space.fileBlocks.total).toBe(volume.logical.size / MIB)
    expect(space.fileBlocks.free).toBeGreaterThan(100)
    expect(space.fileBlocks.free).toBeLessThan(space.fileBlocks.total)
    expect(space.subBlocks).toMatchObject({ bytes: subBlock, free: space.subBlocks.total })
    // The root and the system files.
    expect(space.fileDescriptors.total - space.fileDescriptors.free).toBe(9)
  })

  test.each([0, 1, 11, maxResident])('resident data: %i bytes', async (length) => {
    const content = fill(0x61, length)
    await made.add(SYSTEM_FD.root, `resident-${length}`, { zla: ZLA.resident, length, resident: content })
    await expectContent(`resident-${length}`, content)
  })

  test('sub-blocks: several, the last one in part, with a hole', async () => {
    const content = Buffer.concat([fill(1, subBlock), fill(0, subBlock), fill(3, 100)])
    const blocks = { 0: fill(1, subBlock), 2: fill(3, subBlock) }
    await made.add(SYSTEM_FD.root, 'sub-blocks', { zla: ZLA.subBlocks, length: content.length, blocks })
    await expectContent('sub-blocks', content)
  })

  test('file blocks: holes, and blocks to be zeroed, which are not read', async () => {
    const stale = { kind: 'file block', block: 20, toBeZeroed: 1 } as const
    const blocks = { 0: fill(1, MIB), 2: stale, 3: fill(4, MIB) }
    const content = Buffer.concat([fill(1, MIB), fill(0, 2 * MIB), fill(4, 12345)])
    made.poke(20 * MIB, fill(9, MIB))
    await made.add(SYSTEM_FD.root, 'file-blocks', { zla: ZLA.fileBlocks, length: content.length, blocks })
    await expectContent('file-blocks', content)
  })

  test('the hole of a file is told from its data', async () => {
    const blocks = { 1: fill(2, MIB) }
    await made.add(SYSTEM_FD.root, 'hole', { zla: ZLA.fileBlocks, length: 2 * MIB, blocks })
    const pieces: FilePiece[] = []
    for await (const piece of (await open('/hole')).pieces()) pieces.push(piece)
    expect(pieces.map(({ data }) => data?.length)).toEqual([undefined, MIB])
  })

  test('pointer blocks: a file that is sparse but for its ends, over two of them', async () => {
    const length = (fanOut + 1) * MIB + 777
    const blocks = { 0: fill(1, MIB), [fanOut - 1]: fill(2, MIB), [fanOut + 1]: fill(3, MIB) }
    await made.add(SYSTEM_FD.root, 'pointers', { zla: ZLA.pointerBlocks, length, blocks })
    const file = await open('/pointers')
    expect((await file.read(0, 10)).equals(fill(1, 10))).toBe(true)
    expect((await file.read((fanOut - 1) * MIB - 1, 3)).toString('hex')).toBe('000202')
    expect((await file.read(fanOut * MIB - 1, 3)).toString('hex')).toBe('020000')
    expect((await file.read((fanOut + 1) * MIB + 775, 100)).toString('hex')).toBe('0303')
    const addresses: string[] = []
    for await (const { role, index } of file.map.addresses()) addresses.push(`${role} ${index}`)
    const data = [0, fanOut - 1, fanOut + 1].map((block) => `data ${block}`)
    expect(addresses).toEqual(['pointers 0', data[0], data[1], 'pointers 1', data[2]])
  })

  test('a PB2 block', async () => {
    const content = Buffer.concat([fill(1, MIB), fill(0, 2 * MIB), fill(4, 12345)])
    const blocks = { 0: fill(1, MIB), 3: fill(4, MIB) }
    await made.add(SYSTEM_FD.root, 'pb2', { zla: ZLA.pb2Blocks, length: content.length, blocks })
    await expectContent('pb2', content)
  })

  test('a doubly indirect file is named as what is not read', async () => {
    await made.add(SYSTEM_FD.root, 'double', { zla: ZLA.doubleIndirect, length: 1 })
    await expect(open('/double')).rejects.toMatchObject({ problem: 'unsupported' })
  })

  test('held locks of clusters and of files', async () => {
    const owner = '11111111-22222222-3333-444444444444'
    const held = { mode: LOCK_MODE.exclusive, owner, heartbeatOffset: 0x300000 + 512 }
    await made.editFd(SYSTEM_FD.vh, (image) => void encodeLock(held, image))
    const header = await made.volume.files.sbc.headerOffset(0)
    made.poke(header, encodeLock(held, made.device.peek(0x1100000 + header, 512)))
    const locks = []
    for await (const { holder, lock } of heldLocks(made.volume)) locks.push({ holder, owner: lock.owner })
    expect(locks).toEqual([
      { holder: { kind: 'file descriptor', address: SYSTEM_FD.vh }, owner },
      { holder: { kind: 'cluster', file: '.sbc.sf', cluster: 0 }, owner },
    ])
  })

  test('nothing was written by reading', async () => {
    const before = made.device.writes.length
    const volume = await openVolume([made.device.fork()])
    await measureSpace(volume)
    expect(made.device.writes.length).toBe(before)
  })

  describe('damage has a name and a place', () => {
    const damage = async (name: string, spec: Parameters<HandMadeVolume['makeFile']>[0]) => {
      await made.add(SYSTEM_FD.root, name, spec)
      const error = await open(`/${name}`)
        .then((file) => file.read(0, 1))
        .catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(VmfsError)
      expect((error as VmfsError).problem).toBe('damaged')
      expect((error as VmfsError).volumeOffset).toBeGreaterThan(0)
      return (error as Error).message
    }
    test.each([
      ['an unknown addressing mode', { zla: 7, length: 1 }, 'has the addressing mode 7'],
      ['resident data that has no room', { zla: ZLA.resident, length: maxResident + 1 }, 'its addresses reach'],
      ['a length beyond all addresses', { zla: ZLA.fileBlocks, length: 2 ** 40 }, 'its addresses reach'],
      ['blocks of a wrong size', { zla: ZLA.fileBlocks, length: 1, meta: { blockBytes: 0 } }, 'has blocks of 0 bytes'],
      [
        'a block that is not on the volume',
        { zla: ZLA.fileBlocks, length: 1, blocks: { 0: { kind: 'file block', block: 2 ** 25 } } },
        'names file block 33554432, which is not on the volume',
      ],
      [
        'a sub-block among file blocks',
        { zla: ZLA.fileBlocks, length: 1, blocks: { 0: { kind: 'sub-block', cluster: 0, resource: 0 } } },
        'names a sub-block as one of its blocks',
      ],
      [
        'a sub-block of no cluster',
        { zla: ZLA.subBlocks, length: 1, blocks: { 0: { kind: 'sub-block', cluster: 9999, resource: 0 } } },
        'cluster 9999 of',
      ],
    ] as const)('%s', async (name, spec, message) => {
      expect(await damage(name, spec)).toMatch(message)
    })

    test('a file block as a pointer block', async () => {
      const address = await made.makeFile({ zla: ZLA.fileBlocks, length: 1, blocks: { 0: fill(1, MIB) } })
      await made.editFd(address, (image) => {
        image.writeUInt32LE(ZLA.pointerBlocks, made.volume.version.fileDescriptors.metaOffset + 0x44)
      })
      const file = made.volume.openFile(await made.volume.readFileDescriptor(address))
      await expect(file.read(0, 1)).rejects.toThrow('names a file block as a pointer block')
    })

    test('an entry whose descriptor is not in use', async () => {
      const address = await made.add(SYSTEM_FD.root, 'gone', { zla: ZLA.resident, length: 0 })
      await made.editFd(address, (image) => void image.fill(0, 512))
      await expect(open('/gone')).rejects.toThrow(/file descriptor 0x[0-9a-f]{8} at byte \d+ of the volume/)
    })

    test('a directory with a hole', async () => {
      const address = await made.addDirectory(SYSTEM_FD.root, 'holey')
      await made.editFd(address, (image) => void image.fill(0, made.volume.version.fileDescriptors.addressesOffset))
      await expect(lookup(made.volume, '/holey/x')).rejects.toThrow('has a hole at byte 0')
    })
  })
})
