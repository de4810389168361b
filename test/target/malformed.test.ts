// PDUs that are wrong, or right and rare (RFC 7143 11.2, 7.3, 7.9): each has the answer that the standard gives, none harms
// another session, and what follows on the same connection still works where the stream is whole.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  AHS_TYPE,
  type Ahs,
  ASYNC_EVENT,
  decodeSense,
  encodeLun,
  encodePdu,
  INITIATOR_OPCODE,
  READ_10,
  READ_16,
  REJECT_REASON,
  RESERVED_TAG,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TASK_ATTRIBUTE,
  TEST_UNIT_READY,
  WRITE_16,
} from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import type { Disk } from './disk.ts'
import { join } from './members.ts'
import type { RawInitiator } from './raw.ts'

const { ASYNC_MESSAGE, REJECT, SCSI_RESPONSE, NOP_IN } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

let array: TestArray
let honest: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  honest = await array.disk()
  return () => array.close()
})

/** In step with the target's numbers, whatever it has counted, and working. */
async function expectUp(raw: RawInitiator): Promise<void> {
  raw.send(INITIATOR_OPCODE.NOP_OUT, {
    immediate: true,
    initiatorTaskTag: raw.takeTag(),
    targetTransferTag: RESERVED_TAG,
    cmdSn: raw.cmdSn,
  })
  const { expCmdSn, statSn } = (await raw.take(NOP_IN)).header
  raw.cmdSn = expCmdSn
  raw.expStatSn = (statSn + 1) >>> 0
  raw.command(TUR)
  expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  await honest.write(0, Buffer.alloc(512, 1))
}

/** A Reject says which PDU it was, then the connection is closed. */
async function endsWith(raw: RawInitiator, initiatorTaskTag: number): Promise<void> {
  const { header, data } = await raw.take(REJECT)
  expect(header.reason).toBe(REJECT_REASON.INVALID_PDU_FIELD)
  expect(data.readUInt32BE(16)).toBe(initiatorTaskTag)
  await raw.expectClosed()
}

describe('additional header segments (RFC 7143 11.2.2)', () => {
  const other = (ahsType: number, length: number): Ahs => ({
    kind: 'other',
    ahsType,
    content: Buffer.alloc(length, 0x55),
  })

  test('1,020 bytes of extended CDB: the operation code is judged as ever', async () => {
    const raw = await array.rawSession()
    const ahs: Ahs[] = [{ kind: 'extended CDB', cdb: Buffer.alloc(1016, 0xee) }]
    const variable = Buffer.alloc(16)
    variable[0] = 0x7f
    raw.command(variable, {}, { ahs })
    const response = await raw.response()
    expect(response.header.status).toBe(STATUS.CHECK_CONDITION)
    expect(decodeSense(response.data.subarray(2)).sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
    await expectUp(raw)
  })

  test('1,020 bytes with data behind them', async () => {
    const raw = await array.rawSession()
    const ahs: Ahs[] = [{ kind: 'extended CDB', cdb: Buffer.alloc(1016) }]
    const fields = { write: true, expectedDataTransferLength: 512 }
    raw.command(WRITE_16.encode({ lba: 9n, blocks: 1 }), fields, { ahs, data: Buffer.alloc(512, 0x77) })
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    expect(await honest.read(9, 1)).toEqual(Buffer.alloc(512, 0x77))
    await expectUp(raw)
  })

  test.each<[string, readonly Ahs[]]>([
    ['alone', [other(0x3f, 1017)]],
    ['two of them', [other(5, 1), other(6, 9)]],
  ])('a type that is reserved, %s: the session ends (RFC 7143 7.7)', async (_, ahs) => {
    const raw = await array.rawSession()
    await endsWith(raw, raw.command(TUR, {}, { ahs }))
  })

  test.each<[string, string]>([
    ['a length beyond TotalAHSLength', 'ffff0100'],
    ['an extended CDB of zero bytes', '00010100'],
    ['a bidirectional read length of the wrong size', '00010200'],
    ['a length that leaves half a header', '00030100aabbccdd00'],
  ])('%s: the session ends (RFC 7143 7.7)', async (_, hex) => {
    const raw = await array.rawSession()
    const bytes = Buffer.from(hex, 'hex')
    const ahs = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
    const initiatorTaskTag = raw.takeTag()
    const fields = {
      final: true,
      attributes: 1,
      lun: encodeLun(0),
      initiatorTaskTag,
      cmdSn: raw.cmdSn++,
      cdb: Buffer.alloc(16),
    }
    const pdu = encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, fields)
    pdu[4] = ahs.length / 4
    raw.sendBytes(Buffer.concat([pdu, ahs]))
    await endsWith(raw, initiatorTaskTag)
  })

  test('AHS on other PDUs than commands: the stream goes on', async () => {
    const raw = await array.rawSession()
    const ahs: Ahs[] = [other(AHS_TYPE.EXTENDED_CDB, 20)]
    raw.send(
      INITIATOR_OPCODE.NOP_OUT,
      { immediate: true, initiatorTaskTag: 8, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn },
      { ahs },
    )
    const { opcode } = (await raw.takeAny()).header
    expect([NOP_IN, REJECT]).toContain(opcode)
    await expectUp(raw)
  })
})

