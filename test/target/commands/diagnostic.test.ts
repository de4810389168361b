// SEND DIAGNOSTIC (1Dh, SPC-4 6.42) and RECEIVE DIAGNOSTIC RESULTS (1Ch, SPC-4 6.27).

import { beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../../luns/errors.ts'
import { RECEIVE_DIAGNOSTIC_RESULTS, SEND_DIAGNOSTIC, SENSE } from '../../../protocol/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectSense } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

const send = (fields: object, dataOut = Buffer.alloc(0), on = disk) =>
  on.run(SEND_DIAGNOSTIC, { parameterListLength: dataOut.length, ...fields }, { dataOut })

const receive = (fields: object, length = 64) =>
  disk.run(RECEIVE_DIAGNOSTIC_RESULTS, { allocationLength: length, ...fields }, { dataInLength: length })

/** Its last block cannot be read. */
class BadEnd extends HeldStore {
  override readNow(target: Buffer, at: number, length: number, offset: number): boolean {
    return offset + length < SIZE && super.readNow(target, at, length, offset)
  }

  override async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    if (offset + length >= SIZE) throw new StoreError('I/O error', 'unreadable')
    await super.read(target, at, length, offset)
  }
}

describe('SEND DIAGNOSTIC (1Dh)', () => {
  test('default self-test: GOOD, whatever DEVOFFL and UNITOFFL allow', async () => {
    for (const devOffL of [false, true])
      for (const unitOffL of [false, true]) expectGood(await send({ selfTest: true, devOffL, unitOffL }))
  })

  test('a medium that cannot be read fails the self-test: HARDWARE ERROR, LOGICAL UNIT FAILED SELF-TEST', async () => {
    const built = await handBuilt([new BadEnd()])
    expectSense(
      await send({ selfTest: true }, Buffer.alloc(0), await built.disk()),
      SENSE.LOGICAL_UNIT_FAILED_SELF_TEST,
    )
  })

  test('self-test codes: INVALID FIELD IN CDB, pointer to byte 1 bit 7', async () => {
    for (let selfTestCode = 1; selfTestCode < 8; selfTestCode++)
      for (const selfTest of [false, true])
        expectCdbField(await send({ selfTestCode, selfTest }), SEND_DIAGNOSTIC, 'selfTestCode')
  })

  test('self-test with a parameter list: INVALID FIELD IN CDB, pointer to its length', async () => {
    expectCdbField(await send({ selfTest: true, pf: true }, Buffer.alloc(4)), SEND_DIAGNOSTIC, 'parameterListLength')
  })

  test('no self-test and no parameter list: GOOD', async () => {
    for (const pf of [false, true]) expectGood(await send({ pf }))
  })

  test('page 00h: GOOD; without PF a pointer to the bit', async () => {
    expectGood(await send({ pf: true }, Buffer.alloc(4)))
    expectCdbField(await send({}, Buffer.alloc(4)), SEND_DIAGNOSTIC, 'pf')
  })

  test('pages that are not there, and page 00h with content: INVALID FIELD IN PARAMETER LIST', async () => {
    for (const page of [0x01, 0x40, 0x41, 0xff])
      expectParameter(await send({ pf: true }, Buffer.from([page, 0, 0, 0])), 0)
    expectParameter(await send({ pf: true }, Buffer.from([0, 1, 0, 0])), 1)
    expectParameter(await send({ pf: true }, Buffer.from([0, 0, 0, 1, 0])), 2)
  })

  test('a list that is cut: PARAMETER LIST LENGTH ERROR', async () => {
    for (const length of [1, 2, 3])
      expectSense(await send({ pf: true }, Buffer.alloc(length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const short = await send({ pf: true, parameterListLength: 8 }, Buffer.alloc(4))
    expectSense(short, SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })
})

describe('RECEIVE DIAGNOSTIC RESULTS (1Ch)', () => {
  test('page 00h: the list of pages, which is itself; also with PCV = 0', async () => {
    for (const pcv of [true, false]) expect(expectGood(await receive({ pcv })).data.toString('hex')).toBe('0000000100')
  })

  test('pages that are not there: INVALID FIELD IN CDB, pointer to byte 2', async () => {
    for (let pageCode = 1; pageCode < 256; pageCode++)
      expectCdbField(await receive({ pcv: true, pageCode }), RECEIVE_DIAGNOSTIC_RESULTS, 'pageCode')
  })

  test('allocation length cuts', async () => {
    for (const length of [0, 1, 4])
      expect(expectGood(await receive({ pcv: true }, length)).data).toEqual(
        Buffer.from('0000000100', 'hex').subarray(0, length),
      )
  })
})
