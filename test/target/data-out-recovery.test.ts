// Data of writes, and commands, that are damaged or lost on their way (RFC 7143 7.1.4.1, 7.1.4.2, 7.8, 7.9), at
// ErrorRecoveryLevel 1: they are asked for again or retried, and every byte of the medium is what it should be.

import { describe, expect, test } from 'vitest'
import {
  BHS_LENGTH,
  INITIATOR_OPCODE,
  REJECT_REASON,
  RESERVED_TAG,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'
import { damaged } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { REJECT, R2T, NOP_IN, SCSI_RESPONSE } = TARGET_OPCODE
const BLOCK = 512
const LENGTH = 16 * BLOCK
const DATA_OUT_SECONDS = 10
const TUR = TEST_UNIT_READY.encode({})
const data = pattern(LENGTH, 7)
const write = WRITE_10.encode({ lba: 8, blocks: 16 })
const out = { write: true, expectedDataTransferLength: LENGTH }

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly raw: RawInitiator
}

async function connected(keys: Record<string, string> = {}): Promise<Setup> {
  const store = new HeldStore()
  const limits = { dataOutSeconds: DATA_OUT_SECONDS } // less than what a ping waits for
  const built = await handBuilt([store], {}, {}, undefined, { limits })
  const raw = await built.raw()
  const digests = { HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' }
  const usual = { ErrorRecoveryLevel: '1', ImmediateData: 'No', InitialR2T: 'Yes', MaxBurstLength: '4096' }
  await raw.login(built.target.iqn, { ...digests, ...usual, ...keys })
  raw.command(TUR)
  await raw.response()
  return { built, store, raw }
}

interface Sequence {
  readonly initiatorTaskTag: number
  readonly targetTransferTag?: number
  readonly from: number
  readonly to: number
}

type Fate = 'whole' | 'damaged' | 'lost'

/** The PDUs of a sequence, 1024 bytes each; what becomes of each. */
function send(
  raw: RawInitiator,
  { initiatorTaskTag, targetTransferTag = RESERVED_TAG, from, to }: Sequence,
  fates: Fate[] = [],
): void {
  for (let bufferOffset = from, dataSn = 0; bufferOffset < to; bufferOffset += 1024, dataSn++) {
    const end = Math.min(to, bufferOffset + 1024)
    const fields = { initiatorTaskTag, targetTransferTag, bufferOffset, dataSn, final: end === to }
    const pdu = () => raw.dataOut(fields, data.subarray(bufferOffset, end))
    const fate = fates[dataSn] ?? 'whole'
    if (fate === 'whole') pdu()
    if (fate === 'damaged') damaged(raw, pdu)
  }
}

const rangeOf = ({ header }: PduOf<typeof R2T>) => ({
  targetTransferTag: header.targetTransferTag,
  from: header.bufferOffset,
  to: header.bufferOffset + header.desiredDataTransferLength,
})

/** The R2T that is due, for this range. */
async function asked(raw: RawInitiator, from: number, to: number) {
  const range = rangeOf(await raw.take(R2T))
  expect([range.from, range.to]).toEqual([from, to])
  return range
}

async function expectDamageRejected(raw: RawInitiator, opcode: number): Promise<void> {
  const { header, data: rejected } = await raw.take(REJECT)
  expect(header).toMatchObject({ reason: REJECT_REASON.DATA_DIGEST_ERROR, statSn: raw.expStatSn })
  expect(rejected.length).toBe(BHS_LENGTH)
  expect(rejected[0]! & 0x3f).toBe(opcode)
  raw.expStatSn++
}

async function expectWritten({ raw, store }: Setup, initiatorTaskTag: number, r2ts?: number): Promise<void> {
  const { header } = await raw.response()
  expect(header).toMatchObject({
    initiatorTaskTag,
    status: STATUS.GOOD,
    ...(r2ts !== undefined && { expDataSn: r2ts }),
  })
  const written = Buffer.alloc(LENGTH)
  await store.read(written, 0, LENGTH, 8 * BLOCK)
  expect(written.equals(data)).toBe(true)
  await expectUp(raw)
}

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

describe('PDUs other than data (RFC 7143 7.1.4.2, 7.8)', () => {
  test('immediate data damaged: the command is not received; those behind it wait until it is retried', async () => {
    const setup = await connected({ ImmediateData: 'Yes', FirstBurstLength: '65536', MaxBurstLength: '65536' })
    const { raw } = setup
    const { cmdSn } = raw
    let initiatorTaskTag = 0
    damaged(raw, () => {
      initiatorTaskTag = raw.command(write, out, { data })
    })
    await expectDamageRejected(raw, INITIATOR_OPCODE.SCSI_COMMAND)
    const behind = raw.command(TUR)
    await raw.expectSilence()
    raw.command(write, { ...out, cmdSn, initiatorTaskTag }, { data })
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: behind, status: STATUS.GOOD })
    const written = Buffer.alloc(LENGTH)
    await setup.store.read(written, 0, LENGTH, 8 * BLOCK)
    expect(written.equals(data)).toBe(true)
  })

  test('a retry of a command that was received is ignored, before its status and after it', async () => {
    const { raw, store } = await connected()
    store.hold()
    const { cmdSn } = raw
    const initiatorTaskTag = raw.command(write, out)
    const range = await asked(raw, 0, 4096)
    raw.command(write, { ...out, cmdSn, initiatorTaskTag })
    await raw.expectSilence()
    send(raw, { initiatorTaskTag, ...range })
    send(raw, { initiatorTaskTag, ...(await asked(raw, 4096, 8192)) })
    store.release()
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    raw.command(write, { ...out, cmdSn, initiatorTaskTag })
    await raw.expectSilence()
    await expectUp(raw)
  })

  test('a ping damaged: Reject, and it can be sent again', async () => {
    const { raw } = await connected()
    const ping = () =>
      raw.send(
        INITIATOR_OPCODE.NOP_OUT,
        {
          immediate: true,
          initiatorTaskTag: 9,
          targetTransferTag: RESERVED_TAG,
          cmdSn: raw.cmdSn,
          expStatSn: raw.expStatSn,
        },
        { data: Buffer.from('hello') },
      )
    damaged(raw, ping)
    await expectDamageRejected(raw, INITIATOR_OPCODE.NOP_OUT)
    ping()
    expect((await raw.take(NOP_IN)).data.toString()).toBe('hello')
  })

  test('data of a task that is not there, damaged: Reject, and nothing else', async () => {
    const { raw } = await connected()
    damaged(raw, () => raw.dataOut({ initiatorTaskTag: 0xdead, targetTransferTag: 3 }, data.subarray(0, 1024)))
    await expectDamageRejected(raw, INITIATOR_OPCODE.DATA_OUT)
    await expectUp(raw)
  })

  test('a header damaged: where the next PDU begins is not known, the connection ends (RFC 7143 7.8)', async () => {
    const { raw, built } = await connected()
    const original = raw.sendBytes.bind(raw)
    raw.sendBytes = (bytes) => {
      const wrong = Buffer.from(bytes)
      wrong[7]! ^= 4
      original(wrong)
    }
    raw.command(TUR)
    await raw.expectClosed()
    expect(raw.received).toEqual([])
    for (let tries = 0; built.target.sessions.size > 0 && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 2))
    expect(built.target.sessions.size).toBe(0)
    expect(built.host.retained.used).toBe(0)
  })
})