describe('a header that the standard has no meaning for (RFC 7143 7.7)', () => {
  test.each([5, 6, 7])('task attribute %i: the session ends', async (attributes) => {
    const raw = await array.rawSession()
    await endsWith(raw, raw.command(TUR, { attributes }))
  })

  test.each([
    ['NOP-Out', INITIATOR_OPCODE.NOP_OUT],
    ['Task Management Request', INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST],
    ['Logout Request', INITIATOR_OPCODE.LOGOUT_REQUEST],
  ])('%s without its F bit: the session ends', async (_, opcode) => {
    const raw = await array.rawSession()
    await honest.write(0, Buffer.alloc(512, 1))
    const header = Buffer.alloc(48)
    header[0] = opcode | 0x40
    header.writeUInt32BE(77, 16)
    header.writeUInt32BE(raw.cmdSn, 24)
    raw.sendBytes(header)
    await endsWith(raw, 77)
    expect(await honest.read(0, 1), 'other sessions go on').toEqual(Buffer.alloc(512, 1))
  })

  test('before its turn has come: the session ends, and what was held with it', async () => {
    const raw = await array.rawSession()
    const { cmdSn } = raw
    raw.command(TUR, { cmdSn: cmdSn + 2 })
    await endsWith(raw, raw.command(TUR, { cmdSn: cmdSn + 1, attributes: 7 }))
  })

  test('all connections of the session end, also those that have done nothing', async () => {
    const lead = await array.rawSession({ MaxConnections: '2' })
    const second = await join(array, lead, array.iqn, 1)
    await endsWith(second, second.command(TUR, { attributes: 7 }))
    expect((await lead.take(ASYNC_MESSAGE)).header.asyncEvent).toBe(ASYNC_EVENT.ALL_CONNECTIONS_DROPPED)
    await lead.expectClosed()
  })
})

