// POPULATE TOKEN and WRITE USING TOKEN (83h/10h, 11h, SBC-3 5.7, 5.46), RECEIVE ROD TOKEN INFORMATION and REPORT ALL ROD TOKENS
// (84h/07h, 08h, SPC-4 6.28, 6.30): what is copied, what is refused, how it is told.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  blockDeviceZeroToken,
  COPY_STATUS_LID4,
  decodeAllRodTokens,
  decodeRodToken,
  decodeThirdPartyCopy,
  INQUIRY,
  POPULATE_TOKEN,
  RECEIVE_ROD_TOKEN_INFORMATION,
  REPORT_ALL_ROD_TOKENS,
  ROD_TYPE,
  SENSE,
  STATUS,
  VPD_PAGE,
  WRITE_USING_TOKEN,
} from '../../../protocol/index.ts'
import { arrayForTest, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectPointer, expectSense, pattern } from '../disk.ts'
import {
  askRodToken,
  populateList,
  type Range,
  rodTokenInformation,
  sendPopulate,
  sendWrite,
  tokenOf,
  writeList,
  writeToken,
} from './token-list.ts'

/** SPC-4 table 108: no point in time. */
const ACCESS_UPON_REFERENCE = 0x0001_0000
const BLOCKS = SIZE / 512
const MAX_RANGES = 256

let array: TestArray
let source: Disk
let target: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1 }),
    memory({ id: 2, readOnly: true }),
    memory({ id: 3, blockSize: 4096 }),
    memory({ id: 4, vaai: { clone: false } }),
    memory({ id: 5, provisioning: 'thick', writeCache: false }),
  ])
  source = await array.disk(0)
  target = await array.disk(1)
  return () => array.close()
})

const ONE: readonly Range[] = [[0, 1]]

