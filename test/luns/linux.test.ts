import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { linux as bound, type CachedReader, type Linux, loadLinux } from '../../luns/linux.ts'
import { expectBytes, pattern, temporaryFolder } from './tools.ts'

const BLOCK = 4096

async function image(content: Buffer): Promise<FileHandle> {
  const file = await open(join(await temporaryFolder(), 'image'), 'w+')
  onTestFinished(() => file.close())
  await file.write(content, 0, content.length, 0)
  return file
}

async function contentOf(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const content = Buffer.alloc(size)
  await file.read(content, 0, size, 0)
  return content
}

test('LUNETTE_NO_KOFFI=1 leaves every call to Node', () => {
  expect(loadLinux({ LUNETTE_NO_KOFFI: '1' })).toBeUndefined()
})

describe.runIf(bound)('Linux calls', () => {
  const linux = bound as Linux

  describe('preadv2 with RWF_NOWAIT', () => {
    /** Some file systems, overlays among them, refuse the flag. */
    function readerOf(file: FileHandle, ctx: TestContext): CachedReader {
      const reader = linux.cachedReader(file.fd)
      ctx.skip(!reader.read(Buffer.alloc(8), 0, 8, 0), 'the file system does not read with RWF_NOWAIT')
      return reader
    }

    test('reads into the range of the target and touches nothing beside it', async (ctx) => {
      const content = pattern(3 * BLOCK, 1)
      const file = await image(content)
      const reader = readerOf(file, ctx)
      const target = Buffer.alloc(8 * BLOCK, 0xee)
      expect(reader.read(target, 512, BLOCK, BLOCK)).toBe(true)
      expectBytes(target.subarray(512, 512 + BLOCK), content.subarray(BLOCK, 2 * BLOCK))
      expectBytes(target.subarray(0, 512), Buffer.alloc(512, 0xee))
      expectBytes(target.subarray(512 + BLOCK), Buffer.alloc(7 * BLOCK - 512, 0xee))
    })

    test('views of one ArrayBuffer, pooled and tiny buffers', async (ctx) => {
      const content = pattern(BLOCK, 2)
      const file = await image(content)
      const reader = readerOf(file, ctx)
      const slab = Buffer.alloc(4 * BLOCK)
      const views = [
        slab.subarray(100, 612),
        slab.subarray(1000),
        Buffer.from(new Uint8Array(24)),
        Buffer.from('abcdef'),
      ]
      for (const view of views) {
        const length = Math.min(view.length, 512)
        expect(reader.read(view, 0, length, 77)).toBe(true)
        expectBytes(view.subarray(0, length), content.subarray(77, 77 + length))
      }
    })

    test('short at the end of the file: false', async () => {
      const file = await image(pattern(BLOCK, 3))
      const reader = linux.cachedReader(file.fd)
      expect(reader.read(Buffer.alloc(BLOCK), 0, BLOCK, 1)).toBe(false)
      expect(reader.read(Buffer.alloc(BLOCK), 0, BLOCK, 10 * BLOCK)).toBe(false)
    })

    test('a range outside the buffer is refused before the kernel sees it', async () => {
      const file = await image(pattern(BLOCK, 4))
      const reader = linux.cachedReader(file.fd)
      const target = Buffer.alloc(512)
      for (const [at, length] of [[0, 513], [1, 512], [-1, 8], [512, 1], [0, -1], [Number.NaN, 1]] as const) // biome-ignore format: pairs
        expect(() => reader.read(target, at, length, 0)).toThrow(RangeError)
    })

    test('a closed file: false, and no throw', () => {
      expect(linux.cachedReader(-1).read(Buffer.alloc(8), 0, 8, 0)).toBe(false)
    })
  })

  describe('fallocate', () => {
    test('allocates past the end, and the file grows', async () => {
      const file = await image(Buffer.alloc(0))
      await linux.allocate(file.fd, 0, 256 * BLOCK)
      const { size, blocks } = await file.stat()
      expect([size, 512 * blocks >= size]).toEqual([256 * BLOCK, true])
    })

    test('punches a hole: zeroes there, the rest and the size stay', async () => {
      const content = pattern(64 * BLOCK, 5)
      const file = await image(content)
      await linux.punchHole(file.fd, 3 * BLOCK + 100, 40 * BLOCK)
      content.fill(0, 3 * BLOCK + 100, 43 * BLOCK + 100)
      expectBytes(await contentOf(file), content)
      expect(512 * (await file.stat()).blocks).toBeLessThan(32 * BLOCK)
    })

    test('zeroes a range and keeps its blocks', async () => {
      const content = pattern(64 * BLOCK, 6)
      const file = await image(content)
      await linux.zeroRange(file.fd, BLOCK, 60 * BLOCK)
      content.fill(0, BLOCK, 61 * BLOCK)
      expectBytes(await contentOf(file), content)
      expect(512 * (await file.stat()).blocks).toBeGreaterThanOrEqual(64 * BLOCK)
    })

    test('fails with the name of the error, in a thread too', async () => {
      const file = await image(Buffer.alloc(0))
      await expect(linux.allocate(-1, 0, BLOCK)).rejects.toMatchObject({ code: 'EBADF' })
      await expect(linux.allocate(file.fd, -BLOCK, BLOCK)).rejects.toMatchObject({ code: 'EINVAL' })
    })

    test('1,000 calls at once: more than koffi runs, and each has its own result', async () => {
      const file = await image(pattern(BLOCK, 7))
      const calls = Array.from({ length: 1000 }, (_, i) =>
        linux.punchHole(i % 2 ? -1 : file.fd, 0, BLOCK).then(
          () => 'done',
          (error) => error.code,
        ),
      )
      expect(await Promise.all(calls)).toEqual(calls.map((_, i) => (i % 2 ? 'EBADF' : 'done')))
    })
  })

  describe('lseek', () => {
    test('finds data after a hole, the hole after data, and nothing after the last', async () => {
      const file = await image(Buffer.alloc(0))
      const chunk = 64 * 1024
      await file.truncate(10 * chunk)
      await file.write(pattern(chunk, 8), 0, chunk, 4 * chunk)
      expect(linux.seekData(file.fd, 0)).toBe(4 * chunk)
      expect(linux.seekHole(file.fd, 4 * chunk)).toBe(5 * chunk)
      expect(linux.seekHole(file.fd, 0)).toBe(0)
      expect(linux.seekData(file.fd, 5 * chunk)).toBeUndefined()
      expect(() => linux.seekData(-1, 0)).toThrow(expect.objectContaining({ code: 'EBADF' }))
    })
  })

  describe('copy_file_range', () => {
    test('copies between files; 0 at the end of the source', async () => {
      const content = pattern(20 * BLOCK, 9)
      const source = await image(content)
      const target = await image(Buffer.alloc(20 * BLOCK))
      expect(await linux.copyRange(source.fd, BLOCK, target.fd, 3 * BLOCK, 10 * BLOCK)).toBe(10 * BLOCK)
      expectBytes((await contentOf(target)).subarray(3 * BLOCK, 13 * BLOCK), content.subarray(BLOCK, 11 * BLOCK))
      expect(await linux.copyRange(source.fd, 20 * BLOCK, target.fd, 0, BLOCK)).toBe(0)
    })

    test('a range over itself is refused', async () => {
      const file = await image(pattern(4 * BLOCK, 10))
      await expect(linux.copyRange(file.fd, 0, file.fd, 512, BLOCK)).rejects.toMatchObject({ code: 'EINVAL' })
    })
  })

  describe('flock', () => {
    test('one exclusive, or many shared; closing gives it back', async () => {
      const path = join(await temporaryFolder(), 'image')
      const [a, b, c] = [await open(path, 'w+'), await open(path, 'r+'), await open(path, 'r')] as const
      expect(linux.lock(a.fd, true)).toBe(true)
      expect([linux.lock(b.fd, true), linux.lock(c.fd, false)]).toEqual([false, false])
      await a.close()
      expect([linux.lock(b.fd, false), linux.lock(c.fd, false)]).toEqual([true, true])
      expect(linux.lock(b.fd, true)).toBe(false)
      await c.close()
      expect(linux.lock(b.fd, true)).toBe(true)
      await b.close()
      expect(() => linux.lock(-1, true)).toThrow(expect.objectContaining({ code: 'EBADF' }))
    })
  })
})
