import { expect, test } from 'vitest'
import { MetadataCache } from '../../../src/host/vmfs/metadata-cache.ts'
import { MemoryDevice } from './memory-device.ts'

const MIB = 1024 * 1024

async function cached(size = 4 * MIB) {
  const device = new MemoryDevice(size)
  for (let at = 0; at < MIB; at += 512) await device.write(at, Buffer.alloc(512, at / 512))
  return { device, cache: new MetadataCache(device, size) }
}

test('any bytes, read once from the device', async () => {
  const { device, cache } = await cached()
  for (const [offset, length] of [
    [0, 1],
    [511, 2],
    [65535, 2],
    [1000, 200_000],
    [5, 0],
  ] as const)
    expect((await cache.read(offset, length)).equals(device.peek(offset, length))).toBe(true)
  expect(device.reads).toBe(4)
})

test('the buffer is the caller’s own', async () => {
  const { cache } = await cached()
  ;(await cache.read(512, 4)).fill(0xff)
  expect((await cache.read(512, 4)).toString('hex')).toBe('01010101')
})

test('what a writer has changed is read again, and nothing else', async () => {
  const { device, cache } = await cached()
  await cache.read(0, 200_000)
  device.poke(65536, Buffer.alloc(512, 0xaa))
  expect((await cache.read(65536, 1))[0]).toBe(128)
  cache.invalidate(65536 + 100, 1)
  expect((await cache.read(65536, 1))[0]).toBe(0xaa)
  expect(device.reads).toBe(5)
  cache.clear()
  await cache.read(0, 1)
  expect(device.reads).toBe(6)
})

test('it keeps 16 MiB, the least recently used goes', async () => {
  const { device, cache } = await cached(20 * MIB)
  for (let at = 0; at < 16 * MIB; at += 65536) await cache.read(at, 1)
  await cache.read(0, 1)
  expect(device.reads).toBe(256)
  await cache.read(16 * MIB, 1)
  await cache.read(0, 1)
  expect(device.reads).toBe(257)
  await cache.read(65536, 1)
  expect(device.reads).toBe(258)
})

test('a read that fails is tried again', async () => {
  const { device } = await cached()
  let failures = 1
  const flaky = {
    read: (offset: number, length: number) =>
      failures-- > 0 ? Promise.reject(new Error('lost')) : device.read(offset, length),
  }
  const cache = new MetadataCache(flaky, device.size)
  await expect(cache.read(512, 1)).rejects.toThrow('lost')
  expect((await cache.read(512, 1))[0]).toBe(1)
})