describe('POPULATE TOKEN and WRITE USING TOKEN copy', () => {
  test('one range, to another logical unit and within the same', async () => {
    await source.write(0, pattern(512 * 2048, 1))
    const token = await tokenOf(source, [[0, 2048]])
    for (const [disk, lba] of [
      [target, 10],
      [source, 5000],
    ] as const) {
      expectGood(await writeToken(disk, token, [[lba, 2048]]))
      expect((await disk.read(lba, 2048)).equals(pattern(512 * 2048, 1))).toBe(true)
    }
  })

  test('scatter and gather: ranges in any order, of any length, also none, on both sides', async () => {
    const data = pattern(512 * 4000, 2)
    await source.write(0, data)
    const from: Range[] = [
      [300, 100],
      [7, 0],
      [100, 1],
      [2000, 999],
      [0, 50],
    ]
    const to: Range[] = [
      [BLOCKS - 500, 500],
      [0, 3],
      [40, 0],
      [1000, 647],
    ]
    const token = await tokenOf(source, from)
    const gathered = Buffer.concat(
      from.map(([lba, blocks]) => data.subarray(512 * Number(lba), 512 * (Number(lba) + blocks))),
    )
    expectGood(await writeToken(target, token, to))
    let at = 0
    for (const [lba, blocks] of to) {
      if (blocks === 0) continue
      expect((await target.read(Number(lba), blocks)).equals(gathered.subarray(at, at + 512 * blocks))).toBe(true)
      at += 512 * blocks
    }
    expect(at).toBe(gathered.length)
  })

  test('OFFSET INTO ROD, and less than the token stands for', async () => {
    await source.write(0, pattern(512 * 64, 3))
    const token = await tokenOf(source, [
      [0, 10],
      [10, 54],
    ])
    await target.write(0, Buffer.alloc(512 * 64))
    expectGood(await writeToken(target, token, [[1, 5]], { offsetIntoRod: 8n }))
    expectGood(await writeToken(target, token, [[30, 1]], { offsetIntoRod: 63n }))
    const expected = Buffer.alloc(512 * 64)
    pattern(512 * 64, 3).copy(expected, 512, 512 * 8, 512 * 13)
    pattern(512 * 64, 3).copy(expected, 512 * 30, 512 * 63, 512 * 64)
    expect((await target.read(0, 64)).equals(expected)).toBe(true)
  })

  test('more than the token stands for: what there is, and COPY OPERATION STATUS 03h (SBC-4 5.59.2, 5.25.3)', async () => {
    await source.write(0, pattern(512 * 8, 3))
    await target.write(0, Buffer.alloc(512 * 16, 0xee))
    const token = await tokenOf(source, [[0, 8]])
    const ranges: Range[] = [
      [0, 4],
      [8, 5],
      [14, 1],
    ]
    expectGood(await sendWrite(target, writeList(token, ranges, { offsetIntoRod: 1n }), 9))
    const expected = Buffer.alloc(512 * 16, 0xee)
    pattern(512 * 8, 3).copy(expected, 0, 512, 512 * 5)
    pattern(512 * 8, 3).copy(expected, 512 * 8, 512 * 5)
    expect((await target.read(0, 16)).equals(expected)).toBe(true)
    const status = await rodTokenInformation(target, 9)
    expect(status).toMatchObject({ status: 0x03, transferCount: 7n, completionStatus: STATUS.GOOD })
  })

  test('a descriptor that is not whole does not count; of POPULATE TOKEN also one that its list length cuts', async () => {
    const list = populateList([
      [0, 8],
      [8, 8],
    ])
    expectGood(await sendPopulate(source, list, 10, list.length - 1))
    expect(await rodTokenInformation(source, 10)).toMatchObject({ transferCount: 8n })
    const half = writeList(await tokenOf(source, [[0, 8]]), [
      [0, 4],
      [8, 4],
    ])
    half.writeUInt16BE(24, 534)
    expectGood(await sendWrite(target, half, 11))
    expect(await rodTokenInformation(target, 11)).toMatchObject({ status: 0x01, transferCount: 4n })
  })

  test('the block device zero token: any number of blocks, thin and thick, no token that anybody made', async () => {
    const thick = await array.disk(5)
    for (const disk of [target, thick]) {
      await disk.write(100, pattern(512 * 300, 4))
      expectGood(
        await writeToken(disk, blockDeviceZeroToken(), [
          [150, 200],
          [101, 9],
        ]),
      )
      const expected = pattern(512 * 300, 4)
        .fill(0, 512, 512 * 10)
        .fill(0, 512 * 50, 512 * 250)
      expect((await disk.read(100, 300)).equals(expected)).toBe(true)
    }
  })

  test('nothing to do: parameter list length 0', async () => {
    expectGood(await source.run(POPULATE_TOKEN, {}))
    expectGood(await source.run(WRITE_USING_TOKEN, {}))
  })

  test('the largest number of ranges', async () => {
    await source.write(0, pattern(512 * 2 * MAX_RANGES, 5))
    const every = (start: number): Range[] => Array.from({ length: MAX_RANGES }, (_, i) => [start + 2 * i, 1])
    expectGood(await writeToken(target, await tokenOf(source, every(0)), every(4000)))
    for (const i of [0, 1, MAX_RANGES - 1])
      expect((await target.read(4000 + 2 * i, 1)).equals(await source.read(2 * i, 1))).toBe(true)
  })
})

describe('RECEIVE ROD TOKEN INFORMATION', () => {
  test('of POPULATE TOKEN: the token, and how many blocks it stands for; once', async () => {
    expectGood(
      await sendPopulate(
        source,
        populateList([
          [0, 7],
          [9, 3],
        ]),
        0xdeadbeef,
      ),
    )
    const { tokens, ...status } = await rodTokenInformation(source, 0xdeadbeef)
    expect(status).toMatchObject({
      responseToServiceAction: 0x10,
      status: COPY_STATUS_LID4.completed,
      completionStatus: STATUS.GOOD,
      unit: 0xf1,
      transferCount: 10n,
    })
    expect(tokens.map(decodeRodToken)).toMatchObject([
      {
        type: ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE,
        length: 0x1f8,
        representedBytes: 5120n,
        blockLength: 512,
      },
    ])
    expectCdbField(await askRodToken(source, 0xdeadbeef), RECEIVE_ROD_TOKEN_INFORMATION, 'listId')
  })

  test('one that is cut by the allocation length can be asked for again; ALLOCATION LENGTH 0 drops it (SPC-4 6.28)', async () => {
    expectGood(await sendPopulate(source, populateList(ONE), 5))
    for (const allocationLength of [4, 32, 549]) {
      const io = { dataInLength: 1024 }
      const cut = await source.run(RECEIVE_ROD_TOKEN_INFORMATION, { listId: 5, allocationLength }, io)
      expect(expectGood(cut).data.length).toBe(allocationLength)
    }
    expect((await rodTokenInformation(source, 5)).tokens.length).toBe(1)
    expectGood(await sendPopulate(source, populateList(ONE), 5))
    expectGood(await source.run(RECEIVE_ROD_TOKEN_INFORMATION, { listId: 5 }))
    expectCdbField(await askRodToken(source, 5), RECEIVE_ROD_TOKEN_INFORMATION, 'listId')
  })

  test('of WRITE USING TOKEN: no token, the blocks written; of one that failed, its sense data', async () => {
    const token = await tokenOf(source, [[0, 8]])
    expectGood(await sendWrite(target, writeList(token, [[0, 8]]), 6))
    expect(await rodTokenInformation(target, 6)).toMatchObject({
      responseToServiceAction: 0x11,
      status: COPY_STATUS_LID4.completed,
      transferCount: 8n,
      tokens: [],
    })
  })

  test('an unknown list identifier, another nexus', async () => {
    expectGood(await sendPopulate(source, populateList(ONE), 8))
    expectCdbField(await askRodToken(source, 9), RECEIVE_ROD_TOKEN_INFORMATION, 'listId')
    expectCdbField(await askRodToken(await array.disk(0), 8), RECEIVE_ROD_TOKEN_INFORMATION, 'listId')
  })
})

