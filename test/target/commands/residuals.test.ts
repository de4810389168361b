// Residuals (RFC 7143 11.4.5): what the initiator expects to transfer, by EDTL, against what the command asks for by its CDB.
// Exact in both directions; a write changes as many bytes as both of them have.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  decodeModeParameters,
  INQUIRY,
  type Layout,
  MODE_SENSE_6,
  READ_10,
  READ_12,
  READ_16,
  READ_CAPACITY_10,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
} from '../../../protocol/index.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectGood, pattern } from '../disk.ts'
import { at, ranged } from './matrix.ts'

let array: TestArray
let disk: Disk
const medium = pattern(1024, 4)

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

const overflow = (count: number) => ({ kind: 'overflow', count })
const underflow = (count: number) => ({ kind: 'underflow', count })

describe.each(ranged(READ_10, READ_12, READ_16))('$name residuals (RFC 7143 11.4.5, 11.3.4)', (command) => {
  test.each([
    ['EDTL 0: GOOD, overflow of the block', 1, 0, 0, overflow(512)],
    ['EDTL 200: 200 bytes, overflow', 1, 200, 200, overflow(312)],
    ['EDTL 511, unaligned', 1, 511, 511, overflow(1)],
    ['EDTL of the block: none', 1, 512, 512, undefined],
    ['EDTL 10,000: the block, underflow', 1, 10_000, 512, underflow(9488)],
    ['two blocks, EDTL of one', 2, 512, 512, overflow(512)],
    ['one block, EDTL of two', 1, 1024, 512, underflow(512)],
    ['no block, EDTL of one', 0, 512, 0, underflow(512)],
  ])('%s', async (_, blocks, dataInLength, length, residual) => {
    await disk.write(0, medium)
    const result = expectGood(await disk.run(command.cdb, at(command, 0, blocks), { dataInLength }))
    expect(result.data.equals(medium.subarray(0, length))).toBe(true)
    expect(result.residual).toEqual(residual)
  })

  test('EDTL 0 with the R bit set: GOOD, overflow, no Data-In', async () => {
    const raw = await array.rawSession()
    raw.command(command.cdb.encode(at(command, 0, 1) as never), { read: true, expectedDataTransferLength: 0 })
    const { header } = await raw.response()
    expect(header).toMatchObject({
      status: STATUS.GOOD,
      overflow: true,
      underflow: false,
      residualCount: 512,
      expDataSn: 0,
    })
  })

  test('W bit and a block of data instead of R: GOOD, the data goes nowhere', async () => {
    await disk.write(0, medium)
    const result = await disk.run(command.cdb, at(command, 0, 1), { dataOut: Buffer.alloc(512, 0xee) })
    expectGood(result)
    expect(result.data.length).toBe(0)
    expect(await disk.read(0, 2)).toEqual(medium)
  })

  test('a command that fails: nothing was transferred, all of EDTL is underflow', async () => {
    const result = await disk.run(command.cdb, at(command, 0xffff_ff00, 1), { dataInLength: 512 })
    expect(result.sense?.sense).toEqual(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
    expect(result.residual).toEqual(underflow(512))
  })
})

const WRITES = ranged(WRITE_10, WRITE_12, WRITE_16, WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16)

describe.each(WRITES)('$name residuals (RFC 7143 11.4.5, 11.3.4)', (command) => {
  const verify = command.cdb.find('bytchk') ? { bytchk: 1 } : {}

  test.each([
    ['EDTL 0: GOOD, overflow of the block, nothing written', 1, 0, 0, overflow(512)],
    ['EDTL 200: a truncated write of 200 bytes', 1, 200, 200, overflow(312)],
    ['EDTL 511: a truncated write of 511 bytes', 1, 511, 511, overflow(1)],
    ['EDTL of the block: none', 1, 512, 512, undefined],
    ['EDTL 10,000: the block, underflow', 1, 10_000, 512, underflow(9488)],
    ['two blocks, EDTL of one', 2, 512, 512, overflow(512)],
    ['one block, EDTL of two', 1, 1024, 512, underflow(512)],
    ['no block, EDTL of one', 0, 512, 0, underflow(512)],
  ])('%s', async (_, blocks, edtl, length, residual) => {
    const before = pattern(32 * 512, 5)
    await disk.write(0, before)
    const dataOut = Buffer.alloc(edtl, 0xa5)
    const result = await disk.run(command.cdb, { ...at(command, 0, blocks), ...verify }, { dataOut })
    expectGood(result)
    expect(result.residual).toEqual(residual)
    const expected = Buffer.concat([dataOut.subarray(0, length), before.subarray(length)])
    expect((await disk.read(0, 32)).equals(expected)).toBe(true)
  })

  test('EDTL 10,000 without immediate or unsolicited data: R2Ts ask for the block at most', async () => {
    const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const cdb = command.cdb.encode({ ...at(command, 0, 1), ...verify } as never)
    const initiatorTaskTag = raw.command(cdb, { write: true, expectedDataTransferLength: 10_000 })
    const r2t = await raw.take(TARGET_OPCODE.R2T)
    expect(r2t.header).toMatchObject({ bufferOffset: 0, desiredDataTransferLength: 512, initiatorTaskTag })
    raw.dataOut({ initiatorTaskTag, targetTransferTag: r2t.header.targetTransferTag }, Buffer.alloc(512, 1))
    expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, underflow: true, residualCount: 9488 })
  })

  test('EDTL 0 with the W bit set: GOOD, overflow, no R2T', async () => {
    const raw = await array.rawSession()
    const cdb = command.cdb.encode({ ...at(command, 0, 1), ...verify } as never)
    raw.command(cdb, { write: true, expectedDataTransferLength: 0 })
    expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, overflow: true, residualCount: 512 })
  })

  test('R bit instead of W: GOOD or refused, never data, never a byte written', async () => {
    await disk.write(0, medium)
    const result = await disk.run(command.cdb, { ...at(command, 0, 1), ...verify }, { dataInLength: 512 })
    expect(result.data.length).toBe(0)
    expect(await disk.read(0, 2)).toEqual(medium)
  })
})

