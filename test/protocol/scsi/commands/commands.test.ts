import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cdbLength, operationCode, serviceAction, usageData } from '../../../../protocol/scsi/commands/cdb.ts'
import * as commands from '../../../../protocol/scsi/commands/index.ts'
import { WireError } from '../../../../protocol/wire/error.ts'
import { type Layout, layout } from '../../../../protocol/wire/layout.ts'
import { bothWays, hex, identity, onlyWireErrors, valuesOf } from '../support.ts'

const ALL: [string, Layout][] = Object.entries(commands)

describe.each(ALL)('%s', (_, cdb) => {
  const opcode = operationCode(cdb)

  test('its size is what the group code of its operation code implies (SPC-4 4.3.4.2)', () => {
    expect(cdb.size).toBe(cdbLength(opcode))
  })

  test('it names its clause', () => {
    expect(cdb.clause).toMatch(/^S(?:[BP]C|CSI)-[234] \d+\.\d+(?:\.\d+)?$/)
  })

  test('CDB usage data: the operation code and the service action in clear, no reserved bit, no CONTROL bit', () => {
    const usage = usageData(cdb)
    const action = serviceAction(cdb)
    expect(usage.length).toBe(cdb.size)
    expect(usage[0]).toBe(opcode)
    if (action !== undefined) expect(usage[1]! & 0x1f).toBe(action)
    expect(cdb.reservedBit(usage)).toBeUndefined()
    expect(usage.at(-1)).toBe(0)
  })

  test('CONTROL: NACA and the reserved bits are refused, vendor-specific and obsolete bits are not looked at', () => {
    const control = (value: number) => {
      const wire = cdb.encode({})
      wire[cdb.size - 1] = value
      return cdb.reservedBit(wire)
    }
    expect(control(0xc3)).toBeUndefined()
    expect(control(0x04)).toEqual({ byte: cdb.size - 1, bit: 2 })
    expect(control(0x20)).toEqual({ byte: cdb.size - 1, bit: 5 })
  })

  test('what is encoded decodes to the same; cut or mutated, only a WireError comes out', () => {
    identity(cdb, valuesOf(cdb))
    const wire = cdb.encode({})
    onlyWireErrors((source) => cdb.decode(source), wire)
    for (let length = 0; length < cdb.size; length++)
      expect(() => cdb.decode(wire.subarray(0, length))).toThrow(WireError)
  })
})

test('no two commands share an operation code and a service action', () => {
  const codes = ALL.map(([, cdb]) => `${operationCode(cdb)}/${serviceAction(cdb)}`)
  expect(new Set(codes).size).toBe(codes.length)
})

test('the length that a group code implies: 6, 10, 10, none, 16, 12, none, none', () => {
  const groups = [0x1f, 0x28, 0x5f, 0x7f, 0x88, 0xa0, 0xc0, 0xff]
  expect(groups.map(cdbLength)).toEqual([6, 10, 10, undefined, 16, 12, undefined, undefined])
})

test('a layout without operation code is no CDB', () => {
  expect(() => operationCode(layout('empty', 'none', 0, []))).toThrow('empty has no operation code')
})

describe('CDB usage data of what a logical unit refuses', () => {
  test('DPO, FUA and protection bits left out (libiscsi DpoFua looks at 18h of byte 1)', () => {
    expect(usageData(commands.READ_16)[1]! & 0x18).toBe(0x18)
    expect(usageData(commands.READ_16, ['rdprotect', 'dpo', 'fua'])[1]).toBe(0)
    expect(usageData(commands.VERIFY_10)[1]! & 0x18).toBe(0x10)
  })

  test('a name that the CDB does not have changes nothing', () => {
    expect(usageData(commands.INQUIRY, ['fua'])).toEqual(usageData(commands.INQUIRY))
  })

  test('fields of several bytes; the layout itself stays as it is', () => {
    expect(usageData(commands.READ_6, ['lba']).toString('hex')).toBe('08000000ff00')
    expect(usageData(commands.READ_6).toString('hex')).toBe('081fffffff00')
  })
})

