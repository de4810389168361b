// SNACK (RFC 7143 11.16) at ErrorRecoveryLevel 1: whatever an initiator has not got is sent again as it was, until it is
// acknowledged; what it may not ask for is rejected.

import { describe, expect, test } from 'vitest'
import {
  REJECT_REASON,
  SENSE,
  SNACK_TYPE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { MIB } from './array.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'
import { acknowledge, read, replica, snack, takeData, untilResponse } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { REJECT, R2T, DATA_IN, SCSI_RESPONSE, NOP_IN } = TARGET_OPCODE
const { DATA_OR_R2T, STATUS: STATUS_SNACK, DATA_ACK, R_DATA } = SNACK_TYPE
const BLOCK = 512
const TUR = TEST_UNIT_READY.encode({})
const medium = pattern(64 * BLOCK, 5)

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly raw: RawInitiator
}

/** Data-In PDUs of 1024 bytes, four to a burst. */
async function connected(keys: Record<string, string> = {}): Promise<Setup> {
  const store = new HeldStore()
  const built = await handBuilt([store])
  await store.write(medium, 0, medium.length, 0)
  const raw = await built.raw()
  const usual = { ErrorRecoveryLevel: '1', MaxRecvDataSegmentLength: '1024', MaxBurstLength: '4096', InitialR2T: 'Yes' }
  const settled = await raw.login(built.target.iqn, { ...usual, ...keys })
  expect(settled.ErrorRecoveryLevel).toBe('1')
  raw.command(TUR)
  await raw.response()
  return { built, store, raw }
}

async function expectRejected(raw: RawInitiator, reason: number): Promise<void> {
  expect((await raw.take(REJECT)).header).toMatchObject({ reason, statSn: raw.expStatSn })
  raw.expStatSn++
}

describe('SNACK of Data-In (RFC 7143 7.1.4.1, 11.16)', () => {
  test.each<[string, { begRun: number; runLength: number }, number[]]>([
    ['one in the middle', { begRun: 3, runLength: 1 }, [3]],
    ['a run', { begRun: 1, runLength: 4 }, [1, 2, 3, 4]],
    ['the first', { begRun: 0, runLength: 1 }, [0]],
    ['from one on', { begRun: 6, runLength: 0 }, [6, 7]],
    ['all that is not acknowledged', { begRun: 0, runLength: 0 }, [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('%s: exact replicas, after the status', async (_, run, numbers) => {
    const { raw, store } = await connected()
    const initiatorTaskTag = read(raw, 0, 16)
    const { data, response } = await untilResponse(raw)
    expect(response.header).toMatchObject({ status: STATUS.GOOD, expDataSn: 8, statSn: raw.expStatSn })
    expect(Buffer.concat(data.map((pdu) => pdu.data))).toEqual(medium.subarray(0, 16 * BLOCK))
    await store.write(Buffer.alloc(16 * BLOCK, 0xee), 0, 16 * BLOCK, 0) // what was read is what is sent again
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, ...run })
    const again = await takeData(raw, numbers.length)
    expect(again.map(replica)).toEqual(numbers.map((number) => replica(data[number]!)))
    raw.expStatSn++
    await expectUp(raw)
  })

  test('with both digests, and ExpCmdSN and MaxCmdSN as they are now', async () => {
    const { raw } = await connected({ HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' })
    const initiatorTaskTag = read(raw, 3, 2)
    const { data } = await untilResponse(raw)
    raw.command(TUR)
    await raw.take(SCSI_RESPONSE)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 1 })
    const [again] = await takeData(raw, 1)
    expect(replica(again!)).toEqual(replica(data[0]!))
    expect(again!.header.expCmdSn).toBe(raw.cmdSn)
  })

  test('of a task that nothing has been sent for yet: all is nothing, one is a protocol error', async () => {
    const { raw, store } = await connected()
    store.hold()
    const initiatorTaskTag = read(raw, 0, 2)
    await store.untilWaiting(1)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 0 })
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 1 })
    await expectRejected(raw, REJECT_REASON.PROTOCOL_ERROR)
    store.release()
    expect((await untilResponse(raw)).response.header.status).toBe(STATUS.GOOD)
  })

  test.each<[string, { begRun: number; runLength: number }]>([
    ['beyond the last', { begRun: 8, runLength: 1 }],
    ['a run that ends beyond the last', { begRun: 6, runLength: 3 }],
    ['from beyond the last on', { begRun: 8, runLength: 0 }],
    ['far beyond', { begRun: 0xffff_ffff, runLength: 0xffff_ffff }],
  ])('%s: Reject, protocol error, with the next DataSN (RFC 7143 11.17)', async (_, run) => {
    const { raw } = await connected()
    const initiatorTaskTag = read(raw, 0, 16)
    await untilResponse(raw)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, ...run })
    expect((await raw.take(REJECT)).header).toMatchObject({ reason: REJECT_REASON.PROTOCOL_ERROR, dataSn: 8 })
    await raw.expectSilence()
  })

  test('of a task that is not there, or whose status is acknowledged: Reject, protocol error', async () => {
    const { raw } = await connected()
    snack(raw, DATA_OR_R2T, { initiatorTaskTag: 0xdead, begRun: 0, runLength: 0 })
    await expectRejected(raw, REJECT_REASON.PROTOCOL_ERROR)
    const initiatorTaskTag = read(raw, 0, 16)
    await untilResponse(raw)
    raw.expStatSn++
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 1 })
    await expectRejected(raw, REJECT_REASON.PROTOCOL_ERROR)
    await expectUp(raw)
  })

  test.each([4, 9, 15])('type %i: Reject, invalid PDU field', async (type) => {
    const { raw } = await connected()
    snack(raw, type, { begRun: 0, runLength: 0 })
    await expectRejected(raw, REJECT_REASON.INVALID_PDU_FIELD)
    await expectUp(raw)
  })
})

