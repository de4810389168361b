// The store contract over every kind of store that keeps what it is given, with and without koffi.

import { open as openHandle, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { linux } from '../../../luns/linux.ts'
import type { Store } from '../../../luns/store.ts'
import { openStore, type StoreSpec } from '../../../luns/stores/index.ts'
import { expectBytes, failureOf, pattern, temporaryFolder, withoutKoffi } from '../tools.ts'

const KIB = 1024
/** Five chunks of a medium in memory and a part. */
const LENGTH = 5 * 64 * KIB + 12 * KIB
const SECTOR = 512

const portable = await withoutKoffi(() => import('../../../luns/stores/index.ts'))

interface Kind {
  readonly name: string
  readonly type: StoreSpec['type']
  readonly persistent: boolean
  readonly openStore: typeof openStore
}

const KINDS: readonly Kind[] = [
  { name: 'sparse', type: 'sparse', persistent: true, openStore },
  { name: 'sparse without koffi', type: 'sparse', persistent: true, openStore: portable.openStore },
  { name: 'file', type: 'file', persistent: true, openStore },
  { name: 'file without koffi', type: 'file', persistent: true, openStore: portable.openStore },
  { name: 'memory', type: 'memory', persistent: false, openStore },
]

/** Opens a store over one path, again and again. */
async function openerOf({ type, openStore }: Pick<Kind, 'type' | 'openStore'>, inMemory: boolean) {
  const path = join(await temporaryFolder({ inMemory }), 'image')
  return (length = LENGTH, readOnly = false) => openStore({ type, path }, { length, readOnly })
}

async function contentOf(store: Store): Promise<Buffer> {
  const content = Buffer.alloc(store.length, 0xee)
  await store.read(content, 0, store.length, 0)
  return content
}

describe.each(KINDS)('store: $name', ({ type, persistent, openStore }) => {
  const opener = (inMemory = true) => openerOf({ type, openStore }, inMemory)

  test('a new medium has its length and reads as zeroes', async () => {
    const store = await (await opener())()
    expect(store.length).toBe(LENGTH)
    expectBytes(await contentOf(store), Buffer.alloc(LENGTH))
    await store.close()
  })

  test('reads back what was written at both ends and across chunks, into the middle of a buffer', async () => {
    const store = await (await opener())()
    const model = Buffer.alloc(LENGTH)
    for (const [seed, offset] of [0, 64 * KIB - SECTOR, LENGTH - 2 * SECTOR].entries()) {
      const data = pattern(4 * SECTOR, seed)
      await store.write(data, SECTOR, 2 * SECTOR, offset)
      data.copy(model, offset, SECTOR, 3 * SECTOR)
    }
    expectBytes(await contentOf(store), model)
    const target = Buffer.alloc(4 * SECTOR, 0xee)
    await store.read(target, SECTOR, 2 * SECTOR, 64 * KIB - SECTOR)
    expectBytes(target.subarray(SECTOR, 3 * SECTOR), model.subarray(64 * KIB - SECTOR, 64 * KIB + SECTOR))
    expect([target[SECTOR - 1], target[3 * SECTOR]]).toEqual([0xee, 0xee])
    await store.close()
  })

  test('what is a hole is read at once', async () => {
    const store = await (await opener())()
    const target = Buffer.alloc(3 * SECTOR, 0xee)
    expect(store.readNow(target, SECTOR, SECTOR, LENGTH - SECTOR)).toBe(true)
    expect(target).toEqual(
      Buffer.concat([Buffer.alloc(SECTOR, 0xee), Buffer.alloc(SECTOR), Buffer.alloc(SECTOR, 0xee)]),
    )
    await store.close()
  })

  test('unmapped, or zeroed, reads as zeroes; what is beside it stays', async () => {
    const store = await (await opener())()
    const model = pattern(LENGTH, 1)
    await store.write(model, 0, LENGTH, 0)
    const clear = (offset: number, length: number) => (store.unmap ?? store.zero)!.call(store, offset, length)
    for (const [offset, length] of [
      [SECTOR, SECTOR],
      [30 * KIB, 200 * KIB],
      [LENGTH - SECTOR, SECTOR],
    ] as const) {
      await clear(offset, length) // biome-ignore format: pairs
      model.fill(0, offset, offset + length)
    }
    expectBytes(await contentOf(store), model)
    await store.close()
  })

  test('concurrent writes, reads and flushes', async () => {
    const store = await (await opener())()
    const model = pattern(LENGTH, 2)
    const pieces = Array.from({ length: LENGTH / 4096 }, (_, index) => index * 4096)
    await Promise.all(pieces.map((offset) => store.write(model, offset, 4096, offset)))
    await Promise.all([store.flush(), store.flush(), store.flush()])
    const target = Buffer.alloc(LENGTH)
    await Promise.all(pieces.map((offset) => store.read(target, offset, 4096, offset)))
    expectBytes(target, model)
    await store.close()
  })

  test('opened read-only it refuses to be changed', async () => {
    const open = await opener()
    if (persistent) await (await open()).close()
    const store = await open(LENGTH, true)
    const data = pattern(SECTOR, 3)
    expect(() => store.writeNow(data, 0, SECTOR, 0)).toThrow(expect.objectContaining({ failure: 'read-only' }))
    await expect(store.write(data, 0, SECTOR, 0)).rejects.toSatisfy((error) => failureOf(error) === 'read-only')
    const clear = (store.unmap ?? store.zero)!.call(store, 0, SECTOR)
    await expect(clear).rejects.toSatisfy((error) => failureOf(error) === 'read-only')
    expectBytes(await contentOf(store), Buffer.alloc(LENGTH))
    await store.flush()
    await store.close()
  })

  test('any sequence of operations agrees with a buffer', async () => {
    const range = fc.tuple(fc.nat(LENGTH / SECTOR - 1), fc.integer({ min: 1, max: 300 })).map(([first, count]) => ({
      offset: first * SECTOR,
      length: Math.min(count * SECTOR, LENGTH - first * SECTOR),
    }))
    const kind = fc.constantFrom('read', 'readNow', 'write', 'writeNow', 'clear', 'extent')
    const steps = fc.array(fc.record({ kind, range, seed: fc.nat(1000) }), { minLength: 1, maxLength: 30 })
    const open = await opener(false)
    const store = await open()
    let model = Buffer.alloc(0)
    await fc.assert(
      fc.asyncProperty(steps, async (operations) => {
        await (store.unmap ?? store.zero)!.call(store, 0, LENGTH)
        model = Buffer.alloc(LENGTH)
        for (const { kind: what, range: at, seed } of operations) await step(store, model, what, at, seed)
        expectBytes(await contentOf(store), model)
      }),
      { numRuns: 40 },
    )
    await store.close()
    if (!persistent) return
    const again = await open()
    expectBytes(await contentOf(again), model)
    await again.close()
  })
})

describe.each(KINDS.filter(({ persistent }) => persistent))('image: $name', ({ type, openStore }) => {
  const opener = (inMemory = true) => openerOf({ type, openStore }, inMemory)

  test('keeps its data when closed and opened again, also grown', async () => {
    const open = await opener()
    const data = pattern(LENGTH, 4)
    const first = await open()
    await first.write(data, 0, LENGTH, 0)
    await first.close()
    const second = await open(2 * LENGTH)
    expectBytes(await contentOf(second), Buffer.concat([data, Buffer.alloc(LENGTH)]))
    await second.close()
  })

  test('after close it fails, and touches no file that has its number now', async () => {
    const open = await opener()
    const store = await open()
    await store.close()
    const bystander = await openHandle(join(await temporaryFolder(), 'other'), 'w+')
    const data = pattern(SECTOR, 5)
    expect(() => store.writeNow(data, 0, SECTOR, 0)).toThrow(expect.objectContaining({ failure: 'I/O error' }))
    await expect(store.write(data, 0, SECTOR, 0)).rejects.toSatisfy((error) => failureOf(error) === 'I/O error')
    expect(store.readNow(data, 0, SECTOR, 0)).toBe(false)
    await expect(store.flush()).rejects.toSatisfy((error) => failureOf(error) === 'I/O error')
    expect((await bystander.stat()).size).toBe(0)
    await bystander.close()
  })

  test('writes that race with unmaps: what is read is what the image holds', async () => {
    const path = join(await temporaryFolder(), 'image')
    const store = await openStore({ type, path }, { length: LENGTH, readOnly: false })
    const clear = (store.unmap ?? store.zero)!
    const data = pattern(4096, 1)
    const chunks = [0, 1, 2, 3, 4].map((chunk) => chunk * 64 * KIB)
    for (let round = 0; round < 60; round++) {
      const work = chunks.flatMap((chunk) => [
        store.write(data, 0, 4096, chunk + 8192),
        clear.call(store, chunk, 64 * KIB),
      ])
      if (store.writeNow(data, 0, 4096, 3 * 64 * KIB)) await work[0]
      await Promise.all(work)
      expectBytes(await contentOf(store), await readFile(path))
    }
    await store.close()
  })
})

type Range = { offset: number; length: number }

/** One operation on the store and on the model. */
async function step(store: Store, model: Buffer, what: string, { offset, length }: Range, seed: number): Promise<void> {
  const end = offset + length
  if (what === 'read' || what === 'readNow') {
    const target = Buffer.alloc(length + 2, 0xee)
    if (what === 'read') await store.read(target, 1, length, offset)
    else if (!store.readNow(target, 1, length, offset)) return
    expectBytes(target.subarray(1, 1 + length), model.subarray(offset, end))
    expect([target[0], target[length + 1]]).toEqual([0xee, 0xee])
  } else if (what === 'write' || what === 'writeNow') {
    const data = pattern(length, seed)
    if (what === 'write' || !store.writeNow(data, 0, length, offset)) await store.write(data, 0, length, offset)
    data.copy(model, offset)
  } else if (what === 'clear') {
    await (store.unmap ?? store.zero)!.call(store, offset, length)
    model.fill(0, offset, end)
  } else {
    const run = await store.extent?.(offset, length)
    if (!run) return
    expect(run).toMatchObject({ offset })
    expect(run.length).toBeGreaterThan(0)
    expect(run.length).toBeLessThanOrEqual(length)
    if (!run.mapped) expectBytes(model.subarray(offset, offset + run.length), Buffer.alloc(run.length))
  }
}

describe('thin and thick images', () => {
  const MIB = 1024 * KIB

  test.runIf(linux)('a sparse image takes no blocks, and gives them back when unmapped', async () => {
    const path = join(await temporaryFolder(), 'image')
    const store = await openStore({ type: 'sparse', path }, { length: 64 * MIB, readOnly: false })
    const blocks = async () => (await stat(path)).blocks * 512
    expect(await blocks()).toBeLessThan(MIB)
    await store.write(pattern(8 * MIB, 1), 0, 8 * MIB, 0)
    await store.flush()
    expect(await blocks()).toBeGreaterThanOrEqual(8 * MIB)
    expect(await store.extent!(0, 64 * MIB)).toEqual({ offset: 0, length: 8 * MIB, mapped: true })
    await store.unmap!(MIB, 7 * MIB)
    expect(await blocks()).toBeLessThan(2 * MIB)
    expect(await store.extent!(MIB, 63 * MIB)).toEqual({ offset: MIB, length: 63 * MIB, mapped: false })
    await store.close()
  })

  test('a medium in memory is mapped to 4 KiB, and unmapped so', async () => {
    const store = await openStore({ type: 'memory' }, { length: MIB, readOnly: false })
    await store.write(pattern(8 * KIB, 1), 0, 8 * KIB, 10 * KIB)
    expect(await store.extent!(0, MIB)).toEqual({ offset: 0, length: 8 * KIB, mapped: false })
    expect(await store.extent!(8 * KIB, MIB - 8 * KIB)).toEqual({ offset: 8 * KIB, length: 12 * KIB, mapped: true })
    await store.unmap!(12 * KIB, 7 * KIB)
    expect(store.allocated).toBe(8 * KIB)
    expect(await store.extent!(12 * KIB, KIB)).toEqual({ offset: 12 * KIB, length: KIB, mapped: false })
    expect(await store.extent!(16 * KIB, MIB - 16 * KIB)).toEqual({ offset: 16 * KIB, length: 4 * KIB, mapped: true })
    await store.unmap!(16 * KIB, 4 * KIB)
    await store.unmap!(8 * KIB, 4 * KIB)
    expect(await store.extent!(0, MIB)).toEqual({ offset: 0, length: MIB, mapped: false })
    await store.close()
  })

  test.each(['with', 'without'])('a file image is fully allocated %s koffi, and has no unmap', async (how) => {
    const path = join(await temporaryFolder(), 'image')
    const open = how === 'with' ? openStore : portable.openStore
    const store = await open({ type: 'file', path }, { length: 4 * MIB, readOnly: false })
    expect((await stat(path)).blocks * 512).toBeGreaterThanOrEqual(4 * MIB)
    expect([store.unmap, store.extent]).toEqual([undefined, undefined])
    await store.write(pattern(MIB, 1), 0, MIB, MIB)
    await store.zero!(0, 4 * MIB)
    await store.flush()
    expect((await stat(path)).blocks * 512).toBeGreaterThanOrEqual(4 * MIB)
    await store.close()
  })

  test('a read-only image shorter than its medium ends in zeroes', async () => {
    const path = join(await temporaryFolder(), 'image')
    const file = await openHandle(path, 'w')
    await file.write(pattern(1000, 1))
    await file.close()
    const store = await openStore({ type: 'sparse', path }, { length: 4096, readOnly: true })
    const target = Buffer.alloc(4096, 0xee)
    await store.read(target, 0, 4096, 0)
    expectBytes(target, Buffer.concat([pattern(1000, 1), Buffer.alloc(3096)]))
    await store.close()
  })

  test.each([
    ['with', openStore],
    ['without', portable.openStore],
  ])('an existing image of data is served as it is %s koffi', async (_, open) => {
    const path = join(await temporaryFolder(), 'image')
    const file = await openHandle(path, 'w')
    await file.truncate(MIB)
    await file.write(pattern(4096, 1), 0, 4096, 512 * KIB)
    await file.close()
    const store = await open({ type: 'sparse', path }, { length: MIB, readOnly: false })
    const target = Buffer.alloc(MIB)
    await store.read(target, 0, MIB, 0)
    expectBytes(target.subarray(512 * KIB, 516 * KIB), pattern(4096, 1))
    target.fill(0, 512 * KIB, 516 * KIB)
    expectBytes(target, Buffer.alloc(MIB))
    await store.close()
  })
})

describe('writes at once', () => {
  test('go to the thread pool for 100 ms after one took 5 ms', async () => {
    const path = join(await temporaryFolder(), 'image')
    const store = await openStore({ type: 'sparse', path }, { length: LENGTH, readOnly: false })
    const clock = vi.spyOn(performance, 'now')
    const data = pattern(4096, 1)
    clock.mockReturnValueOnce(1000).mockReturnValueOnce(1005)
    expect(store.writeNow(data, 0, 4096, 0)).toBe(true)
    clock.mockReturnValueOnce(1104)
    expect(store.writeNow(data, 0, 4096, 4096)).toBe(false)
    clock.mockReturnValueOnce(1106).mockReturnValueOnce(1107)
    expect(store.writeNow(data, 0, 4096, 8192)).toBe(true)
    clock.mockRestore()
    const target = Buffer.alloc(4096)
    await store.read(target, 0, 4096, 4096)
    expectBytes(target, Buffer.alloc(4096))
    await store.close()
  })

  test('are refused over 256 KiB, and while the kernel punches', async () => {
    const path = join(await temporaryFolder(), 'image')
    const store = await openStore({ type: 'sparse', path }, { length: 1024 * KIB, readOnly: false })
    const data = pattern(512 * KIB, 1)
    expect(store.writeNow(data, 0, 256 * KIB + 512, 0)).toBe(false)
    expect(store.writeNow(data, 0, 256 * KIB, 0)).toBe(true)
    if (linux) {
      const punching = store.unmap!(0, 1024 * KIB)
      expect(store.writeNow(data, 0, 512, 0)).toBe(false)
      expect(await store.extent!(0, 1024 * KIB)).toEqual({ offset: 0, length: 1024 * KIB, mapped: false })
      await punching
      expect(store.writeNow(data, 0, 512, 0)).toBe(true)
    }
    await store.close()
  })
})

describe('null store', () => {
  test('reads zeroes, discards writes, is one hole', async () => {
    const store = await openStore({ type: 'null' }, { length: LENGTH, readOnly: false })
    const data = pattern(SECTOR, 1)
    expect(store.writeNow(data, 0, SECTOR, 0)).toBe(true)
    await store.write(data, 0, SECTOR, 0)
    const target = Buffer.alloc(SECTOR, 0xee)
    expect(store.readNow(target, 0, SECTOR, 0)).toBe(true)
    await store.read(target, 0, SECTOR, 0)
    expectBytes(target, Buffer.alloc(SECTOR))
    expect(await store.extent!(512, 1024)).toEqual({ offset: 512, length: 1024, mapped: false })
    await store.unmap!(0, LENGTH)
    await store.flush()
    await store.close()
    const readOnly = await openStore({ type: 'null' }, { length: LENGTH, readOnly: true })
    await expect(readOnly.unmap!(0, SECTOR)).rejects.toMatchObject({ failure: 'read-only' })
    expect(() => readOnly.writeNow(data, 0, SECTOR, 0)).toThrow(expect.objectContaining({ failure: 'read-only' }))
  })
})
