// A new volume against the tables of vmfs-format.md, without any tool: each number stands where a table has it.

import { describe, expect, test } from 'vitest'
import { measureSpace } from '../../../src/host/vmfs/space.ts'
import { decodeUuid } from '../../../src/host/vmfs/structures/uuid.ts'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import { format, HOST, isZero, MIB, NOW } from './formatted.ts'
import type { MemoryDevice } from './memory-device.ts'

const DATA = 0x1100000

/** Numbers at offsets of the medium. */
const numbers = (device: MemoryDevice, base: number) => ({
  u8: (at: number) => device.peek(base + at, 1).readUInt8(),
  u16: (at: number) => device.peek(base + at, 2).readUInt16LE(),
  u32: (at: number) => device.peek(base + at, 4).readUInt32LE(),
  u64: (at: number) => Number(device.peek(base + at, 8).readBigUInt64LE()),
  uuid: (at: number) => decodeUuid(device.peek(base + at, 16)),
  text: (at: number, length: number) =>
    device
      .peek(base + at, length)
      .toString('utf8')
      .replace(/\0.*$/s, ''),
  bytes: (at: number, length: number) => device.peek(base + at, length),
})

describe('LVM (1)', () => {
  test('VMFS5: header, volume entry, names, extents', async () => {
    const { device, formatted } = await format(600, { version: 5 })
    const header = numbers(device, 0x100000)
    expect([0x00, 0x04, 0x08, 0x5a, 0x66, 0x6a, 0x6e].map(header.u32)).toEqual([...[0xc001d00d, 5, 0x15, 512, 1, 2, 1]])
    expect([0x5e, 0x72, 0x7a].map(header.u64)).toEqual([599 * MIB, 3, DATA])
    expect([header.u8(0x0c), header.u8(0x0d), header.text(0x2e, 44)]).toEqual([0, 10, 'vmhba0:4:0'])
    expect([0x92, 0x9a].map(header.u64)).toEqual([NOW * 1000, NOW * 1000])
    expect(isZero(header.bytes(0xa2, 0x18))).toBe(true)
    expect([0xbe, 0xca, 0xce, 0xd2].map(header.u32)).toEqual([1, 0, 0, 0])
    const entry = numbers(device, 0x100200)
    expect([0x00, 0x08, 0x68, 0x78, 0x80, 0x88].map(entry.u64)).toEqual([
      ...[512 * MIB, 2, NOW * 1000, 0, 1, NOW * 1000],
    ])
    expect([0x10, 0x64, 0x70, 0x74, 0x90, 0x110].map(entry.u32)).toEqual([1, 1, 0, 2, 1, 0])
    expect([entry.text(0x14, 64), entry.uuid(0x54)]).toEqual([formatted.volumeUuid, formatted.volumeUuid])
    expect(header.uuid(0x82)).not.toBe(formatted.volumeUuid)
    expect(numbers(device, 0x17e200).text(0, 256)).toBe('memory')
    expect(numbers(device, 0x180200).bytes(0, 1024)).toEqual(Buffer.concat([Buffer.from([3]), Buffer.alloc(1023)]))
    const second = numbers(device, 0x180600 + 128)
    expect([second.u8(0), second.u32(1), second.u32(5), second.u64(9), second.u64(17), second.u64(25)]).toEqual([
      ...[1, 1, 0, DATA + 256 * MIB, 256 * MIB, 256 * MIB],
    ])
    expect(second.u32(33)).toBe(1)
    expect(isZero(device.peek(0x180600 + 256, 0x10000))).toBe(true)
  })

  test('VMFS6: other places, one entry for all extents', async () => {
    const { device, formatted } = await format(600, { version: 6 })
    const header = numbers(device, 0x100000)
    expect([0x00, 0x04, 0x08, 0x5a, 0x66, 0x6a, 0x6e].map(header.u32)).toEqual([0xc001d00d, 6, 0x15, 512, 1, 1, 0])
    expect([0xbe, 0xca, 0xce, 0xd2].map(header.u32)).toEqual([0, 4096, 2, 0])
    const entry = numbers(device, 0x101000)
    expect([0x10, 0x64, 0x70, 0x74, 0x90, 0x110].map(entry.u32)).toEqual([1, 1, 0, 2, 1, 1])
    expect(entry.uuid(0x54)).toBe(formatted.volumeUuid)
    expect(numbers(device, 0x17f000).text(0, 256)).toBe('memory')
    expect(device.peek(0x181000, 4)).toEqual(Buffer.from([3, 0, 0, 0]))
    const all = numbers(device, 0x182000)
    expect([all.u8(0), all.u32(1), all.u64(9), all.u64(17), all.u64(25), all.u32(33)]).toEqual([
      ...[1, 0, DATA, 0, 512 * MIB, 1],
    ])
    expect(isZero(device.peek(0x182080, 0x1000))).toBe(true)
  })

  test('two devices: the second one continues the first', async () => {
    const { devices } = await format([300, 600], { version: 5 })
    const [first, second] = devices as [MemoryDevice, MemoryDevice]
    const entry = numbers(second, 0x100200)
    expect([0x00, 0x78, 0x80].map(entry.u64)).toEqual([768 * MIB, 1, 2])
    expect([entry.u32(0x74), entry.u32(0x90)]).toEqual([2, 2])
    expect(numbers(second, 0x180600).u64(17)).toBe(256 * MIB)
    expect(numbers(first, 0x100000).uuid(0x82)).not.toBe(numbers(second, 0x100000).uuid(0x82))
    expect([numbers(first, 0x17e300).text(0, 256), numbers(second, 0x17e200).text(0, 256)]).toEqual(['memory', ''])
  })
})