// By hand from the tables of the standards, every field different from its neighbours.
const IO = { dpo: true, fua: false, groupNumber: 5 }
const FIXTURES: [string, Layout, string, object][] = [
  ['TEST UNIT READY', commands.TEST_UNIT_READY, '00 00 0000 00 00', {}],
  ['REQUEST SENSE', commands.REQUEST_SENSE, '03 01 0000 fc 00', { desc: true, allocationLength: 252 }],
  ['INQUIRY', commands.INQUIRY, '12 01 83 0102 00', { evpd: true, pageCode: 0x83, allocationLength: 0x102 }],
  ['REPORT LUNS', commands.REPORT_LUNS, 'a0 00 02 000000 00010203 00 00', { selectReport: 2, allocationLength: 0x10203 }],
  ['READ CAPACITY(10)', commands.READ_CAPACITY_10, '25 00 00000000 0000 00 00', {}],
  ['READ CAPACITY(16)', commands.READ_CAPACITY_16, '9e 10 0000000000000000 00000020 00 00', { allocationLength: 32 }],
  [
    'MODE SENSE(6)', commands.MODE_SENSE_6, '1a 08 8a 01 ff 00',
    { dbd: true, pc: 2, pageCode: 0x0a, subpageCode: 1, allocationLength: 255 },
  ],
  [
    'MODE SENSE(10)', commands.MODE_SENSE_10, '5a 10 ff ff 000000 0102 00',
    { llbaa: true, dbd: false, pc: 3, pageCode: 0x3f, subpageCode: 0xff, allocationLength: 0x102 },
  ],
  ['MODE SELECT(6)', commands.MODE_SELECT_6, '15 11 0000 18 00', { pf: true, sp: true, parameterListLength: 24 }],
  ['MODE SELECT(10)', commands.MODE_SELECT_10, '55 10 0000000000 0118 00', { pf: true, sp: false, parameterListLength: 280 }],
  ['READ(6)', commands.READ_6, '08 1f0203 04 00', { lba: 0x1f0203, blocks: 4 }],
  ['READ(10)', commands.READ_10, '28 f0 01020304 05 0607 00', { ...IO, rdprotect: 7, lba: 0x1020304, blocks: 0x607 }],
  ['READ(12)', commands.READ_12, 'a8 30 01020304 05060708 05 00', { ...IO, rdprotect: 1, lba: 0x1020304, blocks: 0x5060708 }],
  [
    'READ(16)', commands.READ_16, '88 10 0102030405060708 090a0b0c 05 00',
    { ...IO, rdprotect: 0, lba: 0x102030405060708n, blocks: 0x90a0b0c },
  ],
  ['WRITE(6)', commands.WRITE_6, '0a 000203 00 00', { lba: 0x203, blocks: 0 }],
  ['WRITE(10)', commands.WRITE_10, '2a 18 ffffffff 05 ffff 00', { ...IO, fua: true, wrprotect: 0, lba: 0xffffffff, blocks: 0xffff }],
  ['WRITE(12)', commands.WRITE_12, 'aa 50 01020304 05060708 05 00', { ...IO, wrprotect: 2, lba: 0x1020304, blocks: 0x5060708 }],
  [
    'WRITE(16)', commands.WRITE_16, '8a 10 ffffffffffffffff 00000001 05 00',
    { ...IO, wrprotect: 0, lba: 2n ** 64n - 1n, blocks: 1 },
  ],
  [
    'VERIFY(10)', commands.VERIFY_10, '2f 16 01020304 05 0607 00',
    { vrprotect: 0, dpo: true, bytchk: 3, lba: 0x1020304, groupNumber: 5, blocks: 0x607 },
  ],
  [
    'VERIFY(12)', commands.VERIFY_12, 'af 22 01020304 05060708 3f 00',
    { vrprotect: 1, dpo: false, bytchk: 1, lba: 0x1020304, groupNumber: 63, blocks: 0x5060708 },
  ],
  [
    'VERIFY(16)', commands.VERIFY_16, '8f 04 0102030405060708 090a0b0c 00 00',
    { vrprotect: 0, dpo: false, bytchk: 2, lba: 0x102030405060708n, groupNumber: 0, blocks: 0x90a0b0c },
  ],
  [
    'WRITE AND VERIFY(10)', commands.WRITE_AND_VERIFY_10, '2e 12 01020304 05 0607 00',
    { wrprotect: 0, dpo: true, bytchk: 1, lba: 0x1020304, groupNumber: 5, blocks: 0x607 },
  ],
  [
    'WRITE AND VERIFY(12)', commands.WRITE_AND_VERIFY_12, 'ae e0 01020304 05060708 05 00',
    { wrprotect: 7, dpo: false, bytchk: 0, lba: 0x1020304, groupNumber: 5, blocks: 0x5060708 },
  ],
  [
    'WRITE AND VERIFY(16)', commands.WRITE_AND_VERIFY_16, '8e 02 0102030405060708 090a0b0c 05 00',
    { wrprotect: 0, dpo: false, bytchk: 1, lba: 0x102030405060708n, groupNumber: 5, blocks: 0x90a0b0c },
  ],
  [
    'SYNCHRONIZE CACHE(10)', commands.SYNCHRONIZE_CACHE_10, '35 02 01020304 05 0607 00',
    { immed: true, lba: 0x1020304, groupNumber: 5, blocks: 0x607 },
  ],
  [
    'SYNCHRONIZE CACHE(16)', commands.SYNCHRONIZE_CACHE_16, '91 00 0102030405060708 090a0b0c 05 00',
    { immed: false, lba: 0x102030405060708n, groupNumber: 5, blocks: 0x90a0b0c },
  ],
  [
    'PRE-FETCH(10)', commands.PRE_FETCH_10, '34 02 01020304 03 0607 00',
    { immed: true, lba: 0x1020304, groupNumber: 3, blocks: 0x607 },
  ],
  [
    'PRE-FETCH(16)', commands.PRE_FETCH_16, '90 02 0102030405060708 090a0b0c 03 00',
    { immed: true, lba: 0x102030405060708n, groupNumber: 3, blocks: 0x90a0b0c },
  ],
  ['RESERVE(6)', commands.RESERVE_6, '16 00 00 0000 00', {}],
  ['RESERVE(10)', commands.RESERVE_10, '56 00 00 00 000000 0000 00', {}],
  ['RELEASE(6)', commands.RELEASE_6, '17 00 00 0000 00', {}],
  ['RELEASE(10)', commands.RELEASE_10, '57 00 00 00 000000 0000 00', {}],
  ['READ KEYS', commands.PERSISTENT_RESERVE_IN_READ_KEYS, '5e 00 0000000000 0102 00', { allocationLength: 0x102 }],
  ['READ RESERVATION', commands.PERSISTENT_RESERVE_IN_READ_RESERVATION, '5e 01 0000000000 0102 00', { allocationLength: 0x102 }],
  ['REPORT CAPABILITIES', commands.PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES, '5e 02 0000000000 0102 00', { allocationLength: 0x102 }],
  ['READ FULL STATUS', commands.PERSISTENT_RESERVE_IN_READ_FULL_STATUS, '5e 03 0000000000 0102 00', { allocationLength: 0x102 }],
  ['REGISTER', commands.PERSISTENT_RESERVE_OUT_REGISTER, '5f 00 00 0000 01020304 00', { parameterListLength: 0x1020304 }],
  ['RESERVE', commands.PERSISTENT_RESERVE_OUT_RESERVE, '5f 01 18 0000 01020304 00', { scope: 1, type: 8, parameterListLength: 0x1020304 }],
  ['RELEASE', commands.PERSISTENT_RESERVE_OUT_RELEASE, '5f 02 18 0000 01020304 00', { scope: 1, type: 8, parameterListLength: 0x1020304 }],
  ['CLEAR', commands.PERSISTENT_RESERVE_OUT_CLEAR, '5f 03 00 0000 01020304 00', { parameterListLength: 0x1020304 }],
  ['PREEMPT', commands.PERSISTENT_RESERVE_OUT_PREEMPT, '5f 04 18 0000 01020304 00', { scope: 1, type: 8, parameterListLength: 0x1020304 }],
  ['PREEMPT AND ABORT', commands.PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT, '5f 05 18 0000 01020304 00', { scope: 1, type: 8, parameterListLength: 0x1020304 }],
  ['REGISTER AND IGNORE EXISTING KEY', commands.PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, '5f 06 00 0000 01020304 00', { parameterListLength: 0x1020304 }],
  ['REGISTER AND MOVE', commands.PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE, '5f 07 00 0000 01020304 00', { parameterListLength: 0x1020304 }],
  [
    'START STOP UNIT', commands.START_STOP_UNIT, '1b 01 00 02 36 00',
    { immed: true, powerConditionModifier: 2, powerCondition: 3, noFlush: true, loej: true, start: false },
  ],
  [
    'REPORT SUPPORTED OPERATION CODES', commands.REPORT_SUPPORTED_OPERATION_CODES, 'a3 0c 82 9e 0010 00010203 00 00',
    { rctd: true, reportingOptions: 2, requestedOperationCode: 0x9e, requestedServiceAction: 0x10, allocationLength: 0x10203 },
  ],
  [
    'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS', commands.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
    'a3 0d 80 000000 00000010 00 00', { repd: true, allocationLength: 16 },
  ],
  [
    'COMPARE AND WRITE', commands.COMPARE_AND_WRITE, '89 38 0000000100000002 000000 ff 1f 00',
    { wrprotect: 1, dpo: true, fua: true, lba: 0x1_0000_0002n, blocks: 255, groupNumber: 31 },
  ],
  ['EXTENDED COPY(LID1)', commands.EXTENDED_COPY_LID1, '83 00 0000000000000000 0000006c 00 00', { parameterListLength: 108 }],
  [
    'RECEIVE COPY OPERATING PARAMETERS', commands.RECEIVE_COPY_OPERATING_PARAMETERS,
    '84 03 00 00000000000000 00000200 00 00', { allocationLength: 512 },
  ],
  [
    'RECEIVE COPY STATUS(LID1)', commands.RECEIVE_COPY_STATUS_LID1,
    '84 00 07 00000000000000 00000200 00 00', { listId: 7, allocationLength: 512 },
  ],
  ['EXTENDED COPY(LID4)', commands.EXTENDED_COPY_LID4, '83 01 0000000000000000 0000006c 00 00', { parameterListLength: 108 }],
  ['COPY OPERATION ABORT', commands.COPY_OPERATION_ABORT, '83 1c 01020304 000000000000000000 00', { listId: 0x1020304 }],
  [
    'POPULATE TOKEN', commands.POPULATE_TOKEN, '83 10 00000000 01020304 00000020 05 00',
    { listId: 0x1020304, parameterListLength: 32, groupNumber: 5 },
  ],
  [
    'WRITE USING TOKEN', commands.WRITE_USING_TOKEN, '83 11 00000000 01020304 00000228 05 00',
    { listId: 0x1020304, parameterListLength: 0x228, groupNumber: 5 },
  ],
  [
    'RECEIVE COPY DATA(LID1)', commands.RECEIVE_COPY_DATA_LID1,
    '84 01 07 00000000000000 00000200 00 00', { listId: 7, allocationLength: 512 },
  ],
  [
    'RECEIVE COPY FAILURE DETAILS(LID1)', commands.RECEIVE_COPY_FAILURE_DETAILS_LID1,
    '84 04 07 00000000000000 00000200 00 00', { listId: 7, allocationLength: 512 },
  ],
  [
    'RECEIVE COPY STATUS(LID4)', commands.RECEIVE_COPY_STATUS_LID4,
    '84 05 01020304 00000000 00000200 00 00', { listId: 0x1020304, allocationLength: 512 },
  ],
  [
    'RECEIVE COPY DATA(LID4)', commands.RECEIVE_COPY_DATA_LID4,
    '84 06 01020304 00000000 00000200 00 00', { listId: 0x1020304, allocationLength: 512 },
  ],
  [
    'RECEIVE ROD TOKEN INFORMATION', commands.RECEIVE_ROD_TOKEN_INFORMATION,
    '84 07 01020304 00000000 00000200 00 00', { listId: 0x1020304, allocationLength: 512 },
  ],
  [
    'REPORT ALL ROD TOKENS', commands.REPORT_ALL_ROD_TOKENS,
    '84 08 0000000000000000 00000200 00 00', { allocationLength: 512 },
  ],
  [
    'WRITE SAME(10)', commands.WRITE_SAME_10, '41 18 01020304 05 0607 00',
    { wrprotect: 0, anchor: true, unmap: true, lba: 0x1020304, groupNumber: 5, blocks: 0x607 },
  ],
  [
    'WRITE SAME(16)', commands.WRITE_SAME_16, '93 29 0102030405060708 090a0b0c 05 00',
    { wrprotect: 1, anchor: false, unmap: true, ndob: true, lba: 0x102030405060708n, groupNumber: 5, blocks: 0x90a0b0c },
  ],
  ['REZERO UNIT', commands.REZERO_UNIT, '01 00 00 00 00 00', {}],
  ['SEEK(6)', commands.SEEK_6, '0b 010203 00 00', { lba: 0x10203 }],
  ['SEEK(10)', commands.SEEK_10, '2b 00 01020304 000000 00', { lba: 0x1020304 }],
  ['SANITIZE OVERWRITE', commands.SANITIZE_OVERWRITE, '48 a1 0000000000 0204 00', { immed: true, ause: true, parameterListLength: 0x204 }],
  ['SANITIZE BLOCK ERASE', commands.SANITIZE_BLOCK_ERASE, '48 82 0000000000 0000 00', { immed: true, ause: false, parameterListLength: 0 }],
  ['SANITIZE CRYPTOGRAPHIC ERASE', commands.SANITIZE_CRYPTOGRAPHIC_ERASE, '48 23 0000000000 0001 00', { immed: false, ause: true, parameterListLength: 1 }],
  ['SANITIZE EXIT FAILURE MODE', commands.SANITIZE_EXIT_FAILURE_MODE, '48 1f 0000000000 0000 00', { immed: false, ause: false, parameterListLength: 0 }],
  [
    'FORMAT UNIT', commands.FORMAT_UNIT, '04 9d 0000 01 00',
    { fmtpinfo: 2, longList: false, fmtData: true, cmpLst: true, defectListFormat: 5, ffmt: 1 },
  ],
  ['PREVENT ALLOW MEDIUM REMOVAL', commands.PREVENT_ALLOW_MEDIUM_REMOVAL, '1e 000000 02 00', { prevent: 2 }],
  ['UNMAP', commands.UNMAP, '42 01 00000000 05 0118 00', { anchor: true, groupNumber: 5, parameterListLength: 280 }],
  [
    'GET LBA STATUS(16)', commands.GET_LBA_STATUS, '9e 12 0102030405060708 00000018 03 00',
    { lba: 0x102030405060708n, allocationLength: 24, reportType: 3 },
  ],
  [
    'ORWRITE(16)', commands.ORWRITE_16, '8b 38 0102030405060708 090a0b0c 05 00',
    { orprotect: 1, dpo: true, fua: true, lba: 0x102030405060708n, blocks: 0x90a0b0c, groupNumber: 5 },
  ],
  [
    'WRITE ATOMIC(16)', commands.WRITE_ATOMIC_16, '9c 48 0102030405060708 090a 0b0c 05 00',
    { wrprotect: 2, dpo: false, fua: true, lba: 0x102030405060708n, atomicBoundary: 0x90a, blocks: 0xb0c, groupNumber: 5 },
  ],
  [
    'READ BUFFER(10)', commands.READ_BUFFER_10, '3c 0a 07 010203 040506 00',
    { mode: 0x0a, bufferId: 7, bufferOffset: 0x10203, allocationLength: 0x40506 },
  ],
  [
    'READ BUFFER(16)', commands.READ_BUFFER_16, '9b 02 0102030405060708 090a0b0c 07 00',
    { mode: 2, bufferOffset: 0x102030405060708n, allocationLength: 0x90a0b0c, bufferId: 7 },
  ],
  [
    'WRITE BUFFER', commands.WRITE_BUFFER, '3b 1f 07 010203 040506 00',
    { mode: 0x1f, bufferId: 7, bufferOffset: 0x10203, parameterListLength: 0x40506 },
  ],
  [
    'READ DEFECT DATA(10)', commands.READ_DEFECT_DATA_10, '37 00 15 00000000 0102 00',
    { reqPlist: true, reqGlist: false, defectListFormat: 5, allocationLength: 0x102 },
  ],
  [
    'READ DEFECT DATA(12)', commands.READ_DEFECT_DATA_12, 'b7 0c 01020304 05060708 00 00',
    { reqPlist: false, reqGlist: true, defectListFormat: 4, addressDescriptorIndex: 0x1020304, allocationLength: 0x5060708 },
  ],
  [
    'SEND DIAGNOSTIC', commands.SEND_DIAGNOSTIC, '1d b5 00 0102 00',
    { selfTestCode: 5, pf: true, selfTest: true, devOffL: false, unitOffL: true, parameterListLength: 0x102 },
  ],
  [
    'RECEIVE DIAGNOSTIC RESULTS', commands.RECEIVE_DIAGNOSTIC_RESULTS, '1c 01 40 0102 00',
    { pcv: true, pageCode: 0x40, allocationLength: 0x102 },
  ],
  [
    'REPORT IDENTIFYING INFORMATION', commands.REPORT_IDENTIFYING_INFORMATION, 'a3 05 00000000 01020304 fe 00',
    { allocationLength: 0x1020304, informationType: 127 },
  ],
  [
    'SET IDENTIFYING INFORMATION', commands.SET_IDENTIFYING_INFORMATION, 'a4 06 00000000 01020304 04 00',
    { parameterListLength: 0x1020304, informationType: 2 },
  ],
  ['REPORT TIMESTAMP', commands.REPORT_TIMESTAMP, 'a3 0f 00000000 01020304 00 00', { allocationLength: 0x1020304 }],
  ['SET TIMESTAMP', commands.SET_TIMESTAMP, 'a4 0f 00000000 01020304 00 00', { parameterListLength: 0x1020304 }],
  [
    'REPORT TARGET PORT GROUPS', commands.REPORT_TARGET_PORT_GROUPS, 'a3 2a 00000000 01020304 00 00',
    { parameterDataFormat: 1, allocationLength: 0x1020304 },
  ],
  [
    'SET TARGET PORT GROUPS', commands.SET_TARGET_PORT_GROUPS, 'a4 0a 00000000 01020304 00 00',
    { parameterListLength: 0x1020304 },
  ],
  [
    'LOG SELECT', commands.LOG_SELECT, '4c 03 59 20 000000 0118 00',
    { pcr: true, sp: true, pc: 1, pageCode: 0x19, subpageCode: 0x20, parameterListLength: 280 },
  ],
  [
    'LOG SENSE', commands.LOG_SENSE, '4d 01 d9 20 00 0102 0118 00',
    { sp: true, pc: 3, pageCode: 0x19, subpageCode: 0x20, parameterPointer: 0x102, allocationLength: 280 },
  ],
] // biome-ignore format: one command a row

