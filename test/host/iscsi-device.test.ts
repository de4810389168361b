// A LUN as a block device, against an array over loopback: pieces, bounds, what is no disk.

import { describe, expect, test } from 'vitest'
import { SENSE } from '../../protocol/index.ts'
import { CommandError, openIscsiDevice, openLogicalUnit } from '../../src/host/index.ts'
import type { SharedDevice } from '../../src/host/shared-device.ts'
import { arrayForTest, type LunInput, MIB, memory, SIZE } from '../target/array.ts'
import { pattern } from '../target/disk.ts'

async function deviceOf(lun: LunInput = {}, id = 0) {
  const array = await arrayForTest([memory(lun)])
  return openIscsiDevice(await openLogicalUnit(`iscsi://127.0.0.1:${array.port}/${array.iqn}/${id}`))
}

describe('another initiator has the LUN reserved', () => {
  async function reserved() {
    const array = await arrayForTest([memory({})])
    const open = async () =>
      (await openIscsiDevice(await openLogicalUnit(`iscsi://127.0.0.1:${array.port}/${array.iqn}/0`))) as SharedDevice
    const [device, other] = [await open(), await open()]
    await other.reserve()
    const fence = { mayLeave: () => true, opened: async () => true, timeoutMs: 10_000 }
    return { device, other, fence }
  }

  test.each(['read', 'write', 'flush'] as const)(
    '%s: tried again as often as is set, counted, and told',
    async (command) => {
      const { device, fence } = await reserved()
      device.fence({ ...fence, conflicts: { retries: 3, waitMs: 1 } })
      const sent = {
        read: () => device.read(0, 512),
        write: () => device.write(0, Buffer.alloc(512)),
        flush: () => device.flush(),
      }
      await expect(sent[command]()).rejects.toThrow(
        /RESERVATION CONFLICT, 4 times in a row: another initiator has the logical unit reserved/,
      )
      expect(device.conflicts).toBe(4)
    },
  )

  test('it lets it go: the command is carried out, and its conflicts are counted', async () => {
    const { device, other, fence } = await reserved()
    device.fence({ ...fence, conflicts: { retries: 1_000_000, waitMs: 1 } })
    const written = device.write(0, Buffer.alloc(512, 7))
    while (device.conflicts < 5) await new Promise((resolve) => setTimeout(resolve, 1))
    await other.release()
    await written
    expect(await other.read(0, 512)).toEqual(Buffer.alloc(512, 7))
  })
})

describe('a LUN as a block device', () => {
  test('its size and its blocks', async () => {
    expect(await deviceOf()).toMatchObject({ size: SIZE, blockBytes: 512 })
    expect(await deviceOf({ blockSize: 4096 })).toMatchObject({ size: SIZE, blockBytes: 4096 })
  })

  test('reads and writes of any number of blocks, in more pieces than are outstanding at once', async () => {
    const device = await deviceOf({ limits: { transferBlocks: 100 } })
    const data = pattern(3 * MIB, 1)
    await device.write(512, data)
    await device.flush()
    expect((await device.read(512, data.length)).equals(data)).toBe(true)
    expect((await device.read(512 + 512 * 99, 1024)).equals(data.subarray(512 * 99, 512 * 101))).toBe(true)
    expect((await device.read(0, 512)).equals(Buffer.alloc(512))).toBe(true)
    expect(await device.read(0, 0)).toHaveLength(0)
    await device.write(SIZE - 512, data.subarray(0, 512))
    expect((await device.read(SIZE - 512, 512)).equals(data.subarray(0, 512))).toBe(true)
  })

  test('outside, and what are no blocks: RangeError', async () => {
    const device = await deviceOf()
    for (const [offset, length] of [
      [SIZE, 512],
      [SIZE - 512, 1024],
      [-512, 512],
      [1, 512],
      [0, 511],
      [Number.NaN, 512],
    ] as const)
      await expect(device.read(offset, length)).rejects.toBeInstanceOf(RangeError)
    await expect(device.write(SIZE, Buffer.alloc(512))).rejects.toBeInstanceOf(RangeError)
    await expect(device.write(0, Buffer.alloc(100))).rejects.toBeInstanceOf(RangeError)
  })

  test('what the medium fails with', async () => {
    const array = await arrayForTest([memory({ readOnly: true })])
    const device = await openIscsiDevice(await openLogicalUnit(`iscsi://127.0.0.1:${array.port}/${array.iqn}/0`))
    const error = await device.write(0, Buffer.alloc(4 * MIB)).catch((e: unknown) => e)
    expect((error as CommandError).is(SENSE.WRITE_PROTECTED)).toBe(true)
    expect(error).toBeInstanceOf(CommandError)
  })

  test('a LUN that is none', async () => {
    await expect(deviceOf({}, 5)).rejects.toThrow(/5: the target has no logical unit there$/)
  })
})
