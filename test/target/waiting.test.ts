// Commands that wait, for the medium or for their turn, while other PDUs pour in on the same and on other connections: their
// CDBs, parameter lists and data stay their own.

import { describe, expect, test } from 'vitest'
import {
  COMPARE_AND_WRITE,
  encodeUnmapList,
  READ_16,
  STATUS,
  TASK_ATTRIBUTE,
  UNMAP,
  WRITE_16,
  WRITE_AND_VERIFY_16,
  WRITE_SAME_16,
} from '../../protocol/index.ts'
import type { ConnectOptions, InitiatorSession, ScsiCommand } from '../../src/host/index.ts'
import { SIZE } from './array.ts'
import { copyList, cscd, naaOf, segment } from './commands/copy-list.ts'
import { expectGood, pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'

const { ORDERED } = TASK_ATTRIBUTE

/** Noise of every length that a read of a socket may bring, on all of the sessions. */
async function pour(sessions: readonly InitiatorSession[]): Promise<void> {
  for (let round = 0; round < 20; round++)
    await Promise.all(
      sessions.map((session, i) => session.nop(Buffer.alloc(1 + ((round * 397 + i * 61) % 8000), 0xee))),
    )
}

const WAYS: [string, Partial<ConnectOptions>][] = [
  ['immediate data', {}],
  ['unsolicited Data-Out', { parameters: { immediateData: false } }],
  ['R2T', { parameters: { immediateData: false, initialR2T: true, maxBurstLength: 2048 } }],
  ['immediate data with digests', { digests: { header: true, data: true } }],
]

describe.each(WAYS)('%s', (_, options) => {
  test('writes of 1 to 64 blocks from two sessions wait for the medium', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disks = [await built.disk(0, options), await built.disk(0, options)]
    const others = [await built.connect(), ...disks.map(({ session }) => session)]
    store.hold()
    const jobs = Array.from({ length: 40 }, (_, i) => ({
      lba: 100 * i,
      data: pattern(512 * (1 + ((i * 7) % 64)), i + 1),
    }))
    const writing = jobs.map(({ lba, data }, i) => {
      const cdb = i % 3 === 0 ? WRITE_AND_VERIFY_16 : WRITE_16
      return disks[i % 2]!.run(cdb, { lba: BigInt(lba), blocks: data.length / 512 }, { dataOut: data })
    })
    await store.untilWaiting(40)
    await pour(others)
    store.release()
    for (const result of await Promise.all(writing)) expectGood(result)
    for (const { lba, data } of jobs)
      expect((await disks[0]!.read(lba, data.length / 512)).equals(data), `LBA ${lba}`).toBe(true)
  })

  test('commands of every kind wait for their turn behind an ORDERED one', async () => {
    const store = new HeldStore(SIZE, 512)
    const built = await handBuilt([store])
    const disk = await built.disk(0, options)
    const noise = [await built.connect(), disk.session]
    await disk.write(1000, pattern(512 * 10, 5))
    const naa = await naaOf(disk)
    const list = encodeUnmapList([{ lba: 1001n, blocks: 2 }])
    const copy = copyList([cscd(naa)], [segment(1003, 2000, 3)])
    const copyCdb = Buffer.from([0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, copy.length, 0, 0])
    store.hold()
    const commands: Omit<ScsiCommand, 'lun'>[] = [
      { cdb: WRITE_16.encode({ lba: 0n, blocks: 1 }), dataOut: pattern(512, 1), attributes: ORDERED },
      { cdb: WRITE_16.encode({ lba: 50n, blocks: 3 }), dataOut: pattern(1536, 2) },
      {
        cdb: COMPARE_AND_WRITE.encode({ lba: 60n, blocks: 1 }),
        dataOut: Buffer.concat([Buffer.alloc(512), pattern(512, 3)]),
      },
      { cdb: WRITE_SAME_16.encode({ lba: 70n, blocks: 4 }), dataOut: pattern(512, 4) },
      { cdb: UNMAP.encode({ parameterListLength: list.length }), dataOut: list },
      { cdb: copyCdb, dataOut: copy },
      { cdb: READ_16.encode({ lba: 1004n, blocks: 1 }), dataInLength: 512 },
    ]
    const running = commands.map((command) => disk.session.execute({ lun: 0, ...command }))
    await store.untilWaiting(1)
    await pour(noise)
    store.release()
    const results = await Promise.all(running)
    expect(results.map(({ status }) => status)).toEqual(commands.map(() => STATUS.GOOD))
    expect(results.at(-1)?.data.equals(pattern(5120, 5).subarray(4 * 512, 5 * 512))).toBe(true)
    expect((await disk.read(0, 1)).equals(pattern(512, 1))).toBe(true)
    expect((await disk.read(50, 3)).equals(pattern(1536, 2))).toBe(true)
    expect((await disk.read(60, 1)).equals(pattern(512, 3))).toBe(true)
    expect((await disk.read(70, 4)).equals(Buffer.concat(Array(4).fill(pattern(512, 4))))).toBe(true)
    expect(await disk.read(1001, 2)).toEqual(Buffer.alloc(1024))
    expect((await disk.read(2000, 3)).equals(pattern(5120, 5).subarray(3 * 512, 6 * 512))).toBe(true)
  })
})

test('a login in pieces, while others pour: its text is its own', async () => {
  const built = await handBuilt([new HeldStore()])
  const noise = [await built.connect(), await built.connect()]
  const pouring = pour(noise)
  const sessions = await Promise.all(
    Array.from({ length: 20 }, () => built.connect({ parameters: { maxRecvDataSegmentLength: 512 } })),
  )
  await pouring
  for (const session of sessions) expect(session.parameters.maxRecvDataSegmentLengthSelf).toBe(512)
  expect(new Set(sessions.map(({ tsih }) => tsih)).size).toBe(20)
})
