// Which devices a format refuses, and what it writes to the others, in which order.

import { describe, expect, test } from 'vitest'
import { type FormatOptions, formatVolume } from '../../../src/host/vmfs/format.ts'
import { openLogicalVolume } from '../../../src/host/vmfs/logical-volume.ts'
import { counter, format, HOST, isZero, MIB, NOW } from './formatted.ts'
import { MemoryDevice } from './memory-device.ts'

const DATA = 0x1100000

describe('devices that are refused', () => {
  const device = (mib: number, blockBytes = 512) => new MemoryDevice(mib * MIB, blockBytes)
  const attempt = (devices: MemoryDevice[], options: Partial<FormatOptions> = {}) =>
    formatVolume(devices, { version: 5, label: 'x', ...options })

  test.each([
    ['no device', [], {}, 'unsupported', '1 to 32 devices, not 0'],
    ['272 MiB', [device(272)], {}, 'no space', '272 MiB: a volume takes at least 273 MiB'],
    ['one MiB', [device(1)], {}, 'no space', 'at least 273 MiB'],
    ['more than 2 TiB', [device(2 ** 21 + 273)], {}, 'too large', 'at most 2 TiB'],
    ['more than 2 TiB together', [device(2 ** 20 + 17), device(2 ** 20 + 273)], {}, 'too large', 'at most 2 TiB'],
    ['4096-byte blocks for VMFS5', [device(300, 4096)], {}, 'unsupported', 'use VMFS6 on it'],
    ['no label', [device(300)], { label: '' }, 'bad name', 'it is empty'],
    ['a long label', [device(300)], { label: 'ä'.repeat(64) }, 'bad name', 'longer than 127 bytes'],
    ['a label with a slash', [device(300)], { label: 'a/b' }, 'bad name', 'a "/" or a control character'],
    ['a label with a line break', [device(300)], { label: 'a\nb' }, 'bad name', 'a "/" or a control character'],
    ['VMFS4', [device(300)], { version: 4 as 5 }, 'unsupported', 'only VMFS5 and VMFS6'],
    ['a host that is no UUID', [device(300)], { hostUuid: 'esx1' }, 'bad name', '"esx1" is no VMFS UUID'],
  ])('%s', async (_, devices, options, problem, message) => {
    const attempted = attempt(devices, options)
    await expect(attempted).rejects.toMatchObject({ name: 'VmfsError', problem })
    await expect(attempted).rejects.toThrow(message)
    expect(devices.flatMap(({ writes }) => writes)).toEqual([])
  })

  test.each([
    ['a GUID partition table', 512, 'EFI PART'],
    ['a GUID partition table', 4096, 'EFI PART'],
    ['an ext2, ext3 or ext4 file system', 0x438, '\x53\xef'],
    ['an NTFS file system', 3, 'NTFS    '],
    ['a FAT file system', 0x52, 'FAT32   '],
    ['an XFS file system', 0, 'XFSB'],
    ['a Btrfs file system', 0x10040, '_BHRfS_M'],
    ['a LUKS volume', 0, 'LUKS\xba\xbe'],
    ['a physical volume of LVM2', 512, 'LABELONE'],
    ['a partition table', 450, `\x83${'\0'.repeat(59)}\x55\xaa`],
  ])('%s stays, but for force', async (name, offset, bytes) => {
    const used = device(300)
    used.poke(offset, Buffer.from(bytes, 'latin1'))
    await expect(attempt([device(300), used])).rejects.toMatchObject({
      ...{ problem: 'exists' },
      message: `memory holds ${name}: formatting would destroy it; --force does it anyway`,
    })
    expect(used.writes).toEqual([])
    await attempt([used], { force: true })
    expect(isZero(used.peek(0, MIB))).toBe(true)
    await openLogicalVolume([used])
  })

  test('a volume stays, but for force; an MBR with neither type nor signature is none', async () => {
    const { device: used } = await format(300, { version: 6 })
    await expect(attempt([used])).rejects.toThrow('memory holds a VMFS volume: ')
    const blank = device(300)
    blank.poke(450, Buffer.from([0x83]))
    await attempt([blank])
  })

  test('the second copy of a GUID partition table goes too', async () => {
    const used = device(300)
    used.poke(used.size - 512, Buffer.from('EFI PART'))
    await attempt([used])
    expect(isZero(used.peek(used.size - MIB, MIB))).toBe(true)
  })
})

