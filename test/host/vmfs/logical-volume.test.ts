import { describe, expect, test } from 'vitest'
import type { BlockDevice } from '../../../src/host/block-device.ts'
import { formatVolume } from '../../../src/host/vmfs/format.ts'
import { openLogicalVolume } from '../../../src/host/vmfs/logical-volume.ts'
import { DEVICE_HEADER, LVM5_TABLES, VOLUME_ENTRY } from '../../../src/host/vmfs/structures/lvm.ts'
import { MemoryDevice } from './memory-device.ts'

const MIB = 2 ** 20
const HEADER = 0x100000
const ENTRY = LVM5_TABLES.volumeEntry

async function formatted(...sizes: number[]): Promise<MemoryDevice[]> {
  const devices = sizes.map((mib) => new MemoryDevice(mib * MIB))
  await formatVolume(devices, { version: 5, label: 'test' })
  return devices
}

const problem = (device: BlockDevice | BlockDevice[]) =>
  openLogicalVolume([device].flat()).then(
    () => 'opened',
    (error: Error & { problem?: string }) => `${error.problem}: ${error.message}`,
  )

describe('extents of several devices', () => {
  test('are put in order, and a range that crosses them is read and written in pieces', async () => {
    const [a, b, c] = (await formatted(300, 600, 300)) as [MemoryDevice, MemoryDevice, MemoryDevice]
    const volume = await openLogicalVolume([c, a, b])
    expect(volume.size).toBe(4 * 256 * MIB)
    expect(volume.extents.map(({ device }) => device)).toEqual([a, b, c])
    const text = ['<', '>'].map((sign) => sign.repeat(512)).join('')
    for (const border of [256 * MIB, 768 * MIB]) await volume.write(border - 512, Buffer.from(text))
    const ends = [
      a.peek(273 * MIB - 512, 512),
      b.peek(17 * MIB, 512),
      b.peek(529 * MIB - 512, 512),
      c.peek(17 * MIB, 512),
    ]
    expect(Buffer.concat(ends).toString()).toBe(text + text)
    for (const border of [256 * MIB, 768 * MIB]) expect((await volume.read(border - 512, 1024)).toString()).toBe(text)
    expect((await volume.read(768 * MIB, 512)).toString()).toBe('>'.repeat(512))
  })

  test.each([
    ['after the end', 4 * 256 * MIB, 512],
    ['across the end', 4 * 256 * MIB - 512, 1024],
    ['before the start', -512, 512],
    ['at no place', Number.NaN, 512],
  ])('nothing is read %s', async (_, offset, length) => {
    const devices = await formatted(300, 600, 300)
    const volume = await openLogicalVolume(devices)
    const reads = devices.map(({ reads }) => reads)
    await expect(volume.read(offset, length)).rejects.toMatchObject({ problem: 'damaged' })
    await expect(volume.write(offset, Buffer.alloc(length))).rejects.toMatchObject({ problem: 'damaged' })
    expect(devices.map(({ reads }) => reads)).toEqual(reads)
  })

  test('a missing one is named by its place, with the names that the volume keeps', async () => {
    const [a, b, c] = (await formatted(300, 600, 300)) as [MemoryDevice, MemoryDevice, MemoryDevice]
    expect(await problem([a, c])).toBe(
      'not a volume: the volume spans 3 devices (memory, memory, memory), of which 2 were given: ' +
        'its extents 1 to 2 are on none of them; name all devices',
    )
    expect(await problem([a, b])).toMatch(/its extents 3 to 3 are on none of them/)
    expect(await problem([c])).toMatch(/spans 3 devices, of which 1 were given: its extents 0 to 2/)
  })

  test('one that is given twice, or is of another volume, is refused', async () => {
    const [a, b] = (await formatted(300, 300)) as [MemoryDevice, MemoryDevice]
    const [other] = (await formatted(300)) as [MemoryDevice]
    expect(await problem([a, b, b.fork()])).toMatch(/^damaged: memory holds a part .* that another device holds too$/)
    expect(await problem([a, other])).toMatch(/^not a volume: memory and memory hold different volumes: /)
    expect(await problem([])).toMatch(/^not a volume: a volume needs at least one device/)
  })
})

