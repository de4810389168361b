// The life of ROD tokens (SPC-4 5.17.6, SBC-3 4.28) and of what copies them: how long a token lives, what ends it, and that nothing
// is ever copied by one whose data are not those of its making; copies in the background.

import { describe, expect, test } from 'vitest'
import {
  blockDeviceZeroToken,
  COMPARE_AND_WRITE,
  COPY_STATUS_LID4,
  RELEASE_6,
  RESERVE_6,
  ROD_TYPE,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  UNMAP,
  WRITE_SAME_16,
} from '../../../protocol/index.ts'
import type { LivingToken } from '../../../src/target/rod-tokens.ts'
import { arrayForTest, drainUnitAttentions, memory, SIZE } from '../array.ts'
import { type Disk, expectGood, expectSense, pattern } from '../disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from '../hand-built.ts'
import { abortCopy, copyList, cscd, endedStatusLid4, naaOf, segment, sendCopy, statusLid4 } from './copy-list.ts'
import {
  populateList,
  type Range,
  rodTokenInformation,
  sendPopulate,
  sendWrite,
  tokenOf,
  writeList,
  writeToken,
} from './token-list.ts'

const ONE: readonly Range[] = [[0, 1]]
const SECOND = 1000

/** A target whose time passes when it is told to. */
async function clocked(): Promise<{ built: HandBuilt; disk: Disk; pass(ms: number): void }> {
  let now = 0
  const built = await handBuilt([new HeldStore(), new HeldStore()], {}, {}, () => now)
  const pass = (ms: number): void => {
    now += ms
  }
  return { built, disk: await built.disk(), pass }
}

describe('INACTIVITY TIMEOUT', () => {
  test.each([
    ['the default', 0, 60],
    ['its own', 7, 7],
    ['the longest', 600, 600],
  ])('%s: TOKEN EXPIRED after so many seconds without use', async (_, inactivityTimeout, seconds) => {
    const { disk, pass } = await clocked()
    const token = await tokenOf(disk, ONE, { inactivityTimeout })
    pass(seconds * SECOND)
    expectGood(await writeToken(disk, token, [[10, 1]]))
    pass(seconds * SECOND)
    expectGood(await writeToken(disk, token, [[11, 1]]))
    pass(seconds * SECOND + 1)
    for (let i = 0; i < 2; i++) expectSense(await writeToken(disk, token, [[12, 1]]), SENSE.TOKEN_EXPIRED)
  })

  test('a token does not expire while it is copied', async () => {
    let now = 0
    const store = new HeldStore()
    const built = await handBuilt([store], {}, {}, () => now)
    const disk = await built.disk()
    await disk.write(0, pattern(512, 1))
    const token = await tokenOf(disk, ONE)
    store.hold()
    expectGood(await sendWrite(disk, writeList(token, [[9, 1]], { immed: true })))
    now += 61 * SECOND
    expectGood(await sendPopulate(disk, populateList([[100, 1]])))
    store.release()
    expect((await endedStatusLid4(disk, 2)).status).toBe(COPY_STATUS_LID4.completed)
    expectGood(await writeToken(disk, token, [[10, 1]]))
  })
})

describe('a token ends when its source is written', () => {
  const block = pattern(512, 1)
  const WRITES: [string, (disk: Disk, lba: number) => Promise<unknown>][] = [
    ['WRITE', (disk, lba) => disk.write(lba, block)],
    [
      'WRITE SAME',
      async (disk, lba) =>
        expectGood(await disk.run(WRITE_SAME_16, { lba: BigInt(lba), blocks: 1 }, { dataOut: block })),
    ],
    [
      'UNMAP',
      async (disk, lba) => {
        const list = Buffer.alloc(24)
        list.writeUInt16BE(22, 0)
        list.writeUInt16BE(16, 2)
        list.writeBigUInt64BE(BigInt(lba), 8)
        list.writeUInt32BE(1, 16)
        expectGood(await disk.run(UNMAP, { parameterListLength: 24 }, { dataOut: list }))
      },
    ],
    [
      'COMPARE AND WRITE',
      async (disk, lba) => {
        const dataOut = Buffer.concat([await disk.read(lba, 1), block])
        expectGood(await disk.run(COMPARE_AND_WRITE, { lba: BigInt(lba), blocks: 1 }, { dataOut }))
      },
    ],
    [
      'EXTENDED COPY',
      async (disk, lba) =>
        expectGood(await sendCopy(disk, copyList([cscd(await naaOf(disk))], [segment(9000, lba, 1)]))),
    ],
    [
      'WRITE USING TOKEN',
      async (disk, lba) => expectGood(await sendWrite(disk, writeList(blockDeviceZeroToken(), [[lba, 1]]), 77)),
    ],
  ]

  test.each(WRITES)('%s: TOKEN REVOKED where it touches a range, and not beside it', async (_, write) => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    await disk.write(0, pattern(512 * 64, 2))
    for (const rodType of [ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE, ROD_TYPE.POINT_IN_TIME_DEFAULT]) {
      const token = await tokenOf(
        disk,
        [
          [10, 10],
          [40, 1],
        ],
        { rtv: true, rodType },
      )
      for (const lba of [9, 20, 39, 41]) await write(disk, lba)
      expectGood(await writeToken(disk, token, [[1000, 11]]))
      await write(disk, 40)
      for (let i = 0; i < 2; i++) expectSense(await writeToken(disk, token, [[1000, 1]]), SENSE.TOKEN_REVOKED)
    }
  })
})

