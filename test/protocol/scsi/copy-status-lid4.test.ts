import { describe, expect, test } from 'vitest'
import {
  decodeCopyData,
  decodeCopyFailure,
  encodeCopyData,
  encodeCopyFailure,
} from '../../../protocol/scsi/copy-status.ts'
import {
  COPY_STATUS_LID4,
  type CopyStatusLid4,
  decodeCopyDataLid4,
  decodeCopyStatusLid4,
  decodeRodTokenInformation,
  encodeCopyDataLid4,
  encodeCopyStatusLid4,
  encodeRodTokenInformation,
  TRANSFER_COUNT_UNIT,
} from '../../../protocol/scsi/copy-status-lid4.ts'
import { bothWays, hex, onlyWireErrors } from './support.ts'

const RUNNING: CopyStatusLid4 = {
  responseToServiceAction: 0x01,
  status: COPY_STATUS_LID4.background,
  operationCounter: 0x0203,
  estimatedStatusUpdateDelay: 100,
  completionStatus: 0,
  unit: TRANSFER_COUNT_UNIT.BYTES,
  transferCount: 0x1_0000_0000n,
  segments: 4,
  sense: Buffer.alloc(0),
}
// SPC-4 6.25, byte by byte.
const RUNNING_WIRE = '0000001c 01 12 0203 00000064 00 00 00 00 0000000100000000 0004 000000000000'

const SENSE_BYTES = '70000a00000008 0a 00000000 0d02 00 000000'
const FAILED: CopyStatusLid4 = {
  ...RUNNING,
  status: COPY_STATUS_LID4.failed,
  completionStatus: 2,
  sense: hex(SENSE_BYTES),
}
const FAILED_HEADER = '01 02 0203 00000064 02 14 12 00 0000000100000000 0004 000000000000'

describe('RECEIVE COPY STATUS(LID4) parameter data (SPC-4 6.25)', () => {
  const codec = { encode: encodeCopyStatusLid4, decode: decodeCopyStatusLid4 }

  test('both ways: running, and failed with sense data', () => {
    bothWays(codec, hex(RUNNING_WIRE), RUNNING)
    expect(hex(SENSE_BYTES).length).toBe(18)
    bothWays(codec, hex(`00000030 ${FAILED_HEADER} ${SENSE_BYTES} 0000`), FAILED)
  })

  test('only WireErrors', () => {
    onlyWireErrors(decodeCopyStatusLid4, hex(`00000030 ${FAILED_HEADER} ${SENSE_BYTES} 0000`))
  })
})

describe('RECEIVE COPY DATA(LID4) parameter data (SPC-4 6.20)', () => {
  test('the held data follow the sense data and their length', () => {
    const wire = hex(`00000037 ${FAILED_HEADER} ${SENSE_BYTES} 0000 00000003 010203`)
    expect(encodeCopyDataLid4(FAILED, hex('010203'))).toEqual(wire)
    expect(decodeCopyDataLid4(wire)).toEqual({ ...FAILED, held: hex('010203') })
    onlyWireErrors(decodeCopyDataLid4, wire)
  })
})

describe('RECEIVE ROD TOKEN INFORMATION parameter data (SPC-4 6.28)', () => {
  const codec = { encode: encodeRodTokenInformation, decode: decodeRodTokenInformation }
  const populated = { ...RUNNING, responseToServiceAction: 0x10, status: COPY_STATUS_LID4.completed, unit: 0xf1 }

  test('both ways: no token; a token behind the identifier of the CSCD that created it', () => {
    bothWays(codec, hex('00000020 10 01 0203 00000064 00 00 00 f1 0000000100000000 0004 000000000000 00000000'), {
      ...populated,
      tokens: [],
    })
    const token = Buffer.alloc(512, 0xa5)
    const wire = Buffer.concat([
      hex('00000222 10 01 0203 00000064 00 00 00 f1 0000000100000000 0004 000000000000 00000202 0000'),
      token,
    ])
    bothWays(codec, wire, { ...populated, tokens: [token] })
    onlyWireErrors(decodeRodTokenInformation, wire)
  })

  test('descriptors of another length: a WireError', () => {
    const wire = hex('00000022 10 01 0203 00000064 00 00 00 f1 0000000100000000 0004 000000000000 00000002 0000')
    expect(() => decodeRodTokenInformation(wire)).toThrow('bad length')
  })
})

describe('RECEIVE COPY DATA(LID1) and FAILURE DETAILS(LID1) parameter data (SPC-4 6.21, 6.22)', () => {
  test('held data, both ways', () => {
    bothWays({ encode: encodeCopyData, decode: decodeCopyData }, hex('00000003 010203'), hex('010203'))
    bothWays({ encode: encodeCopyData, decode: decodeCopyData }, hex('00000000'), Buffer.alloc(0))
  })

  test('failure details, both ways: status at byte 56, sense data from byte 60', () => {
    const wire = hex(`0000004a ${'00'.repeat(52)} 02 00 0012 ${SENSE_BYTES}`)
    bothWays({ encode: encodeCopyFailure, decode: decodeCopyFailure }, wire, { status: 2, sense: hex(SENSE_BYTES) })
    onlyWireErrors(decodeCopyFailure, wire)
  })
})
