// Pools: what their stores take is what they allocate, all or nothing, and nothing is forgotten or counted twice.

import { open as openHandle, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Gate, MATCH } from '../../luns/gate.ts'
import { linux } from '../../luns/linux.ts'
import { Pool } from '../../luns/pool.ts'
import { openStore, type StoreSpec } from '../../luns/stores/index.ts'
import { contentOf, expectBytes, failureOf, pattern, temporaryFolder, withoutKoffi } from './tools.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GRAIN = 4 * KIB
const LENGTH = 4 * MIB

const portable = await withoutKoffi(() => import('../../luns/stores/index.ts'))

const poolOf = (capacity: number, softThreshold = capacity): Pool => new Pool('gold', { capacity, softThreshold })

type Open = typeof openStore
interface Placed {
  readonly pool: Pool
  readonly length?: number
  readonly readOnly?: boolean
  readonly open?: Open
}

async function gateIn(spec: StoreSpec, { pool, length = LENGTH, readOnly = false, open = openStore }: Placed) {
  return new Gate(await open(spec, { length, readOnly, pool }), { writeThrough: false })
}

const imagePath = async () => join(await temporaryFolder({ inMemory: true }), 'image')
const noSpace = (error: unknown): boolean => failureOf(error) === 'no space'

describe('the soft threshold', () => {
  const crossings = (pool: Pool): number[] => {
    const told: number[] = []
    pool.onSoftThreshold = ({ used }) => told.push(used)
    return told
  }

  test('is told once per crossing; armed again 5 % of the capacity below', () => {
    const pool = poolOf(1000, 800)
    const told = crossings(pool)
    const account = pool.open()
    account.take(799)
    expect(told).toEqual([])
    account.take(1)
    account.take(100)
    expect(told).toEqual([800])
    account.give(149)
    account.take(100)
    expect(told).toEqual([800])
    account.give(101)
    account.take(50)
    expect(told).toEqual([800, 800])
  })

  test('crossed by what several stores take together; a closed one gives all of it back', () => {
    const pool = poolOf(1000, 500)
    const told = crossings(pool)
    const [a, b] = [pool.open(), pool.open()]
    a.take(300)
    b.count(900)
    expect(told).toEqual([1200])
    expect([pool.used, pool.available]).toEqual([1200, 0])
    expect(() => a.take(1)).toThrow(expect.objectContaining({ failure: 'no space' }))
    b.close()
    expect([pool.used, pool.available]).toEqual([300, 700])
    a.take(200)
    expect(told).toEqual([1200, 500])
  })

  test('near the bottom it is armed again when the pool is empty', () => {
    const pool = poolOf(1000, 10)
    const told = crossings(pool)
    const account = pool.open()
    account.take(10)
    account.give(9)
    account.take(9)
    expect(told).toEqual([10])
    account.give(10)
    account.take(10)
    expect(told).toEqual([10, 10])
  })

  test('other limits: a lower threshold may be crossed by them, a higher one arms again', () => {
    const pool = poolOf(1000, 800)
    const told = crossings(pool)
    const account = pool.open()
    account.take(600)
    pool.configure({ capacity: 500, softThreshold: 400 })
    expect(told).toEqual([600])
    expect(() => account.take(1)).toThrow('pool gold: 1 bytes wanted, 0 free')
    pool.configure({ capacity: 2000, softThreshold: 1000 })
    account.take(400)
    expect(told).toEqual([600, 1000])
    expect([pool.capacity, pool.softThreshold, pool.available]).toEqual([2000, 1000, 1000])
  })

  test('told before the write that crosses it is done, and that one succeeds', async () => {
    const pool = poolOf(LENGTH, MIB)
    const gate = await gateIn({ type: 'memory' }, { pool })
    const told = crossings(pool)
    const data = pattern(MIB, 1)
    await gate.write(data, 0, MIB, 0, false)
    expect(told).toEqual([MIB])
    expectBytes(await contentOf(gate, 0, MIB), data)
    await gate.close()
  })
})

const THIN: { kind: string; open: (pool: Pool, length?: number) => Promise<Gate> }[] = [
  { kind: 'memory', open: (pool, length) => gateIn({ type: 'memory' }, { pool, ...(length && { length }) }) },
  {
    kind: 'sparse',
    open: async (pool, length) =>
      gateIn({ type: 'sparse', path: await imagePath() }, { pool, ...(length && { length }) }),
  },
  {
    kind: 'sparse without koffi',
    open: async (pool, length) =>
      gateIn(
        { type: 'sparse', path: await imagePath() },
        { pool, open: portable.openStore, ...(length && { length }) },
      ),
  },
]

