// Operations that are larger than one record of the journal: resources are taken and freed in transactions of their own, and nothing
// is leaked when the operation fails.

import { beforeAll, describe, expect, test } from 'vitest'
import { putFile } from '../../../src/host/vmfs/operations/put-file.ts'
import { removeFile } from '../../../src/host/vmfs/operations/remove.ts'
import type { TransactionLog } from '../../../src/host/vmfs/transaction.ts'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import { cachedIo } from '../../../src/host/vmfs/writable-volume.ts'
import { Writing } from '../../../src/host/vmfs/writing.ts'
import type { MemoryDevice } from './memory-device.ts'
import { inspect, MIB, newVolume, treeOf } from './writing-volumes.ts'

const FRESH = { wrong: [], leaked: [] }

async function* blocks(count: number, andThen?: Error): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(MIB, 1)
  if (andThen) throw andThen
}

describe.each([5, 6] as const)('VMFS%i with a journal of few sectors', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version, 2065 * MIB)
  })

  async function writingOn(device: MemoryDevice, capacity: number) {
    const records: number[] = []
    const log: TransactionLog = {
      capacity,
      log: async (images) => void records.push(images.length),
      retire: async () => {},
    }
    const volume = await openVolume([device])
    return { records, writing: new Writing(volume, cachedIo(volume), log, () => 0) }
  }
  // More blocks than two clusters have.
  const count = version === 5 ? 700 : 1100

  test('a large file is put and removed', async () => {
    const device = empty.fork()
    const put = await writingOn(device, 129)
    await putFile(put.writing, '/large', blocks(count), {})
    expect(put.records.length).toBeGreaterThan(1)
    expect(await inspect(device)).toEqual(FRESH)
    const remove = await writingOn(device, 6)
    await removeFile(remove.writing, '/large')
    expect(remove.records.length).toBeGreaterThan(1)
    expect(Math.max(...remove.records)).toBeLessThanOrEqual(6)
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('what a failed put has taken is given back', async () => {
    const device = empty.fork()
    const { records, writing } = await writingOn(device, 129)
    await expect(putFile(writing, '/large', blocks(count, new Error('the pipe broke')), {})).rejects.toThrow('pipe')
    expect(records.length).toBeGreaterThan(1)
    expect((await treeOf(await openVolume([device]))).size).toBe(0)
    expect(await inspect(device)).toEqual(FRESH)
  })
})
