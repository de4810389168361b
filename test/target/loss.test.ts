// Connections that are lost, and arrays that are closed, while commands run; and arrays beside each other in one process.

import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { READ_16, STATUS, TARGET_OPCODE, TEST_UNIT_READY, WRITE_10, WRITE_16 } from '../../protocol/index.ts'
import { ConnectionLostError, connect, LoginRefusedError, UnreachableError } from '../../src/host/index.ts'
import { arrayForTest, memory, openArray } from './array.ts'
import { pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'

describe('a connection lost in the middle of a write', () => {
  test('before all of the data has come: whole blocks in their order or nothing, and everything is given back', async () => {
    const built = await handBuilt([new HeldStore()])
    const honest = await built.disk()
    const before = built.host.pool.used
    for (const sent of [0, 1, 511, 512, 5000, 8191]) {
      await honest.write(0, Buffer.alloc(8192))
      const raw = await built.raw()
      await raw.login(built.target.iqn, { ImmediateData: 'No', InitialR2T: 'Yes' })
      raw.command(TEST_UNIT_READY.encode({}))
      await raw.response()
      const initiatorTaskTag = raw.command(WRITE_10.encode({ blocks: 16 }), {
        write: true,
        expectedDataTransferLength: 8192,
      })
      const { targetTransferTag } = (await raw.take(TARGET_OPCODE.R2T)).header
      const whole: Buffer[] = []
      raw.sendBytes = (bytes) => void whole.push(Buffer.from(bytes))
      raw.dataOut({ initiatorTaskTag, targetTransferTag }, Buffer.alloc(8192, 0xee))
      raw.socket.write(whole[0]!.subarray(0, 48 + sent))
      await setTimeout(5)
      raw.destroy()
      for (let tries = 0; built.target.sessions.size > 1 && tries < 200; tries++) await setTimeout(2)
      expect(built.target.sessions.size).toBe(1)
      await setTimeout(10)
      expect((await honest.read(0, 16)).equals(Buffer.alloc(8192)), `${sent} bytes`).toBe(true)
    }
    expect(built.host.pool.used).toBe(before)
  })

  test('50 sessions that vanish with everything under way', async () => {
    const built = await handBuilt([new HeldStore(), new HeldStore()])
    const honest = await built.disk()
    const data = pattern(256 * 512, 1)
    for (let round = 0; round < 50; round++) {
      const session = await built.connect()
      for (let i = 0; i < 8; i++) {
        session
          .execute({ lun: i % 2, cdb: WRITE_16.encode({ lba: 1000n, blocks: 256 }), dataOut: data })
          .catch(() => {})
        session
          .execute({ lun: i % 2, cdb: READ_16.encode({ lba: 0n, blocks: 256 }), dataInLength: data.length })
          .catch(() => {})
      }
      if (round % 2 === 0) await setTimeout(1)
      session.destroy()
    }
    await honest.write(0, data)
    for (let tries = 0; (built.target.sessions.size > 1 || built.host.pool.used > 0) && tries < 300; tries++)
      await setTimeout(5)
    expect(built.target.sessions.size).toBe(1)
    expect(built.host.pool.used).toBe(0)
    expect((await honest.read(0, 256)).equals(data)).toBe(true)
  })
})

describe('an array that is closed', () => {
  test('while commands run: what was answered GOOD is on the image, every session ends, and soon', async () => {
    const first = await arrayForTest([memory({ store: { type: 'sparse', path: 'close.img' } })])
    const disk = await first.disk()
    const written = new Set<number>()
    const writing = Array.from({ length: 16 }, async (_, worker) => {
      for (let lba = worker; lba < 16_000; lba += 16) {
        const { status } = await disk.run(WRITE_10, { lba, blocks: 1 }, { dataOut: Buffer.alloc(512, `${lba} `) })
        if (status !== STATUS.GOOD) throw new Error(`status ${status}`)
        written.add(lba)
      }
    })
    const settled = Promise.allSettled(writing)
    while (written.size < 500) await setTimeout(1)
    const started = Date.now()
    await first.running.close()
    expect(Date.now() - started).toBeLessThan(3000)
    for (const worker of await settled)
      if (worker.status === 'rejected') expect(worker.reason).toBeInstanceOf(ConnectionLostError)
    await expect(connect({ host: '127.0.0.1', port: first.port, targetName: first.iqn })).rejects.toBeInstanceOf(
      UnreachableError,
    )

    const second = await arrayForTest(
      [memory({ store: { type: 'sparse', path: 'close.img' } })],
      {},
      { data: first.data },
    )
    const again = await second.disk()
    for (const lba of written)
      expect((await again.read(lba, 1)).equals(Buffer.alloc(512, `${lba} `)), `LBA ${lba}`).toBe(true)
  })

  test('with a command that does not end for a while: it may end, then the session does', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    store.hold()
    const write = disk.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512, 1) })
    await store.untilWaiting(1)
    const closing = built.close()
    await setTimeout(30)
    store.release()
    await closing
    const [ended] = await Promise.allSettled([write])
    if (ended.status === 'fulfilled') expect(ended.value.status).toBe(STATUS.GOOD)
    else expect(ended.reason).toBeInstanceOf(ConnectionLostError)
    expect(built.target.sessions.size).toBe(0)
  })

  test('with sessions that are idle, logins half done and connections that say nothing', async () => {
    const array = await openArray()
    const session = await array.connect()
    const silent = await array.raw()
    const half = await array.raw()
    half.sendBytes(Buffer.from([0x43, 0x81]))
    const started = Date.now()
    await array.close()
    expect(Date.now() - started).toBeLessThan(5000)
    await session.closed
    await silent.expectClosed()
    await half.expectClosed()
  })

  test('twice is once', async () => {
    const array = await openArray()
    await Promise.all([array.running.close(), array.running.close()])
    await array.close()
  })
})

test('ten arrays in one process: each serves its own', async () => {
  const arrays = await Promise.all(
    Array.from({ length: 10 }, (_, i) => arrayForTest([memory()], { iqn: `iqn.2026-11.io.lunette:a${i}` })),
  )
  const disks = await Promise.all(arrays.map((array) => array.disk()))
  await Promise.all(disks.map((disk, i) => disk.write(0, Buffer.alloc(512, i + 1))))
  for (const [i, disk] of disks.entries()) expect(await disk.read(0, 1)).toEqual(Buffer.alloc(512, i + 1))
  const wrong = connect({ host: '127.0.0.1', port: arrays[0]!.port, targetName: arrays[1]!.iqn })
  await expect(wrong).rejects.toBeInstanceOf(LoginRefusedError)
  await arrays[0]!.running.close()
  await disks[1]!.write(0, Buffer.alloc(512, 99))
})
