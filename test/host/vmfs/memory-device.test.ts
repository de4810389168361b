import { expect, test } from 'vitest'
import { CutError, MemoryDevice, MisuseError } from './memory-device.ts'

const filled = (byte: number, length = 512) => Buffer.alloc(length, byte)

test('holds what was written, zeros elsewhere, at any size', async () => {
  const device = new MemoryDevice(2 ** 44)
  await device.write(4096 * 3 - 512, filled(7, 1024))
  expect(await device.read(4096 * 3 - 1024, 2048)).toEqual(Buffer.concat([filled(0), filled(7), filled(7), filled(0)]))
  expect(device.touchedPages()).toEqual([8192, 12288])
  expect(device.writes).toEqual([{ offset: 4096 * 3 - 512, length: 1024 }])
})

test('a fork sees what was there and keeps its changes to itself', async () => {
  const base = new MemoryDevice(1 << 20)
  await base.write(0, filled(1))
  const fork = base.fork()
  await fork.write(512, filled(2))
  expect(await fork.read(0, 1024)).toEqual(Buffer.concat([filled(1), filled(2)]))
  expect(await base.read(512, 512)).toEqual(filled(0))
  await expect(base.fork(512).read(0, 1024)).rejects.toThrow(MisuseError)
})

test('a cut: so many writes, a torn one, then none until it is healed', async () => {
  const device = new MemoryDevice(1 << 20)
  device.cutAfter(1, 512)
  await device.write(0, filled(1))
  await expect(device.write(4096, filled(2, 1024))).rejects.toThrow(CutError)
  await expect(device.write(8192, filled(3))).rejects.toThrow(CutError)
  await expect(device.flush()).rejects.toThrow(CutError)
  expect(device.peek(4096, 1024)).toEqual(Buffer.concat([filled(2), filled(0)]))
  expect(device.peek(8192, 512)).toEqual(filled(0))
  device.heal()
  await device.write(8192, filled(3))
  expect(device.writes.length).toBe(2)
})

test.each([
  ['past the end', 1024, 512],
  ['before the start', -512, 512],
  ['between two blocks', 100, 512],
  ['of a part of a block', 0, 100],
  ['of nothing', 0, 0],
])('a read %s is a mistake', async (_, offset, length) => {
  await expect(new MemoryDevice(1024).read(offset, length)).rejects.toThrow(MisuseError)
})
