// Data of writes (RFC 7143 11.7, 11.8, 4.2.5.2): R2T with several outstanding, unsolicited data by what was agreed, and what is
// out of order or out of bounds: it fails the command (0B/47/05 and its neighbours) and never the connection.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  decodeSense,
  INITIATOR_OPCODE,
  RESERVED_TAG,
  SENSE,
  type Sense,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { type Disk, pattern } from './disk.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'

const { R2T, SCSI_RESPONSE, REJECT } = TARGET_OPCODE
const R2T_ONLY = { ImmediateData: 'No', InitialR2T: 'Yes' }

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

/** A WRITE(10) of so many blocks at LBA 0. */
const write = (raw: RawInitiator, blocks: number, fields: object = {}, data?: Buffer): number =>
  raw.command(
    WRITE_10.encode({ blocks }),
    { write: true, expectedDataTransferLength: 512 * blocks, ...fields },
    data ? { data } : {},
  )

const takeR2T = (raw: RawInitiator): Promise<PduOf<typeof R2T>> => raw.take(R2T)

/** Answers an R2T as it should be. */
function answer(raw: RawInitiator, { header }: PduOf<typeof R2T>, data: Buffer): void {
  const { initiatorTaskTag, targetTransferTag, bufferOffset, desiredDataTransferLength: length } = header
  raw.dataOut({ initiatorTaskTag, targetTransferTag, bufferOffset }, data.subarray(bufferOffset, bufferOffset + length))
}

async function expectFailed(raw: RawInitiator, initiatorTaskTag: number, ...allowed: Sense[]): Promise<void> {
  const response = await raw.response()
  expect(response.header).toMatchObject({ initiatorTaskTag, status: STATUS.CHECK_CONDITION })
  expect(allowed).toContainEqual(decodeSense(response.data.subarray(2)).sense)
}

/** The connection is up and in step. */
async function expectUp(raw: RawInitiator): Promise<void> {
  raw.command(TEST_UNIT_READY.encode({}))
  expect((await raw.response()).header.status).toBe(STATUS.GOOD)
}

describe('R2T (RFC 7143 11.8)', () => {
  test.each([1, 2, 4])(
    'MaxOutstandingR2T=%i: so many at once, in order, MaxBurstLength each; R2TSN from 0, tags of their own',
    async (most) => {
      const raw = await array.rawSession({ ...R2T_ONLY, MaxOutstandingR2T: String(most), MaxBurstLength: '1024' })
      const data = pattern(16 * 512, most)
      const initiatorTaskTag = write(raw, 16)
      const waiting: PduOf<typeof R2T>[] = []
      for (let r2tSn = 0; r2tSn < 8; r2tSn++) {
        const next = await takeR2T(raw)
        expect(next.header).toMatchObject({
          r2tSn,
          bufferOffset: 1024 * r2tSn,
          desiredDataTransferLength: 1024,
          initiatorTaskTag,
        })
        expect(next.header.targetTransferTag).not.toBe(RESERVED_TAG)
        expect(waiting.map(({ header }) => header.targetTransferTag)).not.toContain(next.header.targetTransferTag)
        waiting.push(next)
        if (waiting.length < most && r2tSn < 7) continue
        await raw.expectSilence(15)
        answer(raw, waiting.shift()!, data)
      }
      for (const rest of waiting) answer(raw, rest, data)
      expect((await raw.response()).header).toMatchObject({
        status: STATUS.GOOD,
        expDataSn: 8,
        underflow: false,
        overflow: false,
      })
      expect((await disk.read(0, 16)).equals(data)).toBe(true)
    },
  )

  test('a sequence in many PDUs, DataSN from 0 for each sequence (RFC 7143 4.2.2.4)', async () => {
    const raw = await array.rawSession({ ...R2T_ONLY, MaxBurstLength: '2048', MaxOutstandingR2T: '1' })
    const data = pattern(8 * 512, 9)
    const initiatorTaskTag = write(raw, 8)
    for (let sequence = 0; sequence < 2; sequence++) {
      const { targetTransferTag, bufferOffset } = (await takeR2T(raw)).header
      for (let dataSn = 0, at = 0; at < 2048; dataSn++) {
        const length = Math.min([1, 3, 500, 512, 2048][dataSn]!, 2048 - at)
        const final = at + length === 2048
        raw.dataOut(
          { initiatorTaskTag, targetTransferTag, dataSn, bufferOffset: bufferOffset + at, final },
          data.subarray(bufferOffset + at, bufferOffset + at + length),
        )
        at += length
      }
    }
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    expect((await disk.read(0, 8)).equals(data)).toBe(true)
  })

  test('two writes at once: their R2Ts and data may interleave', async () => {
    const raw = await array.rawSession(R2T_ONLY)
    const tags = [
      write(raw, 1),
      raw.command(WRITE_10.encode({ lba: 1, blocks: 1 }), { write: true, expectedDataTransferLength: 512 }),
    ]
    const r2ts = [await takeR2T(raw), await takeR2T(raw)]
    expect(r2ts.map(({ header }) => header.initiatorTaskTag)).toEqual(tags)
    answer(raw, r2ts[1]!, Buffer.alloc(512, 2))
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: tags[1], status: STATUS.GOOD })
    answer(raw, r2ts[0]!, Buffer.alloc(512, 1))
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: tags[0], status: STATUS.GOOD })
    expect(await disk.read(0, 2)).toEqual(Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(512, 2)]))
  })
})