describe('where the volume is looked for (vmfs-format.md, 1.4)', () => {
  test.each([
    [0xfb, 2048, 'opened'],
    [0xfb, 0, 'not a volume'],
    [0xfb, 4096, 'not a volume'],
    [0x83, 2048, 'not a volume'],
    [0xfb, 0xffffffff, 'not a volume'],
  ])('behind an MBR whose first entry is of type %i at LBA %i: %s', async (type, lba, expected) => {
    const [inner] = (await formatted(300)) as [MemoryDevice]
    const outer = new MemoryDevice(301 * MIB)
    for (const page of inner.touchedPages()) outer.poke(page + MIB, inner.peek(page, 4096))
    const mbr = Buffer.alloc(512)
    mbr.writeUInt8(type, 450)
    mbr.writeUInt32LE(lba, 454)
    mbr.writeUInt16LE(0xaa55, 510)
    outer.poke(0, mbr)
    expect(await problem(outer)).toContain(expected)
    if (expected === 'opened') {
      const volume = await openLogicalVolume([outer])
      expect((await volume.read(0x200000, 512)).readUInt32LE(0)).toBe(0x2fabf15e)
    }
  })

  test.each([
    ['an empty device', new MemoryDevice(MIB)],
    ['one sector', new MemoryDevice(512)],
    ['a device of zeros', new MemoryDevice(300 * MIB)],
  ])('%s holds none, and the cure is named', async (_, device) => {
    expect(await problem(device)).toBe('not a volume: memory holds no VMFS volume: make one with "lunette vmfs format"')
  })
})

describe('tables that cannot be', () => {
  test.each<[string, number, Buffer, string]>([
    ['LVM 3', HEADER, DEVICE_HEADER.encode({ magic: 0xc001d00d, majorVersion: 3 }), 'unsupported'],
    ['data that starts elsewhere', HEADER + 0x7a, u64(0x1200000), 'unsupported'],
    ['no extents', ENTRY, VOLUME_ENTRY.encode({ pes: 0 }), 'damaged'],
    ['extents beyond 2 TiB', ENTRY + 0x74, Buffer.concat([u32(1), u64(8192), u64(8192)]), 'damaged'],
    ['a first and a last extent that contradict their number', ENTRY + 0x78, u64(1), 'damaged'],
    ['more extents than the device holds', ENTRY + 0x74, Buffer.concat([u32(9), u64(0), u64(8)]), 'damaged'],
    ['a size that its extents have not', ENTRY, u64(512 * MIB), 'not a volume'],
    ['a size that is no multiple of an extent', ENTRY, u64(257 * MIB), 'damaged'],
    ['a size below its extents', ENTRY, u64(0), 'damaged'],
    ['a size beyond 2^53', ENTRY, Buffer.alloc(8, 0xff), 'damaged'],
  ])('%s', async (_, offset, bytes, expected) => {
    const [device] = (await formatted(300)) as [MemoryDevice]
    device.poke(offset, bytes)
    expect(await problem(device)).toMatch(new RegExp(`^${expected}: `))
  })

  test('a device that was cut short', async () => {
    const [device] = (await formatted(300)) as [MemoryDevice]
    expect(await problem(device.fork(272 * MIB))).toMatch(/^damaged: memory: .* the device was cut short$/)
  })

  test('VMFS5 on a disk of 4096-byte blocks', async () => {
    const [device] = (await formatted(300)) as [MemoryDevice]
    expect(await problem(new MemoryDevice(device.size, 4096, device))).toMatch(
      /^unsupported: memory has blocks of 4096 bytes, and VMFS5 locks 512: use VMFS6 on it$/,
    )
  })
})

function u64(value: number): Buffer {
  const raw = Buffer.alloc(8)
  raw.writeBigUInt64LE(BigInt(value))
  return raw
}
function u32(value: number): Buffer {
  const raw = Buffer.alloc(4)
  raw.writeUInt32LE(value)
  return raw
}