describe.each(THIN)('a thin medium, $kind', ({ open }) => {
  test('takes what it allocates, to the grain, and gives back what is unmapped', async () => {
    const pool = poolOf(LENGTH)
    const gate = await open(pool)
    expect([gate.pool, gate.allocatedBytes, pool.used]).toEqual([pool, 0, 0])
    const data = pattern(64 * KIB, 1)
    expect(gate.writeNow(data, 0, 512, GRAIN, false)).toBe(true)
    expect(pool.used).toBe(GRAIN)
    await gate.write(data, 0, 64 * KIB, 8 * KIB - 512, false)
    expect([gate.allocatedBytes, pool.used]).toEqual([17 * GRAIN, 17 * GRAIN])
    await gate.write(data, 0, 64 * KIB, 8 * KIB - 512, true)
    expect(pool.used).toBe(17 * GRAIN)
    await gate.unmap(0, 8 * KIB + 512)
    expect(pool.used).toBe(16 * GRAIN)
    await gate.unmap(0, LENGTH)
    expect([gate.allocatedBytes, pool.used]).toEqual([0, 0])
    await gate.write(data, 0, 64 * KIB, MIB, false)
    await gate.close()
    expect(pool.used).toBe(0)
  })

  test('full: only what needs new blocks is refused, and leaves no trace', async () => {
    const pool = poolOf(2 * MIB)
    const gate = await open(pool)
    const medium = pattern(2 * MIB, 1)
    await gate.write(medium, 0, 2 * MIB, 0, false)
    const before = Buffer.concat([medium, Buffer.alloc(2 * MIB)])
    const data = pattern(MIB, 2)
    for (const length of [512, GRAIN, 128 * KIB, MIB]) {
      const across = 2 * MIB - 512
      const start = length === 512 ? 2 * MIB : across
      expect(() => gate.writeNow(data, 0, Math.min(length, 256 * KIB), start, false)).toThrow(
        expect.objectContaining({ failure: 'no space' }),
      )
      await expect(gate.write(data, 0, length, start, true)).rejects.toSatisfy(noSpace)
      const old = before.subarray(start, start + length)
      for (const fua of [false, true]) {
        const replaced = async () => gate.compareAndWrite(old, data.subarray(0, length), start, fua)
        await expect(replaced()).rejects.toSatisfy(noSpace)
      }
      await expect(gate.writeAtomic(data.subarray(0, length), start, false)).rejects.toSatisfy(noSpace)
      await expect(gate.orWrite(data.subarray(0, Math.min(length, 128 * KIB)), start, false)).rejects.toSatisfy(noSpace)
    }
    const block = pattern(512, 3)
    await expect(gate.writeSame(block, 3 * MIB, MIB, { unmap: false, fua: false })).rejects.toSatisfy(noSpace)
    const anchored = gate.writeSame(Buffer.alloc(512), 3 * MIB, MIB, { unmap: true, anchor: true, fua: false })
    await expect(anchored).rejects.toSatisfy(noSpace)
    await expect(gate.copyFrom(gate, 0, 2 * MIB, MIB)).rejects.toSatisfy(noSpace)
    expect(await gate.verify(before, 0)).toBe(MATCH)
    expect([gate.allocatedBytes, pool.used]).toEqual([2 * MIB, 2 * MIB])
    await gate.write(data, 0, MIB, MIB, false)
    expect(gate.writeNow(data, 0, GRAIN, 0, false)).toBe(true)
    await gate.writeSame(Buffer.alloc(512), 3 * MIB, MIB, { unmap: false, fua: false })
    await gate.unmap(0, MIB)
    await gate.copyFrom(gate, MIB, 3 * MIB, MIB)
    expectBytes(await contentOf(gate, 3 * MIB, MIB), data)
    expect(pool.used).toBe(2 * MIB)
    await gate.close()
  })

  test('copies take what they write, and holes take nothing', async () => {
    const pool = poolOf(LENGTH)
    const source = await open(poolOf(LENGTH))
    const gate = await open(pool)
    await source.write(pattern(MIB, 1), 0, MIB, MIB, false)
    await source.write(pattern(MIB, 1), 0, GRAIN, 3 * MIB, false)
    await gate.write(pattern(MIB, 1), 0, MIB, 0, false)
    await gate.copyFrom(source, 0, 0, LENGTH)
    expect(pool.used).toBe(MIB + GRAIN)
    await Promise.all([gate.close(), source.close()])
  })

  test('any sequence: what is counted follows what was written and unmapped, and two units fill one pool', async () => {
    const length = 64 * GRAIN
    const capacity = 80 * GRAIN
    const pool = poolOf(capacity)
    const gates = [await open(pool, length), await open(pool, length)] as const
    const step = fc.record({
      unit: fc.constantFrom(0, 1),
      what: fc.constantFrom('write', 'unmap', 'same', 'copy', 'or', 'atomic'),
      first: fc.nat(63),
      count: fc.integer({ min: 1, max: 64 }),
    })
    const data = pattern(length, 1)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const models = gates.map(() => new Uint8Array(64)) as [Uint8Array, Uint8Array]
        for (const gate of gates) await gate.unmap(0, length)
        for (const { unit, what, first, count } of steps) {
          const [gate, other] = unit === 0 ? gates : ([gates[1], gates[0]] as const)
          const [model, their] = unit === 0 ? models : ([models[1], models[0]] as const)
          const grains = Math.min(count, 64 - first)
          const [at, bytes] = [first * GRAIN, grains * GRAIN]
          const part = data.subarray(0, bytes)
          const after = Uint8Array.from(model)
          if (what === 'copy') after.set(their.subarray(first, first + grains), first)
          else after.fill(what === 'unmap' ? 0 : 1, first, first + grains)
          const used = [...after, ...their].reduce((sum, bit) => sum + bit, 0)
          const done = { write: () => gate.write(part, 0, bytes, at, false), unmap: () => gate.unmap(at, bytes),
            same: () => gate.writeSame(data.subarray(0, 512), at, bytes, { unmap: false, fua: false }),
            copy: () => gate.copyFrom(other, at, at, bytes), or: () => gate.orWrite(part, at, false),
            atomic: () => gate.writeAtomic(part, at, false) }[what]() // biome-ignore format: a table
          if (what === 'copy') {
            const failure = await done.then(() => undefined, failureOf)
            if (used * GRAIN > capacity) expect(failure).toBe('no space')
            if (failure) return // pieces of it were copied, in an order that may need more room than its end
          }
          if (used * GRAIN <= capacity) await done
          else await expect(done).rejects.toSatisfy(noSpace)
          if (used * GRAIN <= capacity) model.set(after)
          const counts = models.map((bits) => GRAIN * bits.reduce((sum, bit) => sum + bit, 0)) as [number, number]
          expect(gates.map((one) => one.allocatedBytes)).toEqual(counts)
          expect(pool.used).toBe(counts[0] + counts[1])
        }
      }),
      { numRuns: 40 },
    )
    await Promise.all(gates.map((gate) => gate.close()))
    expect(pool.used).toBe(0)
  })

  test('writes that race with unmaps: the counts agree in the end, and never lose data', async () => {
    const pool = poolOf(LENGTH)
    const gate = await open(pool)
    const data = pattern(512 * KIB, 1)
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        gate.write(data, 0, 512 * KIB, 0, false),
        gate.unmap(256 * KIB, 512 * KIB),
        gate.write(data, 0, 512 * KIB, 512 * KIB, false),
        gate.unmap(0, MIB),
        gate.write(data, 0, 300 * KIB, 128 * KIB, false),
      ])
      expect(pool.used).toBe(gate.allocatedBytes)
      for (let at = 0; at < LENGTH; ) {
        const run = await gate.extent(at, LENGTH - at)
        if (!run.mapped) expectBytes(await contentOf(gate, at, run.length), Buffer.alloc(run.length))
        at += run.length
      }
    }
    await gate.unmap(0, LENGTH)
    expect(pool.used).toBe(0)
    await gate.close()
  })
})

