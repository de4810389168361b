// Commands over several connections (RFC 7143 4.2.2): they are delivered by CmdSN, whichever connection brings them and when;
// data, R2T and status of each stay on the connection that it came on.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  READ_10,
  REJECT_REASON,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { connected, readBack, two, write } from './ordering.ts'
import type { RawInitiator } from './raw.ts'
import { expectUp, OUT, ones, WRITE } from './tasks.ts'

const { NOP_OUT, TEXT_REQUEST, TASK_MANAGEMENT_REQUEST } = INITIATOR_OPCODE
const { NOP_IN, R2T, REJECT, SCSI_RESPONSE, TEXT_RESPONSE, TASK_MANAGEMENT_RESPONSE } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

describe('in their order', () => {
  test('interleaved over 8 connections: each is answered on its own, with its own StatSN (RFC 7143 4.2.2.2)', async () => {
    const { all } = await connected(8)
    const stat = all.map(({ expStatSn }) => expStatSn)
    for (let round = 0; round < 4; round++) {
      for (const [i, raw] of all.entries()) {
        const initiatorTaskTag = raw.command(TUR)
        const { header } = await raw.response()
        expect(header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD, statSn: stat[i]! + round })
        expect(header.expCmdSn).toBe(raw.cmdSn)
      }
    }
  })

  test('data and R2T go through the connection of their command (RFC 7143 4.2.5.1)', async () => {
    const { a, b } = await two({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const onA = a.command(WRITE, OUT)
    const onB = b.command(WRITE_10.encode({ lba: 1, blocks: 1 }), OUT)
    const tttA = (await a.take(R2T)).header
    const tttB = (await b.take(R2T)).header
    expect([tttA.initiatorTaskTag, tttB.initiatorTaskTag]).toEqual([onA, onB])
    b.dataOut({ initiatorTaskTag: onB, targetTransferTag: tttB.targetTransferTag }, Buffer.alloc(512, 2))
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag: onB, status: STATUS.GOOD })
    a.dataOut({ initiatorTaskTag: onA, targetTransferTag: tttA.targetTransferTag }, ones)
    expect((await a.response()).header).toMatchObject({ initiatorTaskTag: onA, status: STATUS.GOOD })
    expect(await readBack(b, 0, 2)).toEqual(Buffer.concat([ones, Buffer.alloc(512, 2)]))
  })

  test('Data-Out on another connection than its command is for nobody: it is dropped', async () => {
    const { a, b } = await two({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const initiatorTaskTag = a.command(WRITE, OUT)
    const { targetTransferTag } = (await a.take(R2T)).header
    b.dataOut({ initiatorTaskTag, targetTransferTag }, Buffer.alloc(512, 9))
    await b.expectSilence(30)
    await a.expectSilence(10)
    a.dataOut({ initiatorTaskTag, targetTransferTag }, ones)
    expect((await a.response()).header.status).toBe(STATUS.GOOD)
    expect(await readBack(b, 0, 1)).toEqual(ones)
  })

  test('a task tag in use on one connection is in use on the other: Reject', async () => {
    const { a, b } = await two({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const initiatorTaskTag = a.command(WRITE, OUT)
    await a.take(R2T)
    const { cmdSn } = b
    b.command(TUR, { initiatorTaskTag })
    const { header, data } = await b.take(REJECT)
    expect(header).toMatchObject({ reason: REJECT_REASON.TASK_IN_PROGRESS, expCmdSn: cmdSn })
    expect(data.readUInt32BE(16)).toBe(initiatorTaskTag)
  })
})

describe('before their turn (RFC 7143 4.2.2.1)', () => {
  test('a write that comes early waits, data and all, and comes second', async () => {
    const { store, a, b } = await two()
    const first = a.cmdSn
    const late = write(b, first + 1, 0, 2)
    await b.expectSilence(30)
    expect(store.writes).toEqual([])
    const due = write(a, first, 0, 1)
    expect((await a.response()).header).toMatchObject({ initiatorTaskTag: due, status: STATUS.GOOD })
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag: late, status: STATUS.GOOD })
    a.cmdSn = first + 2
    expect(store.writes).toHaveLength(2)
    expect(await readBack(a, 0, 1)).toEqual(Buffer.alloc(512, 2))
  })

  test.each([1, 2, 3, 4, 5])(
    '60 writes of one block, shuffled over 8 connections (seed %i): the last one stays',
    async (seed) => {
      const { all, built } = await connected(8)
      const first = all[0]!.cmdSn
      const numbers = Array.from({ length: 60 }, (_, i) => i)
      const order = fc.sample(fc.shuffledSubarray(numbers, { minLength: 60 }), { seed, numRuns: 1 })[0]!
      const tags = new Map<RawInitiator, number[]>(all.map((raw) => [raw, []]))
      for (const n of order) {
        const raw = all[(n * 7 + seed) % 8]!
        tags.get(raw)?.push(write(raw, first + n, 0, n + 1))
        if (n % 9 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      for (const raw of all) {
        const answered: number[] = []
        while (answered.length < tags.get(raw)!.length) {
          const { header } = await raw.response()
          expect(header.status).toBe(STATUS.GOOD)
          answered.push(header.initiatorTaskTag)
        }
        expect(answered.sort()).toEqual(tags.get(raw)!.sort())
      }
      all[0]!.cmdSn = first + 60
      expect(await readBack(all[0]!, 0, 1)).toEqual(Buffer.alloc(512, 60))
      await built.close()
      expect(built.host.pool.used).toBe(0)
    },
  )

  test('unsolicited Data-Out of an early write finds it: all of the data is there when its turn comes', async () => {
    const { a, b } = await two({ InitialR2T: 'No', FirstBurstLength: '4096' })
    const first = a.cmdSn
    const initiatorTaskTag = b.command(
      WRITE_10.encode({ blocks: 8 }),
      { write: true, final: false, expectedDataTransferLength: 4096, cmdSn: first + 1 },
      { data: Buffer.alloc(1024, 1) },
    )
    b.dataOut({ initiatorTaskTag, bufferOffset: 1024, final: false }, Buffer.alloc(1024, 2))
    b.dataOut({ initiatorTaskTag, bufferOffset: 2048, dataSn: 1 }, Buffer.alloc(2048, 3))
    await b.expectSilence(30)
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.status).toBe(STATUS.GOOD)
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    a.cmdSn = first + 2
    const expected = Buffer.concat([Buffer.alloc(1024, 1), Buffer.alloc(1024, 2), Buffer.alloc(2048, 3)])
    expect(await readBack(a, 0, 8)).toEqual(expected)
  })

  test('unsolicited Data-Out that comes after its turn', async () => {
    const { a, b } = await two({ InitialR2T: 'No' })
    const first = a.cmdSn
    const fields = { write: true, final: false, expectedDataTransferLength: 1024, cmdSn: first + 1 }
    const initiatorTaskTag = b.command(WRITE_10.encode({ blocks: 2 }), fields, { data: ones })
    await b.expectSilence(20)
    a.command(TUR, { cmdSn: first })
    await a.response()
    await b.expectSilence(20)
    b.dataOut({ initiatorTaskTag, bufferOffset: 512 }, Buffer.alloc(512, 2))
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    a.cmdSn = first + 2
    expect(await readBack(a, 0, 2)).toEqual(Buffer.concat([ones, Buffer.alloc(512, 2)]))
  })

  test('no R2T before its turn; then R2T and data on its connection', async () => {
    const { a, b } = await two({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const first = a.cmdSn
    const initiatorTaskTag = b.command(WRITE, { ...OUT, cmdSn: first + 1 })
    await b.expectSilence(30)
    a.command(TUR, { cmdSn: first })
    await a.response()
    const { targetTransferTag } = (await b.take(R2T)).header
    b.dataOut({ initiatorTaskTag, targetTransferTag }, ones)
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    await a.expectSilence(10)
  })

  test('a read that comes early; with a data segment that nobody wants', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    const fields = { read: true, expectedDataTransferLength: 512, cmdSn: first + 1 }
    b.command(READ_10.encode({ blocks: 1 }), fields, { data: ones })
    await b.expectSilence(20)
    a.command(TUR, { cmdSn: first })
    await a.response()
    expect((await b.take(TARGET_OPCODE.DATA_IN)).header).toMatchObject({ hasStatus: true, status: STATUS.GOOD })
  })

  test('NOP-Out, Text and Task Management that are not immediate wait for their turn too', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    const fields = { targetTransferTag: RESERVED_TAG, final: true }
    b.send(TEXT_REQUEST, { ...fields, initiatorTaskTag: 3, cmdSn: first + 3 }, { data: Buffer.from('SendTargets=\0') })
    b.send(TASK_MANAGEMENT_REQUEST, { function: 2, initiatorTaskTag: 2, cmdSn: first + 2 })
    b.send(NOP_OUT, { ...fields, initiatorTaskTag: 1, cmdSn: first + 1 }, { data: Buffer.from('early') })
    await b.expectSilence(30)
    a.command(TUR, { cmdSn: first })
    await a.response()
    const nop = await b.take(NOP_IN)
    expect(nop.header).toMatchObject({ initiatorTaskTag: 1, expCmdSn: first + 2 })
    expect(nop.data.toString()).toBe('early')
    expect((await b.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject({ initiatorTaskTag: 2, response: 0 })
    expect((await b.take(TEXT_RESPONSE)).data.toString()).toContain('TargetName=')
  })

  test('an early command that is rejected has not come: the number can be used again', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    b.command(TUR, { cmdSn: first + 1, initiatorTaskTag: RESERVED_TAG })
    expect((await b.take(REJECT)).header).toMatchObject({ reason: REJECT_REASON.INVALID_PDU_FIELD, expCmdSn: first })
    b.command(WRITE, { cmdSn: first + 1, write: true, expectedDataTransferLength: 100 }, { data: ones })
    expect((await b.take(REJECT)).header).toMatchObject({ reason: REJECT_REASON.PROTOCOL_ERROR, expCmdSn: first })
    b.send(TEXT_REQUEST, { initiatorTaskTag: 3, targetTransferTag: 77, final: true, cmdSn: first + 2 })
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.expCmdSn).toBe(first + 1)
    b.command(TUR, { cmdSn: first + 1 })
    expect((await b.response()).header.expCmdSn).toBe(first + 2)
    expect((await b.take(REJECT)).header.expCmdSn).toBe(first + 2) // the text, when its turn has come
    a.cmdSn = first + 2
    await expectUp(a)
  })

  test('an early NOP-Out with more data than anybody pings with: Reject, it has not come', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    const nop = { initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, final: true, cmdSn: first + 1 }
    b.send(NOP_OUT, nop, { data: Buffer.alloc(100_000) })
    expect((await b.take(REJECT)).header.reason).toBe(REJECT_REASON.LONG_OPERATION_REJECT)
    b.send(NOP_OUT, nop, { data: Buffer.alloc(8192, 1) })
    a.command(TUR, { cmdSn: first })
    await a.response()
    expect((await b.take(NOP_IN)).data).toEqual(Buffer.alloc(8192, 1))
  })

  test('a task tag that an early command has is in use', async () => {
    const { a, b } = await two()
    const first = a.cmdSn
    const initiatorTaskTag = b.command(TUR, { cmdSn: first + 1 })
    await b.expectSilence(10)
    a.command(TUR, { cmdSn: first, initiatorTaskTag })
    expect((await a.take(REJECT)).header.reason).toBe(REJECT_REASON.TASK_IN_PROGRESS)
  })
})

test('SCSI Response PDUs and nothing else come of writes over two connections', async () => {
  const { a, b } = await two()
  for (let n = 0; n < 50; n++) write(n % 3 ? a : b, a.cmdSn++, n, n)
  for (let n = 0; n < 50; n++) expect((await (n % 3 ? a : b).takeAny()).header.opcode).toBe(SCSI_RESPONSE)
})