describe('SNACK of R2T (RFC 7143 7.1.4.1, 11.16)', () => {
  const write = WRITE_10.encode({ lba: 8, blocks: 16 })
  const out = { write: true, expectedDataTransferLength: 16 * BLOCK }

  test('lost ones: the same, with StatSN as it is now; the data that answer them are taken once', async () => {
    const { raw, store } = await connected({ ImmediateData: 'No', MaxOutstandingR2T: '2' })
    const initiatorTaskTag = raw.command(write, out)
    const first = await raw.take(R2T)
    const second = await raw.take(R2T)
    await acknowledge(raw)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 1, runLength: 1 })
    const again = await raw.take(R2T)
    expect(again.header.statSn).toBe(raw.expStatSn)
    expect(again.header).toMatchObject({ ...replicaOf(second.header), r2tSn: 1 })
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 0 })
    expect((await raw.take(R2T)).header.r2tSn).toBe(0)
    expect((await raw.take(R2T)).header.r2tSn).toBe(1)
    const data = pattern(16 * BLOCK, 9)
    for (const { header } of [first, second, first]) answer(raw, initiatorTaskTag, header, data)
    expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, expDataSn: 2 })
    const written = Buffer.alloc(data.length)
    await store.read(written, 0, data.length, 8 * BLOCK)
    expect(written).toEqual(data)
  })

  test('one that was not sent: Reject, protocol error, with the next R2TSN', async () => {
    const { raw } = await connected({ ImmediateData: 'No' })
    const initiatorTaskTag = raw.command(write, out)
    await raw.take(R2T)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 1, runLength: 1 })
    expect((await raw.take(REJECT)).header).toMatchObject({ reason: REJECT_REASON.PROTOCOL_ERROR, dataSn: 1 })
  })

  type Asked = { targetTransferTag: number; bufferOffset: number; desiredDataTransferLength: number; r2tSn: number }
  const replicaOf = ({ targetTransferTag, bufferOffset, desiredDataTransferLength, r2tSn }: Asked): Asked => ({
    targetTransferTag,
    bufferOffset,
    desiredDataTransferLength,
    r2tSn,
  })
  function answer(raw: RawInitiator, initiatorTaskTag: number, r2t: Asked, data: Buffer): void {
    const { targetTransferTag, bufferOffset, desiredDataTransferLength } = r2t
    const part = data.subarray(bufferOffset, bufferOffset + desiredDataTransferLength)
    raw.dataOut({ initiatorTaskTag, targetTransferTag, bufferOffset }, part)
  }
})