describe('after a restart', () => {
  test.runIf(linux)('the holes of the image tell what is in use, to the block', async () => {
    const path = await imagePath()
    const before = poolOf(LENGTH)
    const gate = await gateIn({ type: 'sparse', path }, { pool: before })
    await gate.write(pattern(GRAIN, 1), 0, 512, 512, false)
    await gate.write(pattern(MIB, 1), 0, MIB, MIB, false)
    await gate.unmap(MIB + 512, 64 * KIB)
    const { used } = before
    expect(used).toBe(GRAIN + MIB - 15 * GRAIN)
    await gate.close()
    const pool = poolOf(LENGTH, used)
    let told = 0
    pool.onSoftThreshold = () => told++
    const again = await gateIn({ type: 'sparse', path }, { pool })
    expect([pool.used, again.allocatedBytes, told]).toEqual([used, used, 1])
    await again.close()
  })

  test('without koffi holes cannot be seen: an image of data counts whole, an empty one not at all', async () => {
    const path = await imagePath()
    const open = portable.openStore
    const first = await gateIn({ type: 'sparse', path }, { pool: poolOf(LENGTH), open })
    await first.close()
    const pool = poolOf(LENGTH)
    const empty = await gateIn({ type: 'sparse', path }, { pool, open })
    expect(pool.used).toBe(0)
    await empty.write(pattern(GRAIN, 1), 0, GRAIN, 0, false)
    expect(pool.used).toBe(GRAIN)
    await empty.close()
    const full = await gateIn({ type: 'sparse', path }, { pool, open })
    expect(pool.used).toBe(LENGTH)
    await full.unmap(GRAIN, LENGTH - GRAIN)
    expect(pool.used).toBe(GRAIN)
    await full.close()
  })

  test('a pool that has become too small: images open, and only new blocks are refused', async () => {
    const folder = await temporaryFolder({ inMemory: true })
    const specs = (['sparse', 'file'] as const).map((type) => ({ type, path: join(folder, type) }))
    const large = poolOf(2 * LENGTH)
    const data = pattern(MIB, 1)
    for (const spec of specs) {
      const gate = await gateIn(spec, { pool: large })
      await gate.write(data, 0, MIB, 0, false)
      await gate.close()
    }
    const small = poolOf(MIB / 2)
    const [thin, thick] = [await gateIn(specs[0]!, { pool: small }), await gateIn(specs[1]!, { pool: small })]
    expect(small.used).toBe(thin.allocatedBytes + LENGTH)
    for (const gate of [thin, thick]) await gate.write(data, 0, MIB, 0, false)
    await thick.write(data, 0, MIB, 2 * MIB, false)
    if (linux) await expect(thin.write(data, 0, GRAIN, 2 * MIB, false)).rejects.toSatisfy(noSpace)
    await Promise.all([thin.close(), thick.close()])
    expect(small.used).toBe(0)
  })

  test('a read-only image counts as well', async () => {
    const path = await imagePath()
    const file = await openHandle(path, 'w')
    await file.write(pattern(GRAIN, 1))
    await file.close()
    const pool = poolOf(LENGTH)
    const gate = await gateIn({ type: 'sparse', path }, { pool, readOnly: true, length: GRAIN })
    expect(pool.used).toBe(GRAIN)
    const second = await gateIn({ type: 'file', path }, { pool, readOnly: true, length: GRAIN })
    expect([pool.used, second.allocatedBytes]).toEqual([2 * GRAIN, GRAIN])
    await Promise.all([gate.close(), second.close()])
  })
})