describe('unsolicited data (RFC 7143 4.2.5.2)', () => {
  const data = pattern(8 * 512, 3)

  test('immediate data and Data-Out up to FirstBurstLength, then an R2T for the rest', async () => {
    const raw = await array.rawSession({ InitialR2T: 'No', FirstBurstLength: '2048', MaxBurstLength: '8192' })
    const initiatorTaskTag = write(raw, 8, { final: false }, data.subarray(0, 512))
    raw.dataOut({ initiatorTaskTag, bufferOffset: 512, final: false }, data.subarray(512, 1024))
    raw.dataOut({ initiatorTaskTag, bufferOffset: 1024, dataSn: 1 }, data.subarray(1024, 2048))
    const r2t = await takeR2T(raw)
    expect(r2t.header).toMatchObject({ r2tSn: 0, bufferOffset: 2048, desiredDataTransferLength: 2048 })
    answer(raw, r2t, data)
    expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, expDataSn: 1 })
    expect((await disk.read(0, 8)).equals(data)).toBe(true)
  })

  test('no R2T is sent before the F bit has ended the unsolicited data', async () => {
    const raw = await array.rawSession({ InitialR2T: 'No', FirstBurstLength: '2048' })
    const initiatorTaskTag = write(raw, 8, { final: false }, data.subarray(0, 512))
    await raw.expectSilence(30)
    raw.dataOut({ initiatorTaskTag, bufferOffset: 512 }, data.subarray(512, 1024)) // less than it might be
    const r2t = await takeR2T(raw)
    expect(r2t.header).toMatchObject({ bufferOffset: 1024, desiredDataTransferLength: 3072 })
    answer(raw, r2t, data)
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  })

  test('all of a short write, the F bit on the last', async () => {
    const raw = await array.rawSession({ InitialR2T: 'No', ImmediateData: 'No' })
    const initiatorTaskTag = write(raw, 8, { final: false })
    for (let i = 0; i < 8; i++)
      raw.dataOut(
        { initiatorTaskTag, bufferOffset: 512 * i, dataSn: i, final: i === 7 },
        data.subarray(512 * i, 512 * (i + 1)),
      )
    expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, expDataSn: 0 })
    expect((await disk.read(0, 8)).equals(data)).toBe(true)
  })

  test('a last Data-Out without data ends it', async () => {
    const raw = await array.rawSession({ InitialR2T: 'No' })
    const initiatorTaskTag = write(raw, 1, { final: false }, data.subarray(0, 512))
    raw.dataOut({ initiatorTaskTag, bufferOffset: 512 }, Buffer.alloc(0))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  })

  const { UNEXPECTED_UNSOLICITED_DATA: UNEXPECTED, PROTOCOL_SERVICE_CRC_ERROR: SEQUENCE } = SENSE

  /** Reject of the command, or CHECK CONDITION; never GOOD, never a byte on the medium. */
  async function expectRefused(raw: RawInitiator, initiatorTaskTag: number): Promise<void> {
    const pdu = await raw.takeAny()
    if (pdu.header.opcode === REJECT) {
      expect(pdu.data.readUInt32BE(16)).toBe(initiatorTaskTag)
      raw.expStatSn++
    } else {
      expect(pdu.header).toMatchObject({ opcode: SCSI_RESPONSE, initiatorTaskTag, status: STATUS.CHECK_CONDITION })
      expect([UNEXPECTED, SEQUENCE]).toContainEqual(decodeSense(pdu.data.subarray(2)).sense)
    }
    expect((await disk.read(0, 8)).equals(Buffer.alloc(4096))).toBe(true)
  }

  test.each<[string, Record<string, string>, object, number]>([
    ['ImmediateData=No and immediate data', { ImmediateData: 'No' }, {}, 512],
    ['InitialR2T=Yes and the F bit zero', { InitialR2T: 'Yes' }, { final: false }, 512],
    ['more immediate data than FirstBurstLength', { FirstBurstLength: '512' }, {}, 1024],
    ['more immediate data than EDTL', {}, { expectedDataTransferLength: 512 }, 1024],
  ])('%s: refused', async (_, keys, fields, length) => {
    await disk.write(0, Buffer.alloc(4096))
    const raw = await array.rawSession({ InitialR2T: 'No', ...keys })
    await expectRefused(raw, write(raw, 8, fields, Buffer.alloc(length, 0xee)))
  })

  test('unsolicited Data-Out beyond FirstBurstLength, or where there is none: the command fails when it has ended', async () => {
    await disk.write(0, Buffer.alloc(4096))
    const raw = await array.rawSession({ InitialR2T: 'No', ImmediateData: 'No', FirstBurstLength: '1024' })
    const beyond = write(raw, 8, { final: false })
    raw.dataOut({ initiatorTaskTag: beyond, bufferOffset: 0, final: false }, Buffer.alloc(1024, 0xee))
    raw.dataOut({ initiatorTaskTag: beyond, bufferOffset: 1024, dataSn: 1 }, Buffer.alloc(512, 0xee))
    await expectRefused(raw, beyond)
    await expectUp(raw)
  })

  test('Data-Out of a task that is not there is dropped', async () => {
    const raw = await array.rawSession()
    raw.dataOut({ initiatorTaskTag: 0x5555 }, Buffer.alloc(512))
    raw.dataOut({ initiatorTaskTag: 0x5555, targetTransferTag: 3 }, Buffer.alloc(512))
    await raw.expectSilence(30)
    await expectUp(raw)
  })
})

