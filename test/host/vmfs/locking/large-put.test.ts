// A put of more data than is kept for another attempt, while other hosts have the locks that it needs.

import { expect, test } from 'vitest'
import { MIB } from '../../../target/array.ts'
import { sharedVolume } from './shared-volume.ts'

/** More than one cluster of VMFS5 has, and much more than is kept of a source. */
const BLOCKS = 230
const TAKEN_AFTER = 70

test('other hosts take the clusters in the middle: the data is asked for once, and all of it is there', async () => {
  const shared = await sharedVolume(5)
  const [host, other] = [await shared.host(), await shared.host()]
  const { fbb } = other.volume.volume.files
  const held: number[] = []
  let given = 0
  /** All that the put does not have itself. */
  const takeClusters = () =>
    other.volume.exclusively(async ({ locks }) => {
      for (let cluster = 0; cluster < fbb.places.clusters; cluster++) {
        const offset = await fbb.headerOffset(cluster)
        if (await locks!.takeAtOnce(offset)) held.push(offset)
      }
    })
  const giveClusters = () => other.volume.exclusively(({ locks }) => locks!.give(held))
  async function* source() {
    for (; given < BLOCKS; given++) {
      if (given === TAKEN_AFTER) await takeClusters()
      yield Buffer.alloc(MIB, given + 1)
    }
  }
  const reads = () => host.volume.lockingCounts!['acquire lock'].reads
  const put = host.volume.putFile('/large', source())
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  // It meets them, and waits for them many times as long as a lock is waited for by others.
  const before = reads()
  while (reads() < before + 60) await new Promise((resolve) => setTimeout(resolve, 5))
  await giveClusters()
  await put
  expect(given).toBe(BLOCKS)
  await Promise.all([host.volume.close(), other.volume.close()])
  expect(await shared.findings()).toEqual([])
  expect(await shared.names()).toEqual(['large'])
}, 120_000)