describe('a data segment longer than the target declared (RFC 7143 7.7)', () => {
  test.each([
    ['SCSI Command', INITIATOR_OPCODE.SCSI_COMMAND],
    ['Data-Out', INITIATOR_OPCODE.DATA_OUT],
    ['NOP-Out', INITIATOR_OPCODE.NOP_OUT],
    ['Text Request', INITIATOR_OPCODE.TEXT_REQUEST],
  ])('%s: the connection ends, before the data has come; a Reject may say why', async (_, opcode) => {
    const raw = await array.raw()
    const own = Number((await raw.login(array.iqn)).MaxRecvDataSegmentLength)
    const header = Buffer.alloc(48)
    header[0] = opcode | 0x40
    header[1] = 0x80
    header.writeUIntBE(own + 1, 5, 3)
    raw.sendBytes(header)
    await raw.expectClosed()
    for (const pdu of raw.received) {
      expect(pdu.header.opcode).toBe(REJECT)
      expect(pdu.data.length).toBe(48)
      expect(pdu.data, 'the header of the PDU comes back (11.17.3)').toEqual(header)
    }
    await honest.write(0, Buffer.alloc(512, 1))
  })

  test('exactly what was declared is taken', async () => {
    const raw = await array.raw()
    const own = Number((await raw.login(array.iqn)).MaxRecvDataSegmentLength)
    const data = Buffer.alloc(own, 3)
    raw.send(
      INITIATOR_OPCODE.NOP_OUT,
      { immediate: true, initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn: 1 },
      { data },
    )
    expect((await raw.take(NOP_IN)).data).toEqual(data.subarray(0, 8192)) // what the initiator takes
  })
})

describe('operation codes', () => {
  const known = new Set<number>(Object.values(INITIATOR_OPCODE))

  test('each that no initiator has: Reject, command not supported, with the header; the stream goes on (RFC 7143 11.2.1.2, 11.17)', async () => {
    const raw = await array.rawSession()
    for (let opcode = 0; opcode < 64; opcode++) {
      if (known.has(opcode)) continue
      const header = Buffer.alloc(48)
      header[0] = opcode | 0x40
      header.writeUInt32BE(raw.cmdSn, 24)
      header.writeUInt32BE(opcode, 16)
      raw.sendBytes(header)
      const reject = await raw.take(REJECT)
      expect([REJECT_REASON.COMMAND_NOT_SUPPORTED, REJECT_REASON.PROTOCOL_ERROR]).toContain(reject.header.reason)
      expect(reject.data).toEqual(header)
    }
    await expectUp(raw)
  })

  test('SNACK at ErrorRecoveryLevel 0: Reject, and the stream goes on (RFC 7143 11.16)', async () => {
    const raw = await array.rawSession()
    raw.send(INITIATOR_OPCODE.SNACK_REQUEST, {
      initiatorTaskTag: RESERVED_TAG,
      targetTransferTag: RESERVED_TAG,
      type: 1,
      begRun: 1,
      runLength: 1,
    })
    await raw.take(REJECT)
    await expectUp(raw)
  })
})

describe('a Reject of a command', () => {
  test('the command does not count as received: its CmdSN is still due (RFC 7143 7.3)', async () => {
    const raw = await array.rawSession()
    const { cmdSn } = raw
    raw.command(TUR, { initiatorTaskTag: RESERVED_TAG })
    expect((await raw.take(REJECT)).header.expCmdSn).toBe(cmdSn)
    const initiatorTaskTag = raw.command(TUR, { cmdSn })
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
  })
})