describe('SNACK of statuses (RFC 7143 7.1.4.2, 11.16)', () => {
  test('responses, rejects and answers to pings that were lost: each as it was, by its StatSN', async () => {
    const { raw } = await connected()
    const first = raw.expStatSn
    raw.command(TUR)
    const good = await raw.take(SCSI_RESPONSE)
    raw.command(Buffer.from([0xff])) // a status with sense data
    const failed = await raw.take(SCSI_RESPONSE)
    snack(raw, 9, {})
    const rejected = await raw.take(REJECT)
    raw.send(
      0x00,
      { immediate: true, initiatorTaskTag: 77, targetTransferTag: 0xffff_ffff, cmdSn: raw.cmdSn, expStatSn: first },
      { data: Buffer.from('hello') },
    )
    const pinged = await raw.take(NOP_IN)
    const all = [good, failed, rejected, pinged].map(replica)
    snack(raw, STATUS_SNACK, { begRun: first + 1, runLength: 2 })
    expect([await raw.takeAny(), await raw.takeAny()].map(replica)).toEqual(all.slice(1, 3))
    snack(raw, STATUS_SNACK, { begRun: first + 2, runLength: 0 })
    expect([await raw.takeAny(), await raw.takeAny()].map(replica)).toEqual(all.slice(2))
    snack(raw, STATUS_SNACK, { begRun: 0, runLength: 0 })
    expect([await raw.takeAny(), await raw.takeAny(), await raw.takeAny(), await raw.takeAny()].map(replica)).toEqual(
      all,
    )
    raw.expStatSn += 4
    await expectUp(raw)
  })

  test('acknowledged, or not sent: Reject, protocol error, and nothing of the run is sent', async () => {
    const { raw } = await connected()
    raw.command(TUR)
    await raw.response()
    const next = raw.expStatSn
    for (const run of [
      { begRun: next - 1, runLength: 1 },
      { begRun: next, runLength: 1 },
      { begRun: next, runLength: 0 },
    ]) {
      snack(raw, STATUS_SNACK, run)
      await expectRejected(raw, REJECT_REASON.PROTOCOL_ERROR)
      await acknowledge(raw)
      Object.assign(run, { begRun: raw.expStatSn })
    }
    raw.command(TUR)
    await raw.take(SCSI_RESPONSE)
    snack(raw, STATUS_SNACK, { begRun: raw.expStatSn, runLength: 2 })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.PROTOCOL_ERROR)
    await raw.expectSilence()
  })

  test('with nothing to acknowledge: all that there is, which is nothing', async () => {
    const { raw } = await connected()
    await acknowledge(raw)
    snack(raw, STATUS_SNACK, { begRun: 0, runLength: 0 })
    await expectUp(raw)
  })

  test('a status lost before its data are complete: both are had again', async () => {
    const { raw } = await connected()
    const initiatorTaskTag = read(raw, 0, 8)
    const { data, response } = await untilResponse(raw)
    snack(raw, STATUS_SNACK, { begRun: response.header.statSn, runLength: 1 })
    expect(replica(await raw.take(SCSI_RESPONSE))).toEqual(replica(response))
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 2, runLength: 0 })
    expect((await takeData(raw, 2)).map(replica)).toEqual(data.slice(2).map(replica))
  })

  test('a peer that never acknowledges: the oldest are given up, SNACK reject; the newest are there', async () => {
    const { raw } = await connected()
    const first = raw.expStatSn
    const count = LIMITS.statusesPerConnection + 10
    for (let sent = 0; sent < count; sent++) {
      raw.command(TUR, { expStatSn: first })
      await raw.take(SCSI_RESPONSE)
    }
    snack(raw, STATUS_SNACK, { begRun: first, runLength: 1, expStatSn: first })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.SNACK_REJECT)
    snack(raw, STATUS_SNACK, { begRun: first + count - 1, runLength: 1, expStatSn: first })
    expect((await raw.take(SCSI_RESPONSE)).header.statSn).toBe(first + count - 1)
  })
})

