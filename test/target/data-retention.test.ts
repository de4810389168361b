// What SNACK may still ask for (RFC 7143 11.7.2, 11.16) at ErrorRecoveryLevel 1: DataACK ends the keeping of data, and what
// nobody acknowledges is kept up to a bound.

import { describe, expect, test } from 'vitest'
import { REJECT_REASON, SENSE, SNACK_TYPE, STATUS, TARGET_OPCODE, TEST_UNIT_READY } from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { MIB } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { acknowledge, read, replica, snack, takeData, until, untilResponse } from './recovering.ts'
import { BLOCK, connected } from './retaining.ts'

const { REJECT, DATA_IN, SCSI_RESPONSE } = TARGET_OPCODE
const { DATA_OR_R2T, DATA_ACK } = SNACK_TYPE
const TUR = TEST_UNIT_READY.encode({})

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
    expect(built.host.retained.used).toBeLessThan(1024) // the last status alone
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
