// Transactions of metadata: what is read, kept, logged and written in which order, and which locks are named.

import { describe, expect, test } from 'vitest'
import { type SectorImage, Transaction, type TransactionLog } from '../../../src/host/vmfs/transaction.ts'
import { MemoryDevice } from './memory-device.ts'
import { pattern } from './writing-volumes.ts'

const SECTOR = 512

/** A volume of one device, and a log that says when it is called. */
function volumeWithLog(capacity = 8) {
  const device = new MemoryDevice(1024 * 1024)
  device.poke(0, pattern(64 * 1024, 1))
  const events: string[] = []
  const io = {
    read: (offset: number, length: number) => device.read(offset, length),
    async write(offset: number, data: Buffer) {
      events.push(`write ${data.length} at ${offset}`)
      await device.write(offset, data)
    },
    async flush() {
      events.push('flush')
    },
  }
  const log: TransactionLog = {
    capacity,
    async log(images: readonly SectorImage[]) {
      events.push(`log ${images.map(({ offset }) => offset).join(' ')}`)
    },
    async retire() {
      events.push('retire')
    },
  }
  return { device, events, begin: () => new Transaction(io, log, SECTOR) }
}

const at = (offset: number, length: number, lock = 0) => ({ offset, length, lock })

describe('a transaction', () => {
  test('logs changed sectors, writes neighbours in one write, flushes and retires the record', async () => {
    const { device, events, begin } = volumeWithLog()
    const tx = begin()
    await tx.edit(at(1000, 100), (image) => image.fill(1))
    await tx.edit(at(4096, 512), (image) => image.fill(2))
    await tx.commit()
    expect(events).toEqual(['log 512 1024 4096', 'write 1024 at 512', 'write 512 at 4096', 'flush', 'retire'])
    expect(device.peek(1000, 100)).toEqual(Buffer.alloc(100, 1))
    expect(device.peek(512, 488)).toEqual(pattern(64 * 1024, 1).subarray(512, 1000))
  })

  test('shows its own edits, and nobody else before it is committed', async () => {
    const { device, begin } = volumeWithLog()
    const tx = begin()
    await tx.replace(at(510, 4), Buffer.from('edit'))
    expect((await tx.read(508, 8)).subarray(2, 6).toString()).toBe('edit')
    expect(device.peek(510, 4)).toEqual(pattern(64 * 1024, 1).subarray(510, 514))
    expect((await begin().read(510, 4)).toString()).not.toBe('edit')
  })

  test('without a change writes nothing', async () => {
    const { events, begin } = volumeWithLog()
    const tx = begin()
    await tx.edit(at(0, 1024), () => {})
    await tx.edit(at(2048, 8), (image) => image.fill(7))
    await tx.replace(at(2048, 8), pattern(64 * 1024, 1).subarray(2048, 2056))
    await tx.commit()
    expect(events).toEqual([])
  })

  test('flushes what was written directly before it is logged', async () => {
    const { events, begin } = volumeWithLog()
    const tx = begin()
    await tx.write(8192, Buffer.alloc(512))
    await tx.edit(at(0, 8), (image) => image.fill(7))
    await tx.commit()
    expect(events).toEqual(['write 512 at 8192', 'flush', 'log 0', 'write 512 at 0', 'flush', 'retire'])
  })

  test('names the lock of each edit once, ascending', async () => {
    const { begin } = volumeWithLog()
    const tx = begin()
    await tx.edit(at(4096, 8, 4096), (image) => image.fill(1))
    await tx.edit(at(8192, 8, 1024), (image) => image.fill(1))
    await tx.edit(at(9000, 8, 4096), (image) => image.fill(1))
    expect(tx.locks).toEqual([1024, 4096])
  })

  test('of more sectors than the record has room for is refused, and changes nothing', async () => {
    const { events, begin } = volumeWithLog(8)
    const tx = begin()
    await tx.edit(at(0, 8 * SECTOR), (image) => image.fill(9))
    expect(tx.hasRoomFor(0)).toBe(true)
    expect(tx.hasRoomFor(1)).toBe(false)
    await tx.edit(at(8192, 1), (image) => image.fill(9))
    await expect(tx.commit()).rejects.toMatchObject({ problem: 'too large' })
    expect(events).toEqual([])
  })

  test('is not used twice, nor edits what it has written directly around', async () => {
    const { begin } = volumeWithLog()
    const tx = begin()
    await tx.edit(at(0, 8), (image) => image.fill(9))
    await expect(tx.write(0, Buffer.alloc(512))).rejects.toThrow('both edited and written directly')
    await tx.commit()
    await expect(tx.commit()).rejects.toThrow('is over')
    await expect(tx.edit(at(0, 8), () => {})).rejects.toThrow('is over')
  })
})