describe('DataACK (RFC 7143 11.7.2, 11.16)', () => {
  test('A is set at the end of each burst that others follow, with a transfer tag and the LUN; nowhere else', async () => {
    const { raw } = await connected()
    read(raw, 0, 24)
    const { data } = await untilResponse(raw)
    expect(data.map(({ header }) => header.acknowledge)).toEqual(data.map((_, i) => i === 3 || i === 7))
    expect(data.map(({ header }) => header.final)).toEqual(data.map((_, i) => i % 4 === 3))
    for (const { header } of data) expect(header.targetTransferTag === 0xffff_ffff).toBe(!header.acknowledge)
    expect(data[3]!.header.lun).toEqual(Buffer.alloc(8))
  })

  test('never at ErrorRecoveryLevel 0', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await built.raw()
    await raw.login(built.target.iqn, {
      ErrorRecoveryLevel: '0',
      MaxRecvDataSegmentLength: '1024',
      MaxBurstLength: '4096',
    })
    raw.command(TUR)
    await raw.response()
    read(raw, 0, 24)
    for (const { header } of await takeData(raw, 12)) expect(header.acknowledge).toBe(false)
  })

  test('what is acknowledged is kept no more, and asking for it is a protocol error; the rest is sent', async () => {
    const { raw, built } = await connected()
    const initiatorTaskTag = read(raw, 0, 24)
    const { data } = await untilResponse(raw)
    const kept = built.host.retained.used
    const { targetTransferTag, lun } = data[3]!.header
    snack(raw, DATA_ACK, { targetTransferTag, lun: Buffer.from(lun), begRun: 4, runLength: 0 })
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 0 })
    expect((await takeData(raw, 8)).map(replica)).toEqual(data.slice(4).map(replica))
    expect(built.host.retained.used).toBeLessThan(kept - 4 * 1024)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 3, runLength: 1 })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.PROTOCOL_ERROR)
    expect(built.host.retained.used).toBeGreaterThan(0)
  })

  test.each<[string, (tag: number) => object, number]>([
    ['a tag that was not given', (tag) => ({ targetTransferTag: tag + 1, begRun: 4 }), REJECT_REASON.INVALID_DATA_ACK],
    ['data that were not sent', (tag) => ({ targetTransferTag: tag, begRun: 13 }), REJECT_REASON.INVALID_DATA_ACK],
    ['a run length', (tag) => ({ targetTransferTag: tag, begRun: 4, runLength: 1 }), REJECT_REASON.INVALID_PDU_FIELD],
  ])('%s: Reject', async (_, fields, reason) => {
    const { raw } = await connected()
    read(raw, 0, 24)
    const { data } = await untilResponse(raw)
    snack(raw, DATA_ACK, fields(data[3]!.header.targetTransferTag))
    expect((await raw.take(REJECT)).header.reason).toBe(reason)
  })

  test('less than before, or after the status: Reject, invalid data ack', async () => {
    const { raw } = await connected()
    read(raw, 0, 24)
    const { data } = await untilResponse(raw)
    const { targetTransferTag } = data[3]!.header
    snack(raw, DATA_ACK, { targetTransferTag, begRun: 8 })
    snack(raw, DATA_ACK, { targetTransferTag, begRun: 4 })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.INVALID_DATA_ACK)
    raw.expStatSn += 2
    snack(raw, DATA_ACK, { targetTransferTag, begRun: 12 })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.INVALID_DATA_ACK)
  })
})

describe('R-Data SNACK (RFC 7143 11.16)', () => {
  test('another MaxRecvDataSegmentLength: all that is not acknowledged in PDUs of that length, a response with the tag and the old StatSN', async () => {
    const { raw } = await connected()
    const initiatorTaskTag = read(raw, 0, 24)
    const { data, response } = await untilResponse(raw)
    snack(raw, DATA_ACK, { targetTransferTag: data[3]!.header.targetTransferTag, begRun: 4 })
    const before = raw.expStatSn
    await raw.text({ MaxRecvDataSegmentLength: '512' })
    raw.expStatSn = before // the response to the read is still due
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 4, runLength: 1 })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.PROTOCOL_ERROR) // it would be too long
    snack(raw, R_DATA, { initiatorTaskTag, targetTransferTag: 0xabc, begRun: 0, runLength: 0 })
    const { data: again, response: last } = await untilResponse(raw)
    expect(again.map(({ header }) => header.dataSn)).toEqual(Array.from({ length: 16 }, (_, i) => 4 + i))
    expect(again.map(({ data: { length } }) => length)).toEqual(Array(16).fill(512))
    expect(again.map(({ header }) => header.bufferOffset)).toEqual(again.map((_, i) => 4096 + 512 * i))
    expect(again.map(({ header }) => header.final)).toEqual(again.map((_, i) => i % 8 === 7))
    expect(again.map(({ header }) => header.acknowledge)).toEqual(again.map((_, i) => i === 7))
    expect(Buffer.concat(again.map((pdu) => pdu.data))).toEqual(medium.subarray(4096, 24 * BLOCK))
    expect(last.header).toMatchObject({
      statSn: response.header.statSn,
      snackTag: 0xabc,
      expDataSn: 20,
      status: STATUS.GOOD,
    })
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 19, runLength: 1 })
    expect(replica((await takeData(raw, 1))[0]!)).toEqual(replica(again[15]!))
    snack(raw, STATUS_SNACK, { begRun: response.header.statSn, runLength: 1 })
    expect(replica(await raw.take(SCSI_RESPONSE))).toEqual(replica(last))
  })

  test('before the status: the only response has the tag', async () => {
    const { raw, store } = await connected()
    store.hold()
    const initiatorTaskTag = read(raw, 0, 4)
    await store.untilWaiting(1)
    snack(raw, R_DATA, { initiatorTaskTag, targetTransferTag: 5, begRun: 0, runLength: 0 })
    await acknowledge(raw)
    store.release()
    const { data, response } = await untilResponse(raw)
    expect(data.map(({ header }) => header.dataSn)).toEqual([0, 1])
    expect(response.header).toMatchObject({ snackTag: 5, expDataSn: 2 })
  })

  test.each<[string, object]>([
    ['tag 0', { targetTransferTag: 0 }],
    ['tag FFFFFFFFh', { targetTransferTag: 0xffff_ffff }],
    ['a BegRun', { targetTransferTag: 5, begRun: 1 }],
    ['a RunLength', { targetTransferTag: 5, runLength: 1 }],
  ])('%s: Reject, invalid PDU field', async (_, fields) => {
    const { raw } = await connected()
    const initiatorTaskTag = read(raw, 0, 16)
    await untilResponse(raw)
    snack(raw, R_DATA, { initiatorTaskTag, begRun: 0, runLength: 0, ...fields })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.INVALID_PDU_FIELD)
  })
})