describe('descriptor (2) and heartbeat slots (4)', () => {
  const common = [0xd1, 0x9d, 0xad, 0xc1, 0x19]

  test('VMFS5', async () => {
    const { device, formatted } = await format(300, { version: 5, label: 'größe' })
    const fs = numbers(device, DATA + 0x200000)
    expect([fs.u32(0), fs.u32(4), fs.u8(8), fs.text(0x1d, 128)]).toEqual([0x2fabf15e, 14, 81, 'größe'])
    expect(common.map(fs.u32)).toEqual([0x10000, 512, 1, 1, 6])
    expect([0x09, 0xb1, 0xed].map(fs.uuid)).toEqual([formatted.uuid, formatted.volumeUuid, HOST])
    expect([0xa9, 0xd5, 0xd9, 0xdd, 0xe9, 0x10d].map(fs.u32)).toEqual([
      ...[Math.floor(NOW / 1000), 64, 8192, 8, 0x01800004, 0x01c00004],
    ])
    expect([0xa1, 0xe1, 0xfd, 0x105].map(fs.u64)).toEqual([MIB, 0x423000, 1, 0x423800])
    expect(isZero(fs.bytes(0x111, 512 - 0x111))).toBe(true)
    for (const slot of [0, 1, 2047]) {
      const heartbeat = numbers(device, DATA + 0x300000 + slot * 512)
      expect([heartbeat.u32(0), heartbeat.u64(4)]).toEqual([0xabcdef01, 0x300000 + slot * 512])
      expect(isZero(heartbeat.bytes(12, 500))).toBe(true)
    }
  })

  test('VMFS6', async () => {
    const { device, formatted } = await format(600, { version: 6 })
    const fs = numbers(device, DATA + 0x200000)
    expect([fs.u32(0), fs.u32(4), fs.u8(8), fs.text(0x1d, 128)]).toEqual([0x2fabf15e, 24, 82, 'a label'])
    expect(common.map(fs.u32)).toEqual([0x10000, 512, 1, 1, 6])
    expect([0x09, 0xb1].map(fs.uuid)).toEqual([formatted.uuid, formatted.volumeUuid])
    expect([0xd5, 0xd9, 0xdd, 0xe9, 0x10d, 0x130, 0x134].map(fs.u32)).toEqual([
      ...[8, 65536, 64, 0x01800004, 0x01c00004, 512, 4096],
    ])
    expect([0xe1, 0x105].map(fs.u64)).toEqual([0x72c000, 0x72e000])
    expect([0x112, 0x138, 0x13e, 0x140].map(fs.u16)).toEqual([1, 9, 16, 44])
    expect([0x144, 0x148, 0x14c, 0x150].map(fs.u32)).toEqual([MIB, 2 * MIB, 16_000, 4000])
    for (const slot of [0, 1023]) {
      const heartbeat = numbers(device, DATA + 0x300000 + slot * 4096)
      expect([heartbeat.u32(0), heartbeat.u64(4)]).toEqual([0xabcdef01, 0x300000 + slot * 4096])
    }
    expect(isZero(device.peek(DATA + 0x6ff000 + 12, 4084))).toBe(true)
  })
})