describe('DataSN (iSCSIDataSnInvalid): 0B/47/05 after the F bit, and the connection stays (RFC 7143 7.9)', () => {
  test.each<[string, number[]]>([
    ['0, 0', [0, 0]],
    ['27', [27]],
    ['-1', [0xffff_ffff]],
    ['1, 0', [1, 0]],
  ])('solicited, %s', async (_, dataSns) => {
    await disk.write(0, Buffer.alloc(1024))
    const raw = await array.rawSession(R2T_ONLY)
    const initiatorTaskTag = write(raw, dataSns.length)
    const { targetTransferTag } = (await takeR2T(raw)).header
    for (const [i, dataSn] of dataSns.entries()) {
      const final = i === dataSns.length - 1
      raw.dataOut(
        { initiatorTaskTag, targetTransferTag, dataSn, bufferOffset: 512 * i, final },
        Buffer.alloc(512, 0xee),
      )
      if (!final) await raw.expectSilence(20)
    }
    await expectFailed(raw, initiatorTaskTag, SENSE.PROTOCOL_SERVICE_CRC_ERROR)
    await expectUp(raw)
    expect(await disk.read(0, 2)).toEqual(Buffer.alloc(1024))
  })

  test.each<[string, number[]]>([
    ['0, 0', [0, 0]],
    ['27', [27]],
    ['-1', [0xffff_ffff]],
    ['1, 0', [1, 0]],
  ])('unsolicited, %s', async (_, dataSns) => {
    await disk.write(0, Buffer.alloc(1024))
    const raw = await array.rawSession({ InitialR2T: 'No', ImmediateData: 'No' })
    const initiatorTaskTag = write(raw, dataSns.length, { final: false })
    for (const [i, dataSn] of dataSns.entries())
      raw.dataOut(
        { initiatorTaskTag, dataSn, bufferOffset: 512 * i, final: i === dataSns.length - 1 },
        Buffer.alloc(512, 0xee),
      )
    await expectFailed(raw, initiatorTaskTag, SENSE.PROTOCOL_SERVICE_CRC_ERROR)
    await expectUp(raw)
    expect(await disk.read(0, 2)).toEqual(Buffer.alloc(1024))
  })
})

