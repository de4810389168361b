// Random operations on a volume and on a tree in memory: both look the same afterwards, and the volume's bitmaps, counts and links
// say what its files use.

import { beforeAll, describe, expect, test } from 'vitest'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import type { MemoryDevice } from './memory-device.ts'
import { carryOut, Model, randomOf } from './model.ts'
import { change, inspect, newVolume, treeOf } from './writing-volumes.ts'

describe.each([5, 6] as const)('VMFS%i against a tree in memory', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version)
  })

  test.each([1, 2, 3, 4, 5, 6])('200 random operations of seed %i', async (seed) => {
    const device = empty.fork()
    const model = new Model()
    const random = randomOf(seed * 100 + version)
    for (let session = 0; session < 4; session++) {
      await change(device, async (volume) => {
        for (let count = 0; count < 50; count++) {
          const operation = model.next(random)
          await carryOut(volume, operation)
          model.apply(operation)
        }
      })
      expect(await treeOf(await openVolume([device]))).toEqual(model.tree())
      expect(await inspect(device)).toEqual({ wrong: [], leaked: [] })
    }
  })
})