describe('system files (3, 5, 6, 8)', () => {
  const fds = (device: MemoryDevice, first: number, bytes: number, meta: number, blocks: number) =>
    Array.from({ length: 9 }, (_, index) => {
      const fd = numbers(device, DATA + first + index * bytes)
      return {
        ...{ lock: fd.u32(0), offset: fd.u64(4), token: fd.u64(0x1c), mode: fd.u32(0x24), address: fd.u32(meta) },
        ...{
          generation: fd.u32(meta + 4),
          links: fd.u32(meta + 8),
          type: fd.u32(meta + 12),
          length: fd.u64(meta + 0x14),
        },
        ...{ blockBytes: fd.u64(meta + 0x1c), blocks: fd.u64(meta + 0x24), access: fd.u32(meta + 0x40).toString(8) },
        ...{ zla: fd.u32(meta + 0x44), shift: fd.u8(meta + 0x89), time: fd.u32(meta + 0x2c), first: fd.u64(blocks) },
        ...{ signature: fd.u32(meta + 0x64) },
      }
    })

  test('VMFS5: descriptors 0 to 8', async () => {
    const { device } = await format(300, { version: 5 })
    const all = fds(device, 0x420000, 2048, 512, 1024)
    for (const [index, fd] of all.entries())
      expect(fd).toMatchObject({
        ...{ lock: 0x10c00001, offset: 0x420000 + index * 2048, token: 1, mode: 0, address: (index << 22) | 4 },
        ...{ generation: 1, zla: 1, shift: 20, blockBytes: MIB, time: Math.floor(NOW / 1000), signature: 0 },
        blocks: Math.ceil(fd.length / MIB),
      })
    expect(all.map(({ type }) => type)).toEqual([2, 5, 5, 5, 5, 5, 5, 5, 5])
    expect(all.map(({ links }) => links)).toEqual([3, 1, 1, 1, 1, 1, 1, 2, 1])
    expect(all.map(({ access }) => access)).toEqual(['1755', ...Array(6).fill('400'), '40700', '400'])
    const length = (index: number) => all[index]!.length
    expect([0, 1, 2, 4, 5, 7, 8].map(length)).toEqual([
      ...[10 * 140, 0x20000, 9 * MIB, 0x10000 + 0x1010000 + 0x1010000, 4 * MIB, 2 * 140, 8 * MIB],
    ])
    const block = (index: number) => (all[index]!.first % 2 ** 32) / 64
    expect([2, 5, 0, 1].map(block).map(Math.floor)).toEqual([4, 0, 5, 6])
    expect(isZero(device.peek(DATA + 0x420000 + 9 * 2048, 2048 * 100))).toBe(true)
  })

  test('VMFS6: descriptors 0 to 8', async () => {
    const { device } = await format(600, { version: 6 })
    const all = fds(device, 0x720000, 8192, 4096, 5632)
    for (const [index, fd] of all.entries())
      expect(fd).toMatchObject({
        ...{ lock: 0x10c00001, offset: 0x720000 + index * 8192, token: 1, mode: 0, address: (index << 22) | 4 },
        ...{ generation: 1, zla: 1, shift: 20, blockBytes: MIB, signature: 0x66646d64 },
        blocks: Math.ceil(fd.length / MIB),
      })
    expect(all.map(({ type }) => type)).toEqual([2, 5, 5, 5, 5, 5, 5, 5, 5])
    expect([0, 3, 5, 6, 7].map((index) => all[index]!.length)).toEqual([0x12000, 0x10000, 7 * MIB, 0x30000, 0x12000])
    const fd0 = numbers(device, DATA + 0x720000 + 5632)
    expect(fd0.bytes(0, 8)).toEqual(Buffer.from('0100000000004000', 'hex'))
  })

  test('VMFS5: headers and cluster headers of the resource files', async () => {
    const { device } = await format(300, { version: 5 })
    const fbb = numbers(device, DATA + 6 * MIB)
    expect([0, 4, 8, 12, 16, 20, 24, 28, 32].map(fbb.u32)).toEqual([200, 64, 0x10000, 0, 0x10000, 256, 1, 0, 0])
    const clusters = [0, 1].map((cluster) => numbers(device, DATA + 6 * MIB + 0x10000 + cluster * 1024))
    expect(clusters.map(({ u32, u64 }) => [u32(0), u64(4), u64(0x1c)])).toEqual([
      [0x10c00002, 6 * MIB + 0x10000, 1],
      [0x10c00002, 6 * MIB + 0x10400, 1],
    ])
    expect(clusters.map(({ u32 }) => [u32(0x200), u32(0x204)])).toEqual([
      [0, 200],
      [1, 56],
    ])
    const popcount = (raw: Buffer) =>
      [...raw].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    for (const { u32, bytes } of clusters) expect(popcount(bytes(0x210, 25))).toBe(u32(0x208))
    expect(isZero(device.peek(DATA + 6 * MIB + 0x10800, 0xf800))).toBe(true)
    const fdc = numbers(device, DATA + 4 * MIB)
    expect([0, 4, 8, 12, 16].map(fdc.u32)).toEqual([32, 64, 0x10000, 2048, 0x410000])
    const first = numbers(device, DATA + 4 * MIB + 0x10000)
    expect([0, 0x204, 0x208, 0x20c, 0x250].map(first.u32)).toEqual([0x10c00005, 32, 23, 9, 1])
    expect(first.bytes(0x210, 4)).toEqual(Buffer.from('00feffff', 'hex'))
  })

  test('VMFS6: the two levels of .fbb.sf, and no large file block left whole', async () => {
    const { device, formatted } = await format(900, { version: 6 })
    const large = numbers(device, DATA + 9 * MIB)
    expect([0, 4, 8, 12, 16, 20, 24].map(large.u32)).toEqual([16, 8, 0x10000, 8192, 0x110000, 2, 1])
    expect([0x20, 0x24, 0x28, 0x30, 0x34].map(large.u32)).toEqual([0x72666d64, 1, 0x35, 3, 0x1000])
    expect([0x2c, 0x2e].map(large.u16)).toEqual([840, 52])
    const small = numbers(device, DATA + 9 * MIB + 0x1000)
    expect([0, 4, 8, 12, 16, 20, 24].map(small.u32)).toEqual([512, 8, 0x10000, 0, 0x10000, 768, 1])
    expect([0x20, 0x28, 0x30, 0x38, 0x3c, 0x40, 0x54].map(small.u32)).toEqual([
      ...[0x72666d64, 0x2a, 2, 16, 8, 0x110000, 2],
    ])
    expect([0x2c, 0x2e].map(small.u16)).toEqual([216, 1])
    const cluster = numbers(device, DATA + 9 * MIB + 0x10000)
    expect([cluster.u32(0), cluster.u64(4), cluster.u32(0x1010)]).toEqual([0x10c00008, 9 * MIB + 0x10000, 0x72636d64])
    expect([cluster.u16(0x1020), cluster.u16(0x1022), cluster.u8(0x1080)]).toEqual([2, 0, 0o44])
    const smalls = [0, 1].map((index) => numbers(device, DATA + 9 * MIB + 0x20000 + index * 8192))
    expect(smalls.map(({ u32, u64, u16 }) => [u32(0), u64(0x1018), u16(0x1020)])).toEqual([
      [0x10c00002, 0, 512],
      [0x10c00002, 1, 256],
    ])
    expect(smalls.reduce((free, { u16 }) => free + u16(0x1022), 0)).toBe(formatted.freeFileBlocks)
  })

  test('VMFS6: headers of the other resource files', async () => {
    const { device } = await format(600, { version: 6 })
    const blockOf = (fd: number) => {
      const raw = device.peek(DATA + 0x720000 + fd * 8192 + 5632, 8).readBigUInt64LE()
      return Number(((raw >> 15n) & 0x7fffffffn) * 512n + (raw >> 51n))
    }
    const header = (fd: number) => {
      const { u32, u16 } = numbers(device, DATA + blockOf(fd) * MIB)
      return [...[0, 4, 8, 12, 16].map(u32), u16(0x2c), u16(0x2e), u32(0x28), u32(0x30), u32(0x20)]
    }
    const rfmd = 0x72666d64
    expect(header(2)).toEqual([256, 8, 0x10000, 8192, 0x1010000, 256, 1, 4, 1, rfmd])
    expect(header(3)).toEqual([0, 8, 0x10000, 65536, 0x10000, 0, 1, 4, 1, rfmd])
    expect(header(4)).toEqual([256, 8, 0x10000, 65536, 0x8010000, 256, 1, 4, 1, rfmd])
    expect(header(6)).toEqual([32, 8, 0x10000, 65536, 0x1010000, 32, 1, 4, 1, rfmd])
    expect(header(8)).toEqual([8, 4, 0x10000, 2 * MIB, 0x4008000, 8, 1, 0, 1, rfmd])
    const fdc = numbers(device, DATA + 0x710000)
    expect([fdc.u32(0), fdc.u16(0x1020), fdc.u16(0x1022), fdc.u32(0x1068)]).toEqual([0x10c00005, 256, 247, 1])
    const jbc = numbers(device, DATA + blockOf(8) * MIB + 0x10000)
    expect([jbc.u32(0), jbc.u64(4)]).toEqual([0x10c00007, blockOf(8) * MIB + 0x10000])
  })
})