describe.each([
  ['with', openStore],
  ['without', portable.openStore],
])('a thick medium, %s koffi', (_, open) => {
  test('takes its length when it is opened, and writes take no more', async () => {
    const pool = poolOf(LENGTH)
    const gate = await gateIn({ type: 'file', path: await imagePath() }, { pool, open })
    expect([gate.pool, gate.allocatedBytes, pool.used]).toEqual([pool, LENGTH, LENGTH])
    await gate.write(pattern(MIB, 1), 0, MIB, MIB, false)
    await gate.unmap(0, LENGTH)
    expect([gate.allocatedBytes, pool.used]).toEqual([LENGTH, LENGTH])
    await gate.close()
    expect(pool.used).toBe(0)
  })

  test('is refused where the pool has no room, and leaves nothing behind', async () => {
    const folder = await temporaryFolder({ inMemory: true })
    const path = join(folder, 'image')
    const pool = poolOf(LENGTH - 1)
    const error = await open({ type: 'file', path }, { length: LENGTH, readOnly: false, pool }).catch((e) => e)
    expect(failureOf(error)).toBe('cannot open')
    expect(error.message).toBe(
      `cannot open ${path}: the pool gold has ${LENGTH - 1} bytes free and ${LENGTH} are wanted; ` +
        'raise its capacity, free some of it, or use a sparse image',
    )
    expect([pool.used, await readdir(folder)]).toEqual([0, []])
  })

  test('grown or made of a thin one, only what is new has to fit', async () => {
    const path = await imagePath()
    const thin = await gateIn({ type: 'sparse', path }, { pool: poolOf(LENGTH), open })
    await thin.write(pattern(MIB, 1), 0, MIB, 0, false)
    await thin.close()
    await expect(gateIn({ type: 'file', path }, { pool: poolOf(2 * MIB), open })).rejects.toThrow(
      `has ${MIB} bytes free and ${3 * MIB} are wanted`,
    )
    const pool = poolOf(LENGTH)
    const gate = await gateIn({ type: 'file', path }, { pool, open })
    expect(pool.used).toBe(LENGTH)
    await gate.close()
  })
})

test('a null store takes nothing', async () => {
  const pool = poolOf(0)
  const gate = await gateIn({ type: 'null' }, { pool })
  await gate.write(pattern(MIB, 1), 0, MIB, 0, false)
  expect([gate.allocatedBytes, pool.used, gate.pool]).toEqual([0, 0, undefined])
  await gate.close()
})
