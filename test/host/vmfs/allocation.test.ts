// The allocator over the clusters of a new volume (notes, 6): next fit, runs, nothing twice, nothing that the same transaction
// frees, 'no space' when there is none.

import { beforeAll, describe, expect, test } from 'vitest'
import { Allocator } from '../../../src/host/vmfs/allocation.ts'
import { Transaction, type TransactionLocks, type TransactionLog } from '../../../src/host/vmfs/transaction.ts'
import { openVolume, type Volume } from '../../../src/host/vmfs/volume.ts'
import { cachedIo } from '../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from './memory-device.ts'
import { MIB, newVolume } from './writing-volumes.ts'

const NO_LOG: TransactionLog = { capacity: 1000, log: async () => {}, retire: async () => {} }

/** Locks that other hosts hold, and give back when one waits for them. */
class LocksOfOthers implements TransactionLocks {
  readonly ofOthers = new Set<number>()
  readonly waitedFor: number[] = []

  async takeAtOnce(offset: number): Promise<boolean> {
    return !this.ofOthers.has(offset)
  }

  async take(offset: number): Promise<boolean> {
    if (this.ofOthers.delete(offset)) this.waitedFor.push(offset)
    return true
  }

  async give(): Promise<void> {}
  demandHeld(): void {}
  freeze(): void {}
}

describe.each([5, 6] as const)('VMFS%i: sub-blocks', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version, version === 5 ? 273 * MIB : 785 * MIB)
  })

  async function allocator() {
    const volume = await openVolume([empty.fork()])
    const { sbc } = volume.files
    const pool = { plural: 'sub-blocks', places: sbc.places, bits: sbc.bits }
    const spread = (host?: number) =>
      new Allocator(volume.version, { ...pool, headerOffset: (cluster) => sbc.headerOffset(cluster) }, host)
    const fresh = () => spread()
    const locks = new LocksOfOthers()
    const begin = () => new Transaction(cachedIo(volume), NO_LOG, volume.version.sectorBytes, locks)
    return { volume, allocator: fresh(), fresh, spread, begin, locks }
  }
  const freeOf = async ({ files: { sbc } }: Volume) => {
    let free = 0
    for (let cluster = 0; cluster < sbc.places.clusters; cluster++)
      free += (await sbc.readCluster(cluster)).state.countFree()
    return free
  }

  test('each is handed out once, in order, until there are none', async () => {
    const { volume, allocator: sub, begin } = await allocator()
    const { resourcesPerCluster } = volume.files.sbc.places
    const total = await freeOf(volume)
    const tx = begin()
    const taken: number[] = []
    for (let count = 0; count < total; count++) {
      const { cluster, resource } = await sub.take(tx)
      taken.push(cluster * resourcesPerCluster + resource)
    }
    expect(taken).toEqual(Array.from({ length: total }, (_, index) => index))
    await expect(sub.take(tx)).rejects.toMatchObject({ problem: 'no space' })
    await tx.commit()
    expect(await freeOf(volume)).toBe(0)
  })

  test('what is given back in the cluster of the last search is handed out before another cluster is', async () => {
    const { volume, allocator: sub, begin } = await allocator()
    const { resourcesPerCluster, clusters } = volume.files.sbc.places
    expect(clusters).toBeGreaterThan(1)
    const tx = begin()
    for (let count = 0; count < resourcesPerCluster; count++) await sub.take(tx)
    await tx.commit()
    const later = begin()
    await sub.release(later, { cluster: 0, resource: 3 })
    await later.commit()
    expect(await sub.take(begin())).toEqual({ cluster: 0, resource: 3 })
  })

  test('hosts start at clusters of their own', async () => {
    const { volume, spread, begin } = await allocator()
    const { clusters } = volume.files.sbc.places
    for (const host of [0, 1, clusters - 1, clusters, 0xffffffff])
      expect(await spread(host).take(begin())).toEqual({ cluster: host % clusters, resource: 0 })
  })

  test('a cluster that another host has locked is passed over, and waited for when there is nothing else', async () => {
    const { volume, allocator: sub, begin, locks } = await allocator()
    const { clusters } = volume.files.sbc.places
    const headers = await Promise.all(Array.from({ length: clusters }, (_, at) => volume.files.sbc.headerOffset(at)))
    locks.ofOthers.add(headers[0]!).add(headers[1]!)
    expect(await sub.take(begin())).toEqual({ cluster: 2, resource: 0 })
    expect(await sub.take(begin())).toEqual({ cluster: 2, resource: 1 })
    for (const header of headers) locks.ofOthers.add(header)
    expect(await sub.take(begin())).toEqual({ cluster: 2, resource: 0 })
    expect(locks.waitedFor).toEqual([headers[2]])
  })

  test('what is not committed was never taken', async () => {
    const { volume, allocator: sub, fresh, begin } = await allocator()
    const total = await freeOf(volume)
    const lost = begin()
    for (let count = 0; count < total; count++) await sub.take(lost)
    sub.forget()
    const tx = begin()
    expect(await sub.take(tx)).toBeDefined()
    expect(await fresh().take(begin())).toEqual({ cluster: 0, resource: 0 })
  })

  test('what a transaction frees it does not hand out again; the next one does', async () => {
    const { allocator: sub, fresh, begin } = await allocator()
    const first = begin()
    const taken = await sub.take(first)
    await first.commit()
    const second = begin()
    await sub.release(second, taken)
    expect(await fresh().take(second)).not.toEqual(taken)
    await second.commit()
    expect(await fresh().take(begin())).toEqual(taken)
  })

  test('a run is looked for behind holes that are too short', async () => {
    const { allocator: sub, fresh, begin } = await allocator()
    const first = begin()
    const taken = [await sub.take(first), await sub.take(first), await sub.take(first)]
    await first.commit()
    const second = begin()
    await sub.release(second, taken[1]!)
    await second.commit()
    const third = begin()
    const seeking = fresh()
    await seeking.seekRun(third, 2)
    expect(await seeking.take(third)).toEqual({ cluster: 0, resource: 3 })
    expect(await fresh().take(third)).toEqual({ cluster: 0, resource: 1 })
  })

  test('its cluster’s lock guards each', async () => {
    const { volume, allocator: sub, begin } = await allocator()
    const tx = begin()
    await sub.take(tx)
    expect(tx.locks).toEqual([await volume.files.sbc.headerOffset(0)])
  })

  test('a bitmap that contradicts its count is damaged', async () => {
    const { volume, allocator: sub, begin } = await allocator()
    const tx = begin()
    const taken = await sub.take(tx)
    await sub.release(tx, taken)
    await expect(sub.release(tx, taken)).rejects.toMatchObject({ problem: 'damaged' })
    expect(volume.version.version).toBe(version)
  })
})
