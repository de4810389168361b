// A client that asks and does not read, one that announces data and does not send: what they can make the array hold is bounded,
// other sessions go on, and everything comes back when they read, or go.

import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  READ_16,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_16,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'

const MIB = 2 ** 20
const SIZE = 16 * MIB

async function loggedIn(built: HandBuilt, keys: Record<string, string> = {}): Promise<RawInitiator> {
  const raw = await built.raw()
  await raw.login(built.target.iqn, { MaxRecvDataSegmentLength: '262144', ...keys })
  raw.command(TEST_UNIT_READY.encode({}))
  await raw.response()
  return raw
}

/** Its socket is full, and it reads nothing more. */
function stopReading(raw: RawInitiator): void {
  raw.socket.pause()
}

describe('a client that does not read', () => {
  test('reads of 1 MiB: memory stays within its bound, another session works, and all of it comes later', async () => {
    const built = await handBuilt([new HeldStore(SIZE)])
    const medium = pattern(SIZE, 1)
    const honest = await built.disk()
    for (let at = 0; at < SIZE; at += MIB) await honest.write(at / 512, medium.subarray(at, at + MIB))
    const raw = await loggedIn(built)
    stopReading(raw)
    const commands = 100
    for (let i = 0; i < commands; i++)
      raw.command(READ_16.encode({ lba: BigInt((i % 16) * 2048), blocks: 2048 }), {
        read: true,
        expectedDataTransferLength: MIB,
      })
    let most = 0
    for (let i = 0; i < 40; i++) {
      await setTimeout(10)
      most = Math.max(most, built.host.pool.used)
      await honest.write(0, medium.subarray(0, 4096))
      expect((await honest.read(0, 8)).equals(medium.subarray(0, 4096))).toBe(true)
    }
    expect(most).toBeLessThan(2 * LIMITS.outputPerConnection)
    raw.socket.resume()
    let good = 0
    for (let bytes = 0; good < commands; ) {
      const { header, data } = await raw.takeAny()
      bytes += data.length
      if (header.opcode === TARGET_OPCODE.DATA_IN) {
        if (header.hasStatus) good++
      } else {
        expect(header).toMatchObject({ opcode: TARGET_OPCODE.SCSI_RESPONSE, status: STATUS.GOOD })
        good++
      }
      if (good === commands) expect(bytes).toBe(commands * MIB)
    }
  })

  test('pings with 8 KiB each: bounded, by not reading them', async () => {
    const built = await handBuilt([new HeldStore(SIZE)])
    const honest = await built.disk()
    const raw = await loggedIn(built)
    stopReading(raw)
    const data = Buffer.alloc(8192, 1)
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    for (let i = 0; i < 8000; i++) {
      raw.send(
        INITIATOR_OPCODE.NOP_OUT,
        { immediate: true, initiatorTaskTag: i, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn },
        { data },
      )
      if (i % 500 === 0) {
        await setTimeout(1)
        most = Math.max(most, built.host.pool.used)
      }
    }
    await honest.write(0, data)
    expect(most).toBeLessThan(2 * LIMITS.outputPerConnection)
    raw.destroy()
    await setTimeout(50)
    await honest.write(0, data)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 * MIB)
  })

  test('it goes away: all its buffers are given back', async () => {
    const built = await handBuilt([new HeldStore(SIZE)])
    const before = built.host.pool.used
    for (let round = 0; round < 5; round++) {
      const raw = await loggedIn(built)
      stopReading(raw)
      for (let i = 0; i < 60; i++)
        raw.command(READ_16.encode({ blocks: 2048 }), { read: true, expectedDataTransferLength: MIB })
      await setTimeout(20)
      raw.destroy()
    }
    for (let tries = 0; built.host.pool.used > before && tries < 200; tries++) await setTimeout(10)
    expect(built.host.pool.used).toBe(before)
    expect(built.target.sessions.size).toBe(0)
  })
})

describe('a client that announces data and does not send it', () => {
  test('the whole window of writes of 1 MiB: bounded, other sessions go on, given back when it goes', async () => {
    const built = await handBuilt([new HeldStore(SIZE)])
    const honest = await built.disk()
    const before = built.host.pool.used
    const raw = await loggedIn(built, { ImmediateData: 'No', InitialR2T: 'Yes' })
    for (let i = 0; i < LIMITS.commandWindow; i++)
      raw.command(WRITE_16.encode({ blocks: 2048 }), { write: true, expectedDataTransferLength: MIB })
    await setTimeout(50)
    expect(built.host.pool.used).toBeLessThan(LIMITS.bufferBytes)
    const data = pattern(4096, 1)
    await honest.write(0, data)
    expect((await honest.read(0, 8)).equals(data)).toBe(true)
    raw.destroy()
    for (let tries = 0; built.host.pool.used > before && tries < 200; tries++) await setTimeout(10)
    expect(built.host.pool.used).toBe(before)
  })

  test.for([60, 80, 128])('%i writes of 1 MiB with immediate data at once all end', async (count) => {
    const built = await handBuilt([new HeldStore(2 * MIB)])
    const { session } = await built.disk()
    const data = pattern(MIB, 5)
    const cdb = WRITE_16.encode({ blocks: 2048 })
    const ends = await Promise.all(Array.from({ length: count }, () => session.execute({ lun: 0, cdb, dataOut: data })))
    expect(ends.map(({ status }) => status)).toEqual(Array(count).fill(STATUS.GOOD))
    expect(built.host.pool.used).toBeLessThan(LIMITS.bufferBytes)
  })

  test('many such clients do not keep an honest one from writing', async () => {
    const built = await handBuilt([new HeldStore(SIZE)])
    const honest = await built.disk()
    const data = pattern(MIB, 3)
    for (let client = 0; client < 30; client++) {
      const raw = await loggedIn(built, { ImmediateData: 'No', InitialR2T: 'Yes' })
      for (let i = 0; i < LIMITS.commandWindow; i++)
        raw.command(WRITE_16.encode({ blocks: 2048 }), { write: true, expectedDataTransferLength: MIB })
    }
    await setTimeout(100)
    const written = honest.write(2048, data).then(() => 'written')
    written.catch(() => {})
    expect(await Promise.race([written, setTimeout(3000, 'it waits for the others to go')])).toBe('written')
    expect((await honest.read(2048, 2048)).equals(data)).toBe(true)
    expect(built.host.pool.used).toBeLessThan(2 * LIMITS.bufferBytes)
  })
})