describe('tokens cannot be made up', () => {
  test('a byte changed, wherever it is: TOKEN CORRUPT, or TOKEN UNKNOWN where it is what the token is known by', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const token = await tokenOf(disk, ONE)
    for (const byte of [0, 3, 6, 7, 8, 15, 16, 27, 63, 99, 130, 255, 256, 400, 511]) {
      const forged = Buffer.from(token)
      forged[byte]! ^= 0x01
      const known = byte < 8 || byte > 15
      expectSense(await writeToken(disk, forged, [[9, 1]]), known ? SENSE.TOKEN_CORRUPT : SENSE.TOKEN_UNKNOWN)
    }
    expectGood(await writeToken(disk, token, [[9, 1]]))
    expectGood(await writeToken(disk, token, [[9, 1]], { delTkn: true }))
    const forged = Buffer.from(token)
    forged[511]! ^= 0x01
    expectSense(await writeToken(disk, forged, [[9, 1]]), SENSE.TOKEN_CORRUPT)
  })

  test('one of another array: TOKEN UNKNOWN; of another type or length: told as such', async () => {
    const [here, there] = [await arrayForTest([memory()]), await arrayForTest([memory()])]
    const token = await tokenOf(await there.disk(), ONE)
    const disk = await here.disk()
    expectSense(await writeToken(disk, token, ONE), SENSE.TOKEN_UNKNOWN)
    const type = Buffer.from(token)
    type.writeUInt32BE(ROD_TYPE.POINT_IN_TIME_PERSISTENT, 0)
    expectSense(await writeToken(disk, type, ONE), SENSE.UNSUPPORTED_TOKEN_TYPE)
    const length = Buffer.from(token)
    length.writeUInt16BE(0x1f0, 6)
    expectSense(await writeToken(disk, length, ONE), SENSE.INVALID_TOKEN_LENGTH)
    const zero = blockDeviceZeroToken()
    zero.writeUInt16BE(0, 6)
    expectSense(await writeToken(disk, zero, ONE), SENSE.INVALID_TOKEN_LENGTH)
    expectSense(await writeToken(disk, Buffer.alloc(512), ONE), SENSE.UNSUPPORTED_TOKEN_TYPE)
  })

  test('no two tokens are alike', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const [a, b] = [await tokenOf(disk, ONE), await tokenOf(disk, ONE)]
    expect(a.subarray(8, 16).equals(b.subarray(8, 16))).toBe(false)
    expect(a.subarray(256).equals(b.subarray(256))).toBe(false)
  })
})

describe('who may use a token', () => {
  test('whoever has it, through another logical unit and another nexus', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 })])
    const [maker, user] = [await array.disk(0), await array.disk(1)]
    await maker.write(0, pattern(512, 1))
    const token = await tokenOf(maker, ONE)
    await maker.session.logout()
    expectGood(await writeToken(user, token, ONE))
    expect((await user.read(0, 1)).equals(pattern(512, 1))).toBe(true)
  })

  test('not an initiator that does not see its source: TOKEN UNKNOWN', async () => {
    const OTHER = 'iqn.2026-11.io.lunette:other'
    const array = await arrayForTest([memory(), memory({ id: 1, initiators: [OTHER] })])
    const hidden = await array.disk(1, { initiatorName: OTHER })
    const token = await tokenOf(hidden, ONE)
    expectSense(await writeToken(await array.disk(0), token, ONE), SENSE.TOKEN_UNKNOWN)
    expectGood(await writeToken(await array.disk(0, { initiatorName: OTHER }), token, ONE))
  })

  test('not while another initiator has reserved its source, or the destination: RESERVATION CONFLICT', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 })])
    const [mine, source, target] = [await array.disk(1), await array.disk(0), await array.disk(1)]
    const token = await tokenOf(source, ONE)
    for (const holder of [source, target]) {
      expectGood(await holder.run(RESERVE_6, {}))
      expect((await writeToken(mine, token, [[4, 1]])).status).toBe(STATUS.RESERVATION_CONFLICT)
      expectGood(await holder.run(RELEASE_6, {}))
    }
    expectGood(await writeToken(mine, token, [[4, 1]]))
  })
})