describe('CDB fixtures', () => {
  test.each(FIXTURES)('%s', (_, cdb, wire, values) => {
    bothWays(cdb, hex(wire), values as ReturnType<Layout['decode']>)
  })

  test('every command has one', () => {
    expect(new Set(FIXTURES.map(([, cdb]) => cdb))).toEqual(new Set(ALL.map(([, cdb]) => cdb)))
  })

  test('another operation code or service action: a WireError', () => {
    expect(() => commands.READ_16.decode(hex('8a 00 0000000000000000 00000000 00 00'))).toThrow(WireError)
    expect(() => commands.GET_LBA_STATUS.decode(hex('9e 10 0000000000000000 00000000 00 00'))).toThrow('serviceAction')
  })
})

describe('bits that are obsolete, restricted or reserved', () => {
  const REFUSED: [string, Layout, number, number][] = [
    ['RARC of READ(10)', commands.READ_10, 1, 0x04],
    ['byte 1 of READ(6), where SCSI-2 had the LUN', commands.READ_6, 1, 0xe0],
    ['byte 1 of VERIFY(16), bit 0', commands.VERIFY_16, 1, 0x01],
    ['CMDDT of INQUIRY', commands.INQUIRY, 1, 0x02],
    ['PBDATA of WRITE SAME(10)', commands.WRITE_SAME_10, 1, 0x04],
    ['LBDATA of WRITE SAME(16)', commands.WRITE_SAME_16, 1, 0x02],
    ['3RDPTY of RESERVE(6)', commands.RESERVE_6, 1, 0x10],
    ['EXTENT of RESERVE(10)', commands.RESERVE_10, 1, 0x01],
    ['bits above GROUP NUMBER', commands.UNMAP, 6, 0x40],
    ['ZNR of SANITIZE', commands.SANITIZE_OVERWRITE, 1, 0x40],
    ['byte 2 of SANITIZE', commands.SANITIZE_BLOCK_ERASE, 2, 0xff],
    ['byte 1 of TEST UNIT READY', commands.TEST_UNIT_READY, 1, 0x20],
  ]
  const IGNORED: [string, Layout, number, number][] = [
    ['FUA_NV and RELADR of WRITE(10)', commands.WRITE_10, 1, 0x03],
    ['SYNC_NV of SYNCHRONIZE CACHE(16)', commands.SYNCHRONIZE_CACHE_16, 1, 0x04],
    ['PMI of READ CAPACITY(10)', commands.READ_CAPACITY_10, 8, 0x01],
    ['the INTERLEAVE of FORMAT UNIT', commands.FORMAT_UNIT, 3, 0xff],
    ['the LBA of READ CAPACITY(16)', commands.READ_CAPACITY_16, 9, 0xff],
    ['the SCSI-2 LUN of INQUIRY, which Linux sends before it knows the version', commands.INQUIRY, 1, 0xe0],
    ['LIST IDENTIFIER of operating parameters', commands.RECEIVE_COPY_OPERATING_PARAMETERS, 2, 0xff],
  ]
  const set = (cdb: Layout, byte: number, value: number) => {
    const wire = cdb.encode({})
    wire[byte]! |= value
    return cdb.reservedBit(wire)
  }

  test.each(REFUSED)('%s: refused, with its most significant bit', (_, cdb, byte, value) => {
    expect(set(cdb, byte, value)).toEqual({ byte, bit: 31 - Math.clz32(value) })
  })

  test.each(IGNORED)('%s: not looked at', (_, cdb, byte, value) => {
    expect(set(cdb, byte, value)).toBeUndefined()
  })

  test('encoding never sets a bit that is refused', () => {
    for (const [, cdb] of ALL)
      fc.assert(
        fc.property(valuesOf(cdb), (values) => cdb.reservedBit(cdb.encode(values)) === undefined),
        { numRuns: 20 },
      )
  })
})