describe('REPORT ALL ROD TOKENS', () => {
  test('the management tokens of logical units that the initiator sees', async () => {
    const OTHER = 'iqn.2026-11.io.lunette:other'
    const own = await arrayForTest([memory(), memory({ id: 1, initiators: [OTHER] })])
    const [mine, hidden] = [await own.disk(0), await own.disk(1, { initiatorName: OTHER })]
    const ask = async (disk: Disk) => {
      const io = { dataInLength: 1024 }
      return decodeAllRodTokens(expectGood(await disk.run(REPORT_ALL_ROD_TOKENS, { allocationLength: 1024 }, io)).data)
    }
    expect(await ask(mine)).toEqual([])
    const [a, b] = [await tokenOf(mine, ONE), await tokenOf(hidden, ONE)]
    expect(await ask(mine)).toEqual([a.subarray(0, 96)])
    expect(await ask(hidden)).toEqual([a.subarray(0, 96), b.subarray(0, 96)])
  })
})

describe('POPULATE TOKEN refuses', () => {
  test('a list that is cut, or whose lengths contradict each other', async () => {
    const list = populateList(ONE)
    for (const length of [1, 15])
      expectSense(await sendPopulate(source, list.subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await sendPopulate(source, list, 1, 0xffff_ffff), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    for (const [byte, value] of [
      [14, 0],
      [14, 15],
    ] as const) {
      const wrong = Buffer.from(list)
      wrong.writeUInt16BE(value, byte)
      expectParameter(await sendPopulate(source, wrong), byte)
    }
    const short = Buffer.from(list)
    short.writeUInt16BE(29, 0)
    expectParameter(await sendPopulate(source, short), 0)
  })

  test('a range beyond the end: LOGICAL BLOCK ADDRESS OUT OF RANGE', async () => {
    for (const [range, information] of [
      [[BLOCKS - 1, 2], BigInt(BLOCKS)],
      [[BLOCKS + 5, 1], BigInt(BLOCKS + 5)],
      [[(1n << 64n) - 1n, 1], (1n << 64n) - 1n],
    ] as [Range, bigint][])
      expectSense(await sendPopulate(source, populateList([[0, 1], range])), SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, {
        ...(information < 2n ** 32n && { information }),
      })
  })

  test('a range over another: pointer to the later one', async () => {
    const list = populateList([
      [10, 10],
      [0, 10],
      [19, 1],
    ])
    expectParameter(await sendPopulate(source, list), 48)
  })

  test('too many ranges: TOO MANY SEGMENT DESCRIPTORS', async () => {
    const ranges: Range[] = Array.from({ length: MAX_RANGES + 1 }, (_, i) => [i, 1])
    const result = await sendPopulate(source, populateList(ranges))
    expect(result.sense?.sense).toEqual(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
    expectPointer(result, 'parameters', 14)
  })

  test('an INACTIVITY TIMEOUT over the maximum, a ROD TYPE that cannot be made', async () => {
    expectGood(await sendPopulate(source, populateList(ONE, { inactivityTimeout: 600 })))
    expectParameter(await sendPopulate(source, populateList(ONE, { inactivityTimeout: 601 })), 4)
    for (const rodType of [0, ACCESS_UPON_REFERENCE, ROD_TYPE.POINT_IN_TIME_PERSISTENT, ROD_TYPE.BLOCK_DEVICE_ZERO, 1])
      expectParameter(await sendPopulate(source, populateList(ONE, { rtv: true, rodType })), 8)
  })

  test('without ROD TYPE VALID the type is not looked at; with it, each advertised one is made', async () => {
    expectGood(await sendPopulate(source, populateList(ONE, { rodType: 0x12345678 })))
    const vpd = { evpd: true, pageCode: VPD_PAGE.THIRD_PARTY_COPY, allocationLength: 1024 }
    const page = decodeThirdPartyCopy(expectGood(await source.run(INQUIRY, vpd, { dataInLength: 1024 })).data)
    expect(page.blockDeviceRodLimits).toMatchObject({
      maximumRangeDescriptors: MAX_RANGES,
      maximumInactivityTimeout: 600,
      defaultInactivityTimeout: 60,
    })
    const made = page.supportedRods?.filter(({ tokenOut }) => tokenOut) ?? []
    expect(made.length).toBeGreaterThanOrEqual(2)
    for (const { rodType } of made) {
      const token = await tokenOf(source, ONE, { rtv: true, rodType })
      const { type } = decodeRodToken(token)
      expect(page.supportedRods).toContainEqual(expect.objectContaining({ rodType: type, tokenIn: true }))
      expectGood(await writeToken(target, token, ONE))
    }
  })
})

describe('WRITE USING TOKEN refuses', () => {
  test('a list that is cut, ranges that are wrong: as POPULATE TOKEN', async () => {
    const token = await tokenOf(source, [[0, 4]])
    const list = writeList(token, [[0, 4]])
    for (const length of [1, 535, 551])
      expectSense(await sendWrite(target, list.subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const none = Buffer.from(list)
    none.writeUInt16BE(0, 534)
    expectParameter(await sendWrite(target, none), 534)
    expectSense(await writeToken(target, token, [[BLOCKS - 1, 2]]), SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, {
      information: BigInt(BLOCKS),
    })
    expectParameter(
      await writeToken(target, token, [
        [0, 2],
        [1, 2],
      ]),
      552,
    )
    const many: Range[] = Array.from({ length: MAX_RANGES + 1 }, (_, i) => [i, 0])
    const result = await writeToken(target, token, many)
    expect(result.sense?.sense).toEqual(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
    expectPointer(result, 'parameters', 534)
  })

  test('an OFFSET INTO ROD at the end of the token or past it: pointer to the offset', async () => {
    const token = await tokenOf(source, [[0, 8]])
    expectParameter(await writeToken(target, token, [[0, 1]], { offsetIntoRod: 9n }), 8)
    expectParameter(await writeToken(target, token, [[0, 1]], { offsetIntoRod: (1n << 64n) - 1n }), 8)
    for (const blocks of [0, 1])
      expectParameter(await writeToken(target, token, [[0, blocks]], { offsetIntoRod: 8n }), 8)
  })

  test('ranges that would overwrite what the token stands for: pointer to the range', async () => {
    await source.write(0, pattern(512 * 100, 6))
    const token = await tokenOf(source, [[0, 100]])
    expectParameter(
      await writeToken(source, token, [
        [200, 10],
        [99, 10],
      ]),
      552,
    )
    expect((await source.read(0, 100)).equals(pattern(512 * 100, 6))).toBe(true)
    expectGood(await writeToken(source, token, [[100, 100]]))
  })

  test('blocks of another size', async () => {
    const big = await array.disk(3)
    const token = await tokenOf(source, [[0, 8]])
    expectSense(await writeToken(big, token, [[0, 1]]), SENSE.INVALID_TOKEN_OPERATION_CAUSE_NOT_REPORTABLE)
  })

  test('a write-protected logical unit: WRITE PROTECTED; it may be the source', async () => {
    const readOnly = await array.disk(2)
    const token = await tokenOf(readOnly, [[0, 8]])
    expectGood(await writeToken(target, token, [[0, 8]]))
    expectSense(await writeToken(readOnly, token, [[100, 8]]), SENSE.WRITE_PROTECTED)
  })

  test('switched off with the clone primitive: INVALID COMMAND OPERATION CODE', async () => {
    const off = await array.disk(4)
    for (const cdb of [POPULATE_TOKEN, WRITE_USING_TOKEN, RECEIVE_ROD_TOKEN_INFORMATION, REPORT_ALL_ROD_TOKENS])
      expect((await off.run(cdb, {})).sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })
})