describe('residuals of parameter data: the allocation length bounds it, EDTL bounds it again', () => {
  const inquiry = (allocationLength: number, dataInLength: number) =>
    disk.run(INQUIRY, { allocationLength }, { dataInLength })

  test('allocation length shorter than the data: cut without OVERFLOW', async () => {
    const { data, residual } = expectGood(await inquiry(36, 36))
    expect({ length: data.length, residual }).toEqual({ length: 36, residual: undefined })
    const padded = expectGood(await inquiry(36, 100))
    expect({ length: padded.data.length, residual: padded.residual }).toEqual({ length: 36, residual: underflow(64) })
  })

  test('EDTL shorter than the allocation length: OVERFLOW of what there was', async () => {
    const { data, residual } = expectGood(await inquiry(96, 36))
    expect({ length: data.length, residual }).toEqual({ length: 36, residual: overflow(60) })
  })

  test('allocation length longer than the data: UNDERFLOW', async () => {
    const { data, residual } = expectGood(await inquiry(255, 255))
    expect({ length: data.length, residual }).toEqual({ length: 96, residual: underflow(159) })
  })

  test('allocation length 0: GOOD, no data', async () => {
    const { data, residual } = expectGood(await inquiry(0, 0))
    expect({ length: data.length, residual }).toEqual({ length: 0, residual: undefined })
  })

  test('MODE SENSE(6) of page 3Fh: 4 bytes without OVERFLOW, 255 with UNDERFLOW', async () => {
    const sense = (length: number) =>
      disk.run(MODE_SENSE_6, { pageCode: 0x3f, allocationLength: length }, { dataInLength: length })
    const short = expectGood(await sense(4))
    expect({ length: short.data.length, residual: short.residual }).toEqual({ length: 4, residual: undefined })
    const long = expectGood(await sense(255))
    const length = long.data[0]! + 1
    expect(long.data.length).toBe(length)
    expect(long.residual).toEqual(underflow(255 - length))
    expect(decodeModeParameters(6, long.data).pages.length).toBeGreaterThan(3)
  })

  test.each<[Layout, number]>([
    [READ_CAPACITY_10, 8],
    [TEST_UNIT_READY, 0],
  ])('a command without an allocation length', async (cdb, length) => {
    const result = expectGood(await disk.run(cdb, {}, { dataInLength: 100 }))
    expect(result.data.length).toBe(length)
    expect(result.residual).toEqual(underflow(100 - length))
  })

  test('a command without data that is sent some: GOOD, all of it underflow', async () => {
    const result = expectGood(await disk.run(TEST_UNIT_READY, {}, { dataOut: Buffer.alloc(300) }))
    expect(result.residual).toEqual(underflow(300))
  })
})
