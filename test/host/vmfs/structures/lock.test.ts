import { expect, test } from 'vitest'
import { decodeLock, encodeLock, LOCK_MODE, LOCK_TYPE } from '../../../../src/host/vmfs/structures/lock.ts'

const HOST = '12345678-90abcdef-1234-00506201ff00'
const holder = (number: number) => ({
  heartbeatOffset: 0x300000 + number * 512,
  heartbeatGeneration: BigInt(number),
  host: HOST,
})

test('fields stand where vmfs-format.md, 5, has them', () => {
  const raw = encodeLock({
    ...{ type: LOCK_TYPE.fileDescriptor, offset: 0x420000, heartbeatOffset: 0x300200, heartbeatGeneration: 3n },
    ...{ token: 5n, mode: LOCK_MODE.exclusive, owner: HOST },
  })
  expect(raw).toHaveLength(512)
  expect(raw.readUInt32LE(0)).toBe(0x10c00001)
  expect(raw.readBigUInt64LE(4)).toBe(0x420000n)
  expect(raw.readBigUInt64LE(0x0c)).toBe(0x300200n)
  expect(raw.readBigUInt64LE(0x14)).toBe(3n)
  expect(raw.readBigUInt64LE(0x1c)).toBe(5n)
  expect(raw.readUInt32LE(0x24)).toBe(1)
  expect(raw.toString('hex', 0x28, 0x38)).toBe('78563412efcdab90341200506201ff00')
})

test('eight hosts share a lock', () => {
  const holders = [0, 1, 2, 3, 4, 5, 6, 7].map(holder)
  const raw = encodeLock({ mode: LOCK_MODE.multiWriter, holders })
  expect(raw.readUInt32LE(0x40)).toBe(8)
  expect(raw.readBigUInt64LE(0x44 + 32)).toBe(0x300200n)
  expect(decodeLock(raw).holders).toEqual(holders)
  expect(decodeLock(encodeLock({ holders: [holder(3)] }, raw)).holders).toEqual([holder(3)])
  expect(decodeLock(encodeLock({ mode: LOCK_MODE.free }, raw)).holders).toEqual([holder(3)])
})

test('nine are refused, on the way in and out', () => {
  expect(() => encodeLock({ holders: Array.from({ length: 9 }, (_, number) => holder(number)) })).toThrow(RangeError)
  const raw = encodeLock({ offset: 4096 })
  raw.writeUInt32LE(9, 0x40)
  expect(() => decodeLock(raw)).toThrow(expect.objectContaining({ problem: 'damaged', volumeOffset: 4096 }))
})
