// Data of writes that are damaged or lost on their way (RFC 7143 7.1.4.1, 7.8, 7.9), at ErrorRecoveryLevel 1: they are asked
// for again, and every byte of the medium is what it should be.

import { describe, expect, test } from 'vitest'
import {
  decodeSense,
  encodePdu,
  INITIATOR_OPCODE,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import {
  asked,
  connected,
  DATA_OUT_SECONDS,
  data,
  expectDamageRejected,
  expectWritten,
  type Fate,
  out,
  rangeOf,
  send,
  write,
} from './damaging.ts'
import { pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { damaged } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { REJECT, R2T, SCSI_RESPONSE } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

describe('solicited data that are damaged (RFC 7143 7.1.4.1, 7.8)', () => {
  test.each<[string, Fate[], [number, number][]]>([
    ['the first', ['damaged'], [[0, 1024]]],
    ['in the middle', ['whole', 'damaged'], [[1024, 2048]]],
    ['the last, with F', ['whole', 'whole', 'whole', 'damaged'], [[3072, 4096]]],
    ['two beside each other', ['whole', 'damaged', 'damaged'], [[1024, 3072]]],
    [
      'two apart',
      ['damaged', 'whole', 'damaged'],
      [
        [0, 1024],
        [2048, 3072],
      ],
    ],
    ['all', ['damaged', 'damaged', 'damaged', 'damaged'], [[0, 4096]]],
  ])('%s: Reject, and a recovery R2T for what is missing, when the sequence has ended', async (_, fates, missing) => {
    const setup = await connected()
    const { raw } = setup
    const initiatorTaskTag = raw.command(write, out)
    send(raw, { initiatorTaskTag, ...(await asked(raw, 0, 4096)) }, fates)
    for (const fate of fates) if (fate === 'damaged') await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    for (const [from, to] of missing) send(raw, { initiatorTaskTag, ...(await asked(raw, from, to)) })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag, 2 + missing.length)
  })

  test('never more R2Ts at a time than MaxOutstandingR2T, over several sequences', async () => {
    const setup = await connected({ MaxOutstandingR2T: '2' })
    const { raw } = setup
    const initiatorTaskTag = raw.command(write, out)
    const first = await asked(raw, 0, 4096)
    const second = await asked(raw, 4096, 8192)
    send(raw, { initiatorTaskTag, ...first }, ['damaged', 'whole', 'damaged'])
    await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    const third = await asked(raw, 0, 1024)
    await raw.expectSilence() // the second sequence is under way still
    send(raw, { initiatorTaskTag, ...second }, ['whole', 'damaged'])
    await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    const fourth = await asked(raw, 2048, 3072)
    send(raw, { initiatorTaskTag, ...fourth })
    const fifth = await asked(raw, 5120, 6144)
    send(raw, { initiatorTaskTag, ...fifth })
    send(raw, { initiatorTaskTag, ...third })
    await expectWritten(setup, initiatorTaskTag, 5)
  })

  test('what was asked for again is damaged again, and again', async () => {
    const setup = await connected()
    const { raw } = setup
    const initiatorTaskTag = raw.command(write, out)
    send(raw, { initiatorTaskTag, ...(await asked(raw, 0, 4096)) }, ['whole', 'damaged'])
    for (let time = 0; time < 5; time++) {
      await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
      send(raw, { initiatorTaskTag, ...(await asked(raw, 1024, 2048)) }, time < 4 ? ['damaged'] : [])
    }
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag)
  })

  test('for ever: the command fails after a while, PROTOCOL SERVICE CRC ERROR, and nothing is written', async () => {
    const { raw, store } = await connected()
    const initiatorTaskTag = raw.command(write, out)
    for (let time = 0; time <= LIMITS.recoveryR2TsPerTask + 1; time++) {
      send(raw, { initiatorTaskTag, ...rangeOf(await raw.take(R2T)) }, Array(4).fill('damaged'))
      for (let pdu = 0; pdu < 4; pdu++) await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    }
    const { header, data: sense } = await raw.response()
    expect(header).toMatchObject({ initiatorTaskTag, status: STATUS.CHECK_CONDITION })
    const { asc, ascq } = SENSE.PROTOCOL_SERVICE_CRC_ERROR
    expect([sense[2 + 12], sense[2 + 13]]).toEqual([asc, ascq])
    expect(store.writes).toEqual([])
    await expectUp(raw)
  })

  test('a PDU as long as can be, which comes in many chunks', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await built.raw()
    const keys = {
      ErrorRecoveryLevel: '1',
      DataDigest: 'CRC32C',
      ImmediateData: 'No',
      InitialR2T: 'Yes',
      MaxBurstLength: '1048576',
    }
    await raw.login(built.target.iqn, keys)
    raw.command(TUR)
    await raw.response()
    const whole = pattern(1024 * 1024, 3)
    const initiatorTaskTag = raw.command(WRITE_10.encode({ lba: 0, blocks: 2048 }), {
      write: true,
      expectedDataTransferLength: whole.length,
    })
    const sendRange = ({ targetTransferTag, from, to }: ReturnType<typeof rangeOf>, fates: Fate[]): void => {
      for (let at = from, dataSn = 0; at < to; at += 262_144, dataSn++) {
        const pdu = () =>
          raw.dataOut(
            { initiatorTaskTag, targetTransferTag, bufferOffset: at, dataSn, final: at + 262_144 >= to },
            whole.subarray(at, Math.min(to, at + 262_144)),
          )
        if (fates[dataSn] === 'damaged') damaged(raw, pdu)
        else pdu()
      }
    }
    sendRange(rangeOf(await raw.take(R2T)), ['damaged', 'whole', 'damaged'])
    await raw.take(REJECT)
    await raw.take(REJECT)
    sendRange(await asked(raw, 0, 262_144), ['damaged'])
    await raw.take(REJECT)
    sendRange(await asked(raw, 524_288, 786_432), [])
    sendRange(await asked(raw, 0, 262_144), [])
    expect((await raw.take(SCSI_RESPONSE)).header.status).toBe(STATUS.GOOD)
    const written = Buffer.alloc(whole.length)
    await store.read(written, 0, whole.length, 0)
    expect(written.equals(whole)).toBe(true)
    expect(built.host.pool.used).toBe(0)
  })
})

