// Devices in memory with a new volume whose every byte is known beforehand.

import { type FormatOptions, formatVolume } from '../../../src/host/vmfs/format.ts'
import { MemoryDevice } from './memory-device.ts'

export const MIB = 2 ** 20
export const HOST = '12345678-90abcdef-1234-00506201ff00'
export const NOW = 1_700_000_000_123

/** The same bytes each time: the UUIDs of a test's volume differ by their number alone. */
export function counter(): (bytes: number) => Buffer {
  let next = 0
  return (bytes) => Buffer.alloc(bytes, ++next)
}

export async function format(mib: number | number[], options: Partial<FormatOptions> & Pick<FormatOptions, 'version'>) {
  const devices = [mib].flat().map((size) => new MemoryDevice(size * MIB))
  const formatted = await formatVolume(devices, {
    ...{ label: 'a label', hostUuid: HOST, now: NOW, random: counter() },
    ...options,
  })
  return { devices, device: devices[0]!, formatted }
}

export const isZero = (data: Buffer) => data.every((byte) => byte === 0)
