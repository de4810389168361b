// Data in both directions (RFC 7143 11.4, 11.7, 11.8) as the initiator takes and sends it: reassembly, residuals, sense,
// R2T, and a target that breaks the rules.

import { describe, expect, test } from 'vitest'
import {
  encodeSense,
  INITIATOR_OPCODE,
  READ_10,
  RESERVED_TAG,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { ConnectionLostError, type InitiatorSession, ProtocolError } from '../../src/host/index.ts'
import { ANSWERS, open, type TargetEnd } from './scripted-target.ts'

const { SCSI_RESPONSE, R2T } = TARGET_OPCODE
const read = { lun: 0, cdb: READ_10.encode({ blocks: 2 }), dataInLength: 1024 }
const tur = { lun: 3, cdb: TEST_UNIT_READY.encode({}) }
const half = (byte: number): Buffer => Buffer.alloc(512, byte)

/** The session ends with this error as the cause. */
async function expectBroken(session: InitiatorSession, target: TargetEnd, message: string): Promise<void> {
  const closed = (await session.closed) as Error
  expect(closed).toBeInstanceOf(ConnectionLostError)
  expect(closed.cause).toBeInstanceOf(ProtocolError)
  expect(closed.message).toContain(message)
  await target.expectClosed()
}

describe('reading', () => {
  test('Data-In PDUs one after another, status on the last', async () => {
    const [session, target] = await open()
    const result = session.execute(read)
    const { header } = await target.takeCommand()
    expect(header).toMatchObject({ final: true, read: true, write: false, expectedDataTransferLength: 1024, cmdSn: 1 })
    target.dataIn(header.initiatorTaskTag, 0, 0, half(1))
    target.dataIn(header.initiatorTaskTag, 1, 512, half(2), { final: true, hasStatus: true })
    expect(await result).toEqual({ status: 0, response: 0, data: Buffer.concat([half(1), half(2)]) })
  })

  test('status in a SCSI Response of its own, underflow: the data that came, and the residual', async () => {
    const [session, target] = await open()
    const result = session.execute(read)
    const { initiatorTaskTag } = (await target.takeCommand()).header
    target.dataIn(initiatorTaskTag, 0, 0, half(1), { final: true })
    target.say(SCSI_RESPONSE, { initiatorTaskTag, underflow: true, residualCount: 512 })
    expect(await result).toEqual({ status: 0, response: 0, data: half(1), residual: { kind: 'underflow', count: 512 } })
  })

  test('CHECK CONDITION is a result: status, sense in either format, overflow', async () => {
    const [session, target] = await open()
    for (const format of ['fixed', 'descriptor'] as const) {
      const result = session.execute(read)
      const { initiatorTaskTag } = (await target.takeCommand()).header
      const field = { in: 'cdb', byte: 2 } as const
      const sense = encodeSense({ sense: SENSE.INVALID_FIELD_IN_CDB, field }, format)
      const length = Buffer.from([0, sense.length])
      const fields = { initiatorTaskTag, status: STATUS.CHECK_CONDITION, overflow: true, residualCount: 7 }
      target.say(SCSI_RESPONSE, fields, { data: Buffer.concat([length, sense]) })
      expect(await result).toEqual({
        status: STATUS.CHECK_CONDITION,
        response: 0,
        data: Buffer.alloc(0),
        sense: { sense: SENSE.INVALID_FIELD_IN_CDB, field },
        residual: { kind: 'overflow', count: 7 },
      })
    }
  })

  test('sense data that cannot be read, a target failure without a status', async () => {
    const [session, target] = await open()
    const garbled = session.execute(tur)
    const first = (await target.takeCommand()).header
    expect(first.lun.toString('hex')).toBe('0003000000000000')
    target.say(SCSI_RESPONSE, { initiatorTaskTag: first.initiatorTaskTag, status: 2 }, { data: Buffer.from([0, 8, 9]) })
    expect(await garbled).toEqual({ status: 2, response: 0, data: Buffer.alloc(0) })

    const failed = session.execute(tur)
    const second = (await target.takeCommand()).header
    target.say(SCSI_RESPONSE, { initiatorTaskTag: second.initiatorTaskTag, response: 1 })
    expect(await failed).toMatchObject({ response: 1 })
  })

  const broken: [string, string, (target: TargetEnd, tag: number) => void][] = [
    ['data beyond the expected length', 'Data-In up to byte 1025', (t, tag) => t.dataIn(tag, 0, 1020, Buffer.alloc(5))],
    ['a DataSN that skips', 'Data-In number 1 where 0', (t, tag) => t.dataIn(tag, 1, 0, half(1))],
    ['GOOD with data missing', '512 bytes came of 1024', (t, tag) => t.dataIn(tag, 0, 0, half(1), { hasStatus: true })],
    ['a gap', 'Data-In at byte 512, not 0', (t, tag) => t.dataIn(tag, 0, 512, half(1), { hasStatus: true })],
    [
      'the same data twice',
      'Data-In at byte 0, not 512',
      (t, tag) => {
        t.dataIn(tag, 0, 0, half(1))
        t.dataIn(tag, 1, 0, half(1), { hasStatus: true })
      },
    ],
    [
      'an R2T for a read',
      'an R2T for 512 bytes',
      (t, tag) => t.say(R2T, { initiatorTaskTag: tag, desiredDataTransferLength: 512 }, { status: false }),
    ],
    [
      'a StatSN that skips',
      'status number',
      (t, tag) => {
        t.statSn++
        t.good(tag)
      },
    ],
  ]
  test.each(broken)('%s breaks the rules: the connection ends', async (_, message, misbehave) => {
    const [session, target] = await open()
    const result = session.execute(read)
    result.catch(() => {})
    misbehave(target, (await target.takeCommand()).header.initiatorTaskTag)
    await expectBroken(session, target, message)
    await expect(result).rejects.toBeInstanceOf(ConnectionLostError)
  })

  test('digests: right ones are taken, a wrong one ends the connection', async () => {
    const digests = { header: true, data: true }
    const [session, target] = await open({ ...ANSWERS, HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' }, { digests })
    const right = session.execute(read)
    const first = (await target.takeCommand()).header
    target.dataIn(first.initiatorTaskTag, 0, 0, Buffer.alloc(1021, 1))
    target.dataIn(first.initiatorTaskTag, 1, 1021, Buffer.alloc(3, 1), { hasStatus: true })
    expect((await right).data).toEqual(Buffer.alloc(1024, 1))

    const wrong = session.execute(read)
    wrong.catch(() => {})
    const second = (await target.takeCommand()).header
    target.digests = { header: true, data: false }
    target.dataIn(second.initiatorTaskTag, 0, 0, half(1))
    target.sendBytes(Buffer.from('wrong!'))
    expect(((await session.closed) as Error).message).toContain('dataDigest')
    await expect(wrong).rejects.toBeInstanceOf(ConnectionLostError)
  })
})

describe('writing', () => {
  const data = Buffer.from(Array.from({ length: 40_960 }, (_, i) => i * 7))
  const write = { lun: 0, cdb: WRITE_10.encode({ blocks: 80 }), dataOut: data }

  test('immediate data, unsolicited Data-Out up to FirstBurstLength, then what R2Ts ask for', async () => {
    const [session, target] = await open()
    const result = session.execute(write)
    const command = await target.takeCommand()
    expect(command.header).toMatchObject({ final: false, write: true, read: false, expectedDataTransferLength: 40_960 })
    expect(command.data).toEqual(data.subarray(0, 4096)) // MaxRecvDataSegmentLength
    const { initiatorTaskTag } = command.header
    const unsolicited = await target.take(INITIATOR_OPCODE.DATA_OUT)
    expect(unsolicited.header).toMatchObject({
      final: true,
      targetTransferTag: RESERVED_TAG,
      dataSn: 0,
      bufferOffset: 4096,
    })
    expect(unsolicited.data).toEqual(data.subarray(4096, 8192))
    await target.expectSilence()

    const got = Buffer.alloc(40_960)
    data.copy(got, 0, 0, 8192)
    for (const [r2tSn, [bufferOffset, length]] of [
      [24_576, 16_384],
      [8192, 16_384],
    ].entries()) {
      const fields = {
        initiatorTaskTag,
        targetTransferTag: 50 + r2tSn,
        r2tSn,
        bufferOffset: bufferOffset!,
        desiredDataTransferLength: length!,
      }
      target.say(R2T, fields, { status: false })
      for (let dataSn = 0; dataSn < 4; dataSn++) {
        const { header, data: part } = await target.take(INITIATOR_OPCODE.DATA_OUT)
        const expected = {
          targetTransferTag: 50 + r2tSn,
          dataSn,
          bufferOffset: bufferOffset! + 4096 * dataSn,
          final: dataSn === 3,
        }
        expect(header).toMatchObject({ ...expected, initiatorTaskTag })
        part.copy(got, header.bufferOffset)
      }
    }
    expect(got.equals(data)).toBe(true)
    target.good(initiatorTaskTag)
    expect(await result).toEqual({ status: 0, response: 0, data: Buffer.alloc(0) })
  })

  test.each([
    ['ImmediateData=No, InitialR2T=Yes: nothing goes unasked', { ImmediateData: 'No', InitialR2T: 'Yes' }, 0, 0],
    ['ImmediateData=No, InitialR2T=No: Data-Out alone', { ImmediateData: 'No', InitialR2T: 'No' }, 0, 8192],
    ['ImmediateData=Yes, InitialR2T=Yes: immediate data alone', { ImmediateData: 'Yes', InitialR2T: 'Yes' }, 4096, 0],
  ])('%s', async (_, keys, immediate, unsolicited) => {
    const parameters = { immediateData: keys.ImmediateData === 'Yes', initialR2T: keys.InitialR2T === 'Yes' }
    const [session, target] = await open({ ...ANSWERS, ...keys }, { parameters })
    session.execute(write).catch(() => {})
    const command = await target.takeCommand()
    expect(command.data.length).toBe(immediate)
    expect(command.header.final).toBe(unsolicited === 0)
    for (let got = 0; got < unsolicited; ) got += (await target.take(INITIATOR_OPCODE.DATA_OUT)).data.length
    await target.expectSilence()
  })

  test('a write that the target needs less of: underflow', async () => {
    const [session, target] = await open()
    const result = session.execute({ lun: 0, cdb: WRITE_10.encode({ blocks: 1 }), dataOut: Buffer.alloc(600) })
    const { initiatorTaskTag } = (await target.takeCommand()).header
    target.say(SCSI_RESPONSE, { initiatorTaskTag, underflow: true, residualCount: 88 })
    expect((await result).residual).toEqual({ kind: 'underflow', count: 88 })
  })

  test('an R2T beyond the data breaks the rules', async () => {
    const [session, target] = await open()
    session.execute(write).catch(() => {})
    const { initiatorTaskTag } = (await target.takeCommand()).header
    target.say(R2T, { initiatorTaskTag, bufferOffset: 40_000, desiredDataTransferLength: 961 }, { status: false })
    await expectBroken(session, target, 'an R2T for 961 bytes at 40000 of 40960')
  })

  test('R2Ts for the same data again and again break the rules', async () => {
    const [session, target] = await open()
    session.execute(write).catch(() => {})
    const { initiatorTaskTag } = (await target.takeCommand()).header
    const fields = { initiatorTaskTag, bufferOffset: 24_576, desiredDataTransferLength: 16_384 }
    for (let r2tSn = 0; r2tSn < 3; r2tSn++) target.say(R2T, { ...fields, r2tSn }, { status: false })
    await expectBroken(session, target, 'R2Ts for 49152 bytes of 40960')
  })

  test('what cannot be sent leaves no trace: the next command has the number that was due', async () => {
    const [session, target] = await open()
    for (const wrong of [{ lun: 16_384 }, { lun: 0.5 }, { attributes: 8 }])
      expect(() => session.submit({ ...tur, ...wrong })).toThrow(RangeError)
    session.execute(tur).catch(() => {})
    expect((await target.takeCommand()).header.cmdSn).toBe(1)
  })

  test('nor is it found out only when the window opens', async () => {
    const [session] = await open(ANSWERS, {}, 0)
    expect(() => session.submit({ ...tur, lun: 16_384 })).toThrow(RangeError)
  })

  test('what cannot be sent: a CDB of no byte or of 261, data both ways, a LUN that is none', async () => {
    const [session] = await open()
    expect(() => session.submit({ lun: 0, cdb: Buffer.alloc(0) })).toThrow(RangeError)
    expect(() => session.submit({ lun: 0, cdb: Buffer.alloc(261) })).toThrow(RangeError)
    expect(() => session.submit({ ...write, dataInLength: 1 })).toThrow('bidirectional')
    expect(() => session.submit({ ...tur, lun: 16384 })).toThrow(RangeError)
  })

  test('a long CDB travels in an extended CDB AHS', async () => {
    const [session, target] = await open()
    session.execute({ lun: 0, cdb: Buffer.from([...Array(32).keys()]) }).catch(() => {})
    const { header, ahs } = await target.takeCommand()
    expect(header.cdb).toEqual(Buffer.from([...Array(16).keys()]))
    expect(ahs).toEqual([{ kind: 'extended CDB', cdb: Buffer.from([...Array(32).keys()].slice(16)) }])
  })
})