describe('solicited data that is not what was asked for: the command fails, the connection stays (RFC 7143 7.9)', () => {
  const cases: [string, object, number][] = [
    ['another transfer tag', { targetTransferTag: 0x7777 }, 1024],
    ['another offset', { bufferOffset: 512 }, 512],
    ['beyond the end of the sequence', { bufferOffset: 0 }, 1536],
    ['an offset of 2^32 - 1', { bufferOffset: 0xffff_ffff }, 1024],
    ['the F bit before the end', { bufferOffset: 0 }, 512],
    ['no data at all', { bufferOffset: 0 }, 0],
  ]
  test.each(cases)('%s', async (_, fields, length) => {
    await disk.write(0, Buffer.alloc(1024))
    const raw = await array.rawSession({ ...R2T_ONLY, MaxBurstLength: '1024', MaxOutstandingR2T: '1' })
    const initiatorTaskTag = write(raw, 2)
    const { targetTransferTag } = (await takeR2T(raw)).header
    raw.dataOut({ initiatorTaskTag, targetTransferTag, ...fields }, Buffer.alloc(length, 0xee))
    const pdu = await raw.takeAny()
    if (pdu.header.opcode === REJECT) {
      raw.expStatSn++
      raw.dataOut({ initiatorTaskTag, targetTransferTag }, Buffer.alloc(1024, 0xee))
    } else {
      expect(pdu.header).toMatchObject({ opcode: SCSI_RESPONSE, initiatorTaskTag, status: STATUS.CHECK_CONDITION })
      expect(decodeSense(pdu.data.subarray(2)).sense.key).toBe(0xb)
      expect(await disk.read(0, 2)).toEqual(Buffer.alloc(1024))
    }
    if (pdu.header.opcode === REJECT) await raw.response()
    await expectUp(raw)
  })

  test('data after the command has ended are dropped', async () => {
    const raw = await array.rawSession(R2T_ONLY)
    const initiatorTaskTag = write(raw, 1)
    const r2t = await takeR2T(raw)
    answer(raw, r2t, Buffer.alloc(512, 1))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    answer(raw, r2t, Buffer.alloc(512, 2))
    raw.dataOut({ initiatorTaskTag }, Buffer.alloc(512, 2))
    await raw.expectSilence(30)
    await expectUp(raw)
    expect(await disk.read(0, 1)).toEqual(Buffer.alloc(512, 1))
  })
})

test('Data-Out needs no CmdSN, and moves none', async () => {
  const raw = await array.rawSession(R2T_ONLY)
  write(raw, 1)
  const r2t = await takeR2T(raw)
  expect(r2t.header.expCmdSn).toBe(raw.cmdSn)
  answer(raw, r2t, Buffer.alloc(512))
  expect((await raw.response()).header.expCmdSn).toBe(raw.cmdSn)
  raw.send(INITIATOR_OPCODE.NOP_OUT, {
    immediate: true,
    initiatorTaskTag: 9,
    targetTransferTag: RESERVED_TAG,
    cmdSn: raw.cmdSn,
  })
  expect((await raw.take(TARGET_OPCODE.NOP_IN)).header.expCmdSn).toBe(raw.cmdSn)
})