describe('what a token outlives, and what not', () => {
  test('LOGICAL UNIT RESET of its source, and the loss of the nexus that made it: it lives', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 })])
    const disk = await array.disk()
    const token = await tokenOf(disk, ONE)
    await disk.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    await drainUnitAttentions(disk)
    disk.session.destroy()
    expectGood(await writeToken(await array.disk(), token, [[4, 1]]))
  })

  test('DEL_TKN: TOKEN DELETED after a copy that was done, not after one that was refused', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const token = await tokenOf(disk, ONE)
    expect((await writeToken(disk, token, [[0, 1]], { delTkn: true })).status).toBe(STATUS.CHECK_CONDITION)
    expectGood(await writeToken(disk, token, [[4, 1]], { delTkn: true }))
    expectSense(await writeToken(disk, token, [[4, 1]]), SENSE.TOKEN_DELETED)
  })

  test('its logical unit removed, or smaller: TOKEN CANCELLED', async () => {
    const { built, disk } = await clocked()
    const gone = await tokenOf(await built.disk(1), ONE)
    const shrunk = await tokenOf(disk, [[SIZE / 512 - 1, 1]])
    const [first] = built.units
    Object.defineProperty(first, 'blocks', { value: SIZE / 512 - 1 })
    expectSense(await writeToken(disk, shrunk, ONE), SENSE.TOKEN_CANCELLED)
    built.target.units = [first!]
    for (let i = 0; i < 2; i++) expectSense(await writeToken(disk, gone, ONE), SENSE.TOKEN_CANCELLED)
  })

  test('a token that is being copied makes no room for another', async () => {
    const { built } = await clocked()
    const { rodTokens } = built.target
    const [lu] = built.units
    const rod = { lu: lu!, runs: [], bytes: 0, timeoutMs: SECOND, watch: await lu!.gate.watch([]) }
    const found = Array.from({ length: 1024 }, () => {
      expect(rodTokens.makeRoom()).toBe(true)
      const token = rodTokens.add(rod, (identifier) => Buffer.concat([Buffer.alloc(8), identifier]))
      const living = rodTokens.find(token, built.units) as LivingToken
      rodTokens.begin(living)
      return living
    })
    expect(rodTokens.makeRoom()).toBe(false)
    rodTokens.end(found[500]!)
    expect(rodTokens.makeRoom()).toBe(true)
    expect(rodTokens.of(built.units)).not.toContain(found[500])
  })

  test('1,024 live at a time: one more, and the one that has not been used for longest is TOKEN CANCELLED', async () => {
    const { disk, pass } = await clocked()
    const list = populateList(ONE, { inactivityTimeout: 100 })
    const [first, second] = [await tokenOf(disk, ONE), await tokenOf(disk, ONE)]
    expectGood(await writeToken(disk, first, [[4, 1]]))
    for (let made = 2; made < 1024; made++) expectGood(await sendPopulate(disk, list))
    expectGood(await writeToken(disk, first, [[4, 1]]))
    expectGood(await sendPopulate(disk, list))
    expectSense(await writeToken(disk, second, [[4, 1]]), SENSE.TOKEN_CANCELLED)
    expectGood(await writeToken(disk, first, [[4, 1]]))
    pass(101 * SECOND)
    expectGood(await sendPopulate(disk, list))
    // 1,024 that have ended since make it forgotten.
    expectSense(await writeToken(disk, second, [[4, 1]]), SENSE.TOKEN_UNKNOWN)
  })
})