describe('data out of sequence (RFC 7143 7.1.4.1, 7.9)', () => {
  test.each<[string, Fate[], [number, number]]>([
    ['a gap at the beginning', ['lost'], [0, 1024]],
    ['a gap of two PDUs', ['whole', 'lost', 'lost'], [1024, 3072]],
  ])('%s: a recovery R2T for it', async (_, fates, [from, to]) => {
    const setup = await connected()
    const { raw } = setup
    const initiatorTaskTag = raw.command(write, out)
    send(raw, { initiatorTaskTag, ...(await asked(raw, 0, 4096)) }, fates)
    send(raw, { initiatorTaskTag, ...(await asked(raw, from, to)) })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag, 3)
  })

  test('a last PDU that does not come: what is missing is asked for after half of the time (sequence reception timeout)', async () => {
    const setup = await connected()
    const { raw, built } = setup
    const initiatorTaskTag = raw.command(write, out)
    const first = await asked(raw, 0, 4096)
    send(raw, { initiatorTaskTag, ...first }, ['whole', 'whole', 'lost', 'lost'])
    await expectUp(raw)
    for (let second = 0; second < DATA_OUT_SECONDS / 2; second++) built.host.tick()
    const again = await asked(raw, 2048, 4096)
    send(raw, { initiatorTaskTag, ...first }, ['lost', 'lost', 'whole']) // too late: the R2T is not outstanding any more
    send(raw, { initiatorTaskTag, ...again })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag, 3)
  })
})

describe('data that come more than once', () => {
  test('what has come before stays as it is', async () => {
    const setup = await connected()
    const { raw } = setup
    const initiatorTaskTag = raw.command(write, out)
    const first = await asked(raw, 0, 4096)
    const { targetTransferTag } = first
    raw.dataOut({ initiatorTaskTag, targetTransferTag, dataSn: 0, final: false }, data.subarray(0, 1024))
    raw.dataOut({ initiatorTaskTag, targetTransferTag, dataSn: 1, final: false }, Buffer.alloc(1024, 0xee))
    send(raw, { initiatorTaskTag, ...first }, ['lost'])
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag, 2)
  })

  test('damaged ones that come in pieces do not lie over good ones', async () => {
    const setup = await connected()
    const { raw } = setup
    const initiatorTaskTag = raw.command(write, out)
    const first = await asked(raw, 0, 4096)
    const { targetTransferTag } = first
    raw.dataOut(
      { initiatorTaskTag, targetTransferTag, dataSn: 1, bufferOffset: 1024, final: false },
      data.subarray(1024, 2048),
    )
    const fields = { initiatorTaskTag, targetTransferTag, expStatSn: raw.expStatSn }
    const pdu = encodePdu(INITIATOR_OPCODE.DATA_OUT, fields, { data: Buffer.alloc(2048, 0xee), digests: raw.digests })
    pdu[pdu.length - 1]! ^= 1
    raw.sendBytes(pdu.subarray(0, 1000))
    await raw.expectSilence()
    raw.sendBytes(pdu.subarray(1000))
    await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    send(raw, { initiatorTaskTag, ...first }, ['lost', 'lost'])
    send(raw, { initiatorTaskTag, ...(await asked(raw, 0, 1024)) })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag, 3)
  })
})

describe('unsolicited data (RFC 7143 7.1.4.1, 7.8)', () => {
  const keys = { ImmediateData: 'Yes', InitialR2T: 'No', FirstBurstLength: '4096' }

  test.each<[string, Fate[], [number, number][]]>([
    ['the first is damaged', ['damaged'], [[1024, 2048]]],
    ['the last is damaged', ['whole', 'whole', 'damaged'], [[3072, 4096]]],
    ['one is lost', ['whole', 'lost'], [[2048, 3072]]],
  ])('%s: asked for by R2T', async (_, fates, missing) => {
    const setup = await connected(keys)
    const { raw } = setup
    const initiatorTaskTag = raw.command(
      write,
      { ...out, final: false },
      { data: data.subarray(0, 1024), digests: raw.digests },
    )
    send(raw, { initiatorTaskTag, from: 1024, to: 4096 }, fates)
    if (fates.includes('damaged')) await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    for (const [from, to] of missing) send(raw, { initiatorTaskTag, ...(await asked(raw, from, to)) })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    await expectWritten(setup, initiatorTaskTag)
  })
})

test('unsolicited Data-Out after their end, empty and far behind the command: it fails, nothing beyond it is asked for', async () => {
  const { raw, store } = await connected()
  const initiatorTaskTag = raw.command(write, out)
  const r2t = await asked(raw, 0, 4096)
  raw.dataOut({ initiatorTaskTag, bufferOffset: 0xffff_f000, final: true }, Buffer.alloc(0))
  send(raw, { initiatorTaskTag, ...r2t })
  const { header, data: sense } = await raw.response()
  expect(header).toMatchObject({ initiatorTaskTag, status: STATUS.CHECK_CONDITION })
  expect(decodeSense(sense.subarray(2)).sense).toBe(SENSE.UNEXPECTED_UNSOLICITED_DATA)
  expect(store.writes).toEqual([])
})