describe('how it is written', () => {
  test.each([5, 6] as const)('VMFS%i: over old data it is what it is on an empty device', async (version) => {
    const fresh = await format(600, { version })
    const used = new MemoryDevice(600 * MIB)
    for (const old of [5, 6] as const) await formatVolume([used], { version: old, label: 'old', force: true })
    const end = DATA + 45 * MIB
    const noise = Buffer.alloc(4096, 0x5a)
    for (let at = 0; at < end; at += 0x10000) used.poke(at + 0x3000, noise)
    await formatVolume([used], { version, label: 'a label', hostUuid: HOST, now: NOW, random: counter(), force: true })
    const differ: number[] = []
    for (let at = 0; at < DATA + (version === 5 ? 5 : 8) * MIB; at += 4096)
      if (!used.peek(at, 4096).equals(fresh.device.peek(at, 4096))) differ.push(at)
    expect(differ).toEqual([])
    for (const page of fresh.device.touchedPages())
      expect(used.peek(page, 4096).equals(fresh.device.peek(page, 4096))).toBe(true)
    // The second file block of .fdc.sf, with no cluster header: descriptors of files that are not there.
    expect(isZero(used.peek(DATA + (version === 5 ? 7 : 10) * MIB, MIB))).toBe(true)
  })

  test.each([
    [5, 2048],
    [6, 2560],
  ] as const)('VMFS%i: an empty thin device stays thin, and is written in few pieces', async (version, mib) => {
    const { device } = await format(mib, { version })
    const written = device.writes.reduce((sum, { length }) => sum + length, 0)
    expect(written).toBeLessThan(6.5 * MIB)
    expect(device.writes.length).toBeLessThan(150)
    expect(Math.max(...device.writes.map(({ length }) => length))).toBe(MIB)
  })

  test('the volume has its whole geometry at 2 TiB', async () => {
    for (const version of [5, 6] as const) {
      const { formatted } = await format(2 ** 21 + 17, { version })
      expect(formatted.fileBlocks).toBe(2 ** 21)
      expect(formatted.fileBlocks - formatted.freeFileBlocks).toBeLessThan(1024)
    }
  })

  test('the smallest volume is 273 MiB', async () => {
    for (const version of [5, 6] as const) {
      const { formatted } = await format(273, { version })
      expect(formatted).toMatchObject({ version, size: 256 * MIB, fileBlocks: 256 })
      expect(formatted.freeFileBlocks).toBeGreaterThan(128)
    }
  })

  test.each([5, 6] as const)(
    'VMFS%i: cut at any write it leaves no volume, neither a new one nor the old',
    async (version) => {
      const [old, second] = (await format([300, 300], { version: 5 })).devices as [MemoryDevice, MemoryDevice]
      const options = { version, label: 'new', force: true }
      const whole = [old.fork(), second.fork()]
      await formatVolume(whole, options)
      const count = whole[0]!.writes.length
      for (let cut = 1; cut < count; cut++) {
        const devices = [old.fork(), second.fork()]
        devices[0]!.cutAfter(cut, cut % 2 === 0 ? 0 : 256)
        await expect(formatVolume(devices, options)).rejects.toThrow('the connection was lost')
        for (const device of devices) device.heal()
        await expect(openLogicalVolume(devices)).rejects.toMatchObject({ problem: 'not a volume' })
      }
      await openLogicalVolume(whole)
    },
  )

  test('progress ends with everything done, and never goes back', async () => {
    const steps: { done: number; total: number }[] = []
    await format(300, { version: 5, onProgress: (progress) => steps.push(progress) })
    expect(steps.length).toBeGreaterThan(20)
    expect(steps.at(-1)!.done).toBe(steps.at(-1)!.total)
    for (const [index, { done, total }] of steps.entries()) {
      expect(done).toBeGreaterThan(steps[index - 1]?.done ?? 0)
      expect(total).toBe(steps[0]!.total)
    }
  })

  test('UUIDs of two volumes differ', async () => {
    const made = [new MemoryDevice(300 * MIB), new MemoryDevice(300 * MIB)]
    const [a, b] = await Promise.all(made.map((device) => formatVolume([device], { version: 5, label: 'x' })))
    expect(new Set([a!.uuid, b!.uuid, a!.volumeUuid, b!.volumeUuid]).size).toBe(4)
  })
})