describe('in the background, and ended before their time', () => {
  async function held() {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    await disk.write(0, pattern(512 * 8000, 1))
    return { store, disk, token: await tokenOf(disk, [[0, 8000]]) }
  }

  test('IMMED: GOOD at once, followed by RECEIVE ROD TOKEN INFORMATION; its list identifier is in use meanwhile', async () => {
    const { store, disk, token } = await held()
    store.hold()
    expectGood(await sendWrite(disk, writeList(token, [[8000, 8000]], { immed: true })))
    expect(await rodTokenInformation(disk, 2)).toMatchObject({ status: COPY_STATUS_LID4.background })
    expectSense(await sendWrite(disk, writeList(token, [[8000, 8000]])), SENSE.OPERATION_IN_PROGRESS)
    expectSense(await sendPopulate(disk, populateList(ONE), 2), SENSE.OPERATION_IN_PROGRESS)
    store.release()
    expect(await endedStatusLid4(disk, 2)).toMatchObject({ status: COPY_STATUS_LID4.completed, transferCount: 8000n })
    expect((await disk.read(8000, 8000)).equals(pattern(512 * 8000, 1))).toBe(true)
  })

  test('POPULATE TOKEN with IMMED: the token is there when it is told', async () => {
    const { disk } = await held()
    expectGood(await sendPopulate(disk, populateList(ONE, { immed: true }), 3))
    await endedStatusLid4(disk, 3)
    expect((await rodTokenInformation(disk, 3)).tokens.length).toBe(1)
  })

  test('COPY OPERATION ABORT: told what was written', async () => {
    const { store, disk, token } = await held()
    store.hold()
    expectGood(await sendWrite(disk, writeList(token, [[8000, 8000]], { immed: true })))
    await store.untilWaiting(1)
    const aborting = abortCopy(disk, 2)
    await disk.session.nop()
    store.release()
    expectGood(await aborting)
    const status = await statusLid4(disk, 2)
    expect(status).toMatchObject({ status: COPY_STATUS_LID4.terminated, responseToServiceAction: 0x11 })
    expect(status.transferCount).toBeLessThan(8000n)
    expect(status).toMatchObject({ completionStatus: STATUS.TASK_ABORTED, sense: Buffer.alloc(0) })
    expect(await disk.read(15_999, 1)).toEqual(Buffer.alloc(512))
    expectGood(await writeToken(disk, token, [[8000, 8000]]))
  })

  test('zeroes, too', async () => {
    const { store, disk } = await held()
    store.hold()
    const zeroes = writeList(
      blockDeviceZeroToken(),
      [
        [0, 10],
        [20, 10],
      ],
      { immed: true },
    )
    expectGood(await sendWrite(disk, zeroes))
    await store.untilWaiting(1)
    const aborting = abortCopy(disk, 2)
    await disk.session.nop()
    store.release()
    expectGood(await aborting)
    expect(await statusLid4(disk, 2)).toMatchObject({ status: COPY_STATUS_LID4.terminated })
    expect((await disk.read(20, 10)).equals(pattern(512 * 8000, 1).subarray(512 * 20, 512 * 30))).toBe(true)
  })

  test('the source is written while it is copied: TOKEN REVOKED, never a mixture that passes for good', async () => {
    const { store, disk, token } = await held()
    store.hold()
    const copying = sendWrite(disk, writeList(token, [[8000, 8000]]))
    await store.untilWaiting(1)
    const writing = disk.write(7999, pattern(512, 9))
    await disk.session.nop()
    store.release()
    await writing
    expectSense(await copying, SENSE.TOKEN_REVOKED)
    expect(await statusLid4(disk, 2)).toMatchObject({ status: COPY_STATUS_LID4.failed })
    expectSense(await writeToken(disk, token, [[8000, 1]]), SENSE.TOKEN_REVOKED)
  })

  test('nor is there one of a token that another copy has deleted meanwhile', async () => {
    const store = new HeldStore(SIZE, 512)
    const disk = await (await handBuilt([store])).disk()
    await disk.write(0, pattern(512 * 8000, 1))
    const token = await tokenOf(disk, [[0, 8000]])
    store.hold()
    const copying = sendWrite(disk, writeList(token, [[8000, 8000]]))
    await store.untilWaiting(1)
    expectGood(await sendWrite(disk, writeList(token, [[16_000, 1]], { delTkn: true, offsetIntoRod: 7999n }), 3))
    await disk.write(7999, pattern(512, 9))
    store.release()
    expectSense(await copying, SENSE.TOKEN_REVOKED)
    expectSense(await writeToken(disk, token, [[8000, 1]]), SENSE.TOKEN_DELETED)
  })
})
