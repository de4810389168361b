import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CLUSTERS5,
  CLUSTERS6,
  Cluster,
  LARGE_FILE_BLOCK_BITS,
  ONE_BIT,
  SMALL_FILE_BLOCK_BITS,
} from '../../../../src/host/vmfs/structures/cluster.ts'

const FORMATS = [
  ['VMFS5', CLUSTERS5, ONE_BIT, 512],
  ['VMFS6', CLUSTERS6, ONE_BIT, 1024],
  ['VMFS6 small file blocks', CLUSTERS6, SMALL_FILE_BLOCK_BITS, 512],
  ['VMFS6 large file blocks', CLUSTERS6, LARGE_FILE_BLOCK_BITS, 16],
] as const

test('VMFS5: the sector behind the lock (vmfs-format.md, 6.3)', () => {
  const cluster = Cluster.empty(CLUSTERS5, 3, 20)
  cluster.take(0)
  cluster.take(9)
  cluster.lastGeneration = 7
  const { sector } = cluster
  expect(sector).toHaveLength(512)
  expect([0, 4, 8, 0xc, 0x50].map((at) => sector.readUInt32LE(at))).toEqual([3, 20, 18, 1, 7])
  expect(sector.toString('hex', 0x10, 0x14)).toBe('fefd0f00')
})

test('VMFS6: the sector behind the lock (vmfs-format.md, 6.5)', () => {
  const cluster = Cluster.empty(CLUSTERS6, 3, 20)
  cluster.take(0)
  cluster.take(9)
  cluster.lastGeneration = 7
  const { sector } = cluster
  expect(sector).toHaveLength(4096)
  expect(sector.toString('latin1', 0x10, 0x14)).toBe('dmcr')
  expect(sector.readBigUInt64LE(0x18)).toBe(3n)
  expect([0x20, 0x22, 0x26].map((at) => sector.readUInt16LE(at))).toEqual([20, 18, 0])
  expect([0x30, 0x58, 0x68, 0x7c].map((at) => sector.readUInt32LE(at))).toEqual([1, 2, 7, 1])
  expect(sector.toString('hex', 0x80, 0x84)).toBe('fefd0f00')
})

describe.each(FORMATS)('%s', (_, format, bits, most) => {
  test('counts and bits agree, whatever is taken and given back', () => {
    const steps = fc.array(fc.nat({ max: most - 1 }), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: most }), steps, (total, numbers) => {
        const cluster = Cluster.empty(format, 0, total, bits)
        const free = new Set(Array.from({ length: total }, (_, resource) => resource))
        for (const resource of numbers.filter((number) => number < total)) {
          if (free.delete(resource)) cluster.take(resource)
          else {
            cluster.release(resource)
            free.add(resource)
          }
        }
        expect(cluster.free).toBe(free.size)
        expect(cluster.countFree()).toBe(free.size)
        for (let resource = 0; resource < total; resource++) expect(cluster.isFree(resource)).toBe(free.has(resource))
        expect(cluster.hint).toBe(free.size > 0 && numbers.length > 0 ? Math.min(...free) : 0)
      }),
      { numRuns: 30 },
    )
  })

  test('allocation takes the lowest, until none is left', () => {
    const cluster = Cluster.empty(format, 0, 3, bits)
    cluster.take(1)
    expect([cluster.allocate(), cluster.allocate(), cluster.allocate()]).toEqual([0, 2, undefined])
    cluster.release(1)
    expect(new Cluster(format, Buffer.from(cluster.sector), bits).allocate()).toBe(1)
  })

  test.each<[string, (cluster: Cluster) => void]>([
    ['taking what is taken', (cluster) => cluster.take(0)],
    ['freeing what is free', (cluster) => cluster.release(1)],
    ['a resource that it has not', (cluster) => cluster.isFree(3)],
    ['a resource that is no number', (cluster) => cluster.isFree(Number.NaN)],
  ])('%s is damage', (_, act) => {
    const cluster = Cluster.empty(format, 0, 3, bits)
    cluster.take(0)
    expect(() => act(cluster)).toThrow(expect.objectContaining({ problem: 'damaged' }))
  })

  test('a count that contradicts the bits is damage, not a negative count', () => {
    const cluster = Cluster.empty(format, 0, 2, bits)
    const { free } = format.state
    free.write(cluster.sector, free.offset, 0)
    expect(() => cluster.take(0)).toThrow(/though the header says/)
    free.write(cluster.sector, free.offset, 1)
    cluster.take(0)
    free.write(cluster.sector, free.offset, 2)
    expect(() => cluster.release(0)).toThrow(/though the header says/)
  })

  test('repaired: the bits say what is wanted, and the counts agree', () => {
    const cluster = Cluster.empty(format, 9, 10, bits)
    cluster.sector.fill(0x5a, format.bitmapOffset, format.bitmapOffset + 8)
    cluster.repair(4, (resource) => resource % 3 === 0)
    expect({ number: cluster.number, free: cluster.free, count: cluster.countFree() }).toEqual({
      ...{ number: 4, free: 4, count: 4 },
    })
    expect(cluster.isFree(9)).toBe(true)
    expect(cluster.isFree(8)).toBe(false)
  })
})

test('a large file block that is split is not free, and only those can be', () => {
  const cluster = Cluster.empty(CLUSTERS6, 0, 16, LARGE_FILE_BLOCK_BITS)
  cluster.split(2)
  expect([cluster.value(1), cluster.value(2), cluster.isFree(2), cluster.free]).toEqual([1, 4, false, 15])
  expect(() => Cluster.empty(CLUSTERS6, 0, 16).split(2)).toThrow(RangeError)
})

test.each([
  ['no signature', CLUSTERS6, Buffer.alloc(4096), ONE_BIT],
  ['another length', CLUSTERS5, Buffer.alloc(4096), ONE_BIT],
  [
    'more resources than the bitmap has bits',
    CLUSTERS5,
    Cluster.empty(CLUSTERS5, 0, 512).sector,
    SMALL_FILE_BLOCK_BITS,
  ],
])('a sector with %s is damage', (_, format, sector, bits) => {
  expect(() => new Cluster(format, sector, bits)).toThrow(expect.objectContaining({ problem: 'damaged' }))
})