describe('what is kept has a bound', () => {
  const blocks = 4096
  const keys = { MaxRecvDataSegmentLength: '262144', MaxBurstLength: '262144' }

  test('a read longer than it, not acknowledged: the first PDUs are given up, SNACK reject; the last are there', async () => {
    const { raw, built } = await connected(keys)
    const tags = [0, 1, 2, 3, 4].map(() => read(raw, 0, blocks))
    for (const _ of tags) await untilResponse(raw)
    expect(built.host.retained.used).toBeLessThanOrEqual(LIMITS.retainedPerSession)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag: tags[0]!, begRun: 0, runLength: 1 })
    expect((await raw.take(REJECT)).header.reason).toBe(REJECT_REASON.SNACK_REJECT)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag: tags[4]!, begRun: 7, runLength: 1 })
    expect((await raw.take(DATA_IN)).header.dataSn).toBe(7)
    raw.destroy()
    await until(() => built.host.retained.used === 0)
  })

  test('a status that is acknowledged frees all of it', async () => {
    const { raw, built } = await connected(keys)
    read(raw, 0, blocks)
    await untilResponse(raw)
    expect(built.host.retained.used).toBeGreaterThan(blocks * BLOCK)
    raw.expStatSn++
    await acknowledge(raw)
    expect(built.host.retained.used).toBe(0)
  })

  test('data given up before the status: the command fails, READ ERROR - FAILED RETRANSMISSION REQUEST (RFC 7143 7.8)', async () => {
    const store = new HeldStore(64 * MIB)
    const built = await handBuilt([store])
    const raw = await built.raw()
    await raw.login(built.target.iqn, { ErrorRecoveryLevel: '1', ...keys })
    raw.command(TUR)
    await raw.response()
    raw.socket.pause()
    const initiatorTaskTag = read(raw, 0, 48_000) // more than the array sends before anything of it is read
    await until(() => built.host.retained.used > 7 * MIB)
    store.hold()
    raw.socket.resume()
    await raw.take(DATA_IN)
    snack(raw, DATA_OR_R2T, { initiatorTaskTag, begRun: 0, runLength: 1 })
    let rejected = 0
    for (let pdu = await raw.takeAny(); ; pdu = await raw.takeAny()) {
      if (pdu.header.opcode === REJECT) {
        rejected++
        expect(pdu.header.reason).toBe(REJECT_REASON.SNACK_REJECT)
        store.release()
      }
      if (pdu.header.opcode !== SCSI_RESPONSE) continue
      const { asc, ascq } = SENSE.FAILED_RETRANSMISSION_REQUEST
      expect(pdu.header.status).toBe(STATUS.CHECK_CONDITION)
      expect([pdu.data[2 + 12], pdu.data[2 + 13]]).toEqual([asc, ascq])
      break
    }
    expect(rejected).toBe(1)
  })
})

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2000) throw new Error('it does not happen')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
