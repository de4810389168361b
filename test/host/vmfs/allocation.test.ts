// The allocator over the clusters of a new volume (notes, 6): next fit, runs, nothing twice, nothing that the same transaction
// frees, 'no space' when there is none.

import { beforeAll, describe, expect, test } from 'vitest'
import { Allocator } from '../../../src/host/vmfs/allocation.ts'
import { Transaction, type TransactionLog } from '../../../src/host/vmfs/transaction.ts'
import { openVolume, type Volume } from '../../../src/host/vmfs/volume.ts'
import { cachedIo } from '../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from './memory-device.ts'
import { MIB, newVolume } from './writing-volumes.ts'

const NO_LOG: TransactionLog = { capacity: 1000, log: async () => {}, retire: async () => {} }

describe.each([5, 6] as const)('VMFS%i: sub-blocks', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version, version === 5 ? 273 * MIB : 785 * MIB)
  })

  async function allocator() {
    const volume = await openVolume([empty.fork()])
    const { sbc } = volume.files
    const pool = { plural: 'sub-blocks', places: sbc.places, bits: sbc.bits }
    const fresh = () => new Allocator(volume.version, { ...pool, headerOffset: (cluster) => sbc.headerOffset(cluster) })
    const begin = () => new Transaction(cachedIo(volume), NO_LOG, volume.version.sectorBytes)
    return { volume, allocator: fresh(), fresh, begin }
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