describe('SCSI Commands that are rare', () => {
  test('a CDB of sixteen zero bytes is TEST UNIT READY', async () => {
    const raw = await array.rawSession()
    raw.command(Buffer.alloc(16))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  })

  test('an LBA of 2^64 - 1, read and written: LBA OUT OF RANGE', async () => {
    const raw = await array.rawSession()
    for (const cdb of [READ_16, WRITE_16]) {
      const out = cdb === WRITE_16
      const fields = { [out ? 'write' : 'read']: true, expectedDataTransferLength: 512 }
      raw.command(cdb.encode({ lba: 2n ** 64n - 1n, blocks: 1 }), fields, out ? { data: Buffer.alloc(512) } : {})
      const response = await raw.response()
      expect(decodeSense(response.data.subarray(2)).sense).toEqual(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
    }
  })

  test('every task attribute', async () => {
    const raw = await array.rawSession()
    for (let attributes = 0; attributes <= TASK_ATTRIBUTE.ACA; attributes++) {
      const initiatorTaskTag = raw.command(TUR, { attributes })
      expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    }
    await expectUp(raw)
  })

  test('R and W bits together without a bidirectional length: answered, and nothing is lost of the stream', async () => {
    const raw = await array.rawSession()
    const fields = { read: true, write: true, expectedDataTransferLength: 512 }
    raw.command(READ_10.encode({ blocks: 1 }), fields, { data: Buffer.alloc(512) })
    expect((await raw.takeAny()).header.opcode).toBeOneOf([SCSI_RESPONSE, REJECT])
    await expectUp(raw)
  })

  test('data with a command that has neither bit', async () => {
    const raw = await array.rawSession()
    raw.command(TUR, { expectedDataTransferLength: 0 }, { data: Buffer.alloc(1000) })
    expect((await raw.takeAny()).header.opcode).toBeOneOf([SCSI_RESPONSE, REJECT])
    await expectUp(raw)
  })

  test('reserved bits and bytes of the header are not looked at (RFC 7143 11)', async () => {
    const raw = await array.rawSession()
    const header = encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, {
      final: true,
      attributes: 1,
      lun: encodeLun(0),
      initiatorTaskTag: 0x4242,
      cmdSn: raw.cmdSn++,
      cdb: Buffer.alloc(16),
    })
    header[0]! |= 0x80
    header[1]! |= 0x18
    header.writeUInt16BE(0xffff, 2)
    raw.sendBytes(header)
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: 0x4242, status: STATUS.GOOD })
  })

  test('EDTL of 2^32 - 1 takes no memory: the command ends by what it asks for itself', async () => {
    const raw = await array.rawSession()
    raw.command(READ_10.encode({ blocks: 1 }), { read: true, expectedDataTransferLength: 0xffff_ffff })
    const { header } = await raw.take(TARGET_OPCODE.DATA_IN)
    expect(header).toMatchObject({ hasStatus: true, underflow: true, residualCount: 0xffff_ffff - 512 })
    raw.expStatSn++
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 50; i++) {
      const initiatorTaskTag = raw.command(WRITE_16.encode({ blocks: 1 }), {
        write: true,
        expectedDataTransferLength: 0xffff_ffff,
      })
      const r2t = (await raw.take(TARGET_OPCODE.R2T)).header
      raw.dataOut({ initiatorTaskTag, targetTransferTag: r2t.targetTransferTag }, Buffer.alloc(512))
      expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, underflow: true })
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20)
  })
})

describe('the stream', () => {
  test('PDUs byte by byte, and many in one segment', async () => {
    const raw = await array.rawSession()
    const sent: Buffer[] = []
    const send = raw.sendBytes.bind(raw)
    raw.sendBytes = (bytes) => void sent.push(Buffer.from(bytes))
    raw.command(
      WRITE_16.encode({ lba: 77n, blocks: 1 }),
      { write: true, expectedDataTransferLength: 512 },
      { data: Buffer.alloc(512, 7) },
    )
    raw.command(TUR)
    raw.sendBytes = send
    for (const byte of Buffer.concat(sent)) {
      raw.sendBytes(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (let i = 0; i < 2; i++) expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    expect(await honest.read(77, 1)).toEqual(Buffer.alloc(512, 7))
  })

  test('a stream that ends in the middle of a PDU', async () => {
    for (const length of [1, 47, 48, 100]) {
      const raw = await array.rawSession()
      const fields = { write: true, expectedDataTransferLength: 512 }
      const before = await honest.read(5, 1)
      const whole: Buffer[] = []
      raw.sendBytes = (bytes) => void whole.push(Buffer.from(bytes))
      raw.command(WRITE_16.encode({ lba: 5n, blocks: 1 }), fields, { data: Buffer.alloc(512, 0xee) })
      raw.socket.end(whole[0]!.subarray(0, length))
      await raw.expectClosed()
      expect(await honest.read(5, 1)).toEqual(before)
    }
  })
})