test.each([
  [5, [300], '.jnl.sf'],
  [5, [300, 5000], '.jnl.sf'],
  [6, [600], '.jbc.sf'],
  [6, [300, 600], '.jbc.sf'],
  [6, [100 * 1024], '.jbc.sf'],
] as const)('VMFS%i of %j MiB opens, with its system files and its room', async (version, sizes, journals) => {
  const { devices, formatted } = await format([...sizes], { version })
  const volume = await openVolume(devices.reverse())
  const names: string[] = []
  for await (const { name } of volume.entries(await volume.root())) names.push(name)
  expect(names).toEqual([
    ...['.', '..', '.fbb.sf', '.fdc.sf', '.pbc.sf', '.sbc.sf', '.vh.sf', '.pb2.sf', '.sdd.sf', journals],
  ])
  const { fileBlocks, fileDescriptors, subBlocks } = await measureSpace(volume)
  expect(fileBlocks).toEqual({ total: formatted.fileBlocks, free: formatted.freeFileBlocks, bytes: MIB })
  expect(fileDescriptors.total - fileDescriptors.free).toBe(9)
  expect(subBlocks.free).toBe(subBlocks.total)
  expect(fileDescriptors.total).toBeGreaterThanOrEqual(Math.min(16_384, 16 * formatted.fileBlocks))
})
