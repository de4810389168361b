// REPORT IDENTIFYING INFORMATION (A3h/05h, SPC-4 6.32) and SET IDENTIFYING INFORMATION (A4h/06h, SPC-4 6.43).

import { beforeAll, describe, expect, test } from 'vitest'
import {
  decodeIdentifyingInformation,
  decodeSupportedIdentifyingInformation,
  REPORT_IDENTIFYING_INFORMATION as REPORT,
  SENSE,
  SET_IDENTIFYING_INFORMATION as SET,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { arrayForTest, drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense } from '../disk.ts'

const [DEVICE, TEXT, SUPPORTED] = [0, 2, 127] as const

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

const ask = (informationType: number, length = 512, on = disk) =>
  on.run(REPORT, { informationType, allocationLength: length }, { dataInLength: length })

const get = async (informationType: number, on = disk): Promise<Buffer> =>
  decodeIdentifyingInformation(expectGood(await ask(informationType, 512, on)).data)

const set = (informationType: number, information: Buffer | string, on = disk) => {
  const dataOut = Buffer.from(information)
  return on.run(SET, { informationType, parameterListLength: dataOut.length }, { dataOut })
}

describe('identifying information', () => {
  test('supported: the types, ascending, and how long each may be', async () => {
    const types = decodeSupportedIdentifyingInformation(expectGood(await ask(SUPPORTED)).data)
    expect(types.map(({ type }) => type)).toEqual([DEVICE, TEXT])
    for (const { type, maximumLength } of types) {
      expectGood(await set(type, Buffer.alloc(maximumLength, 1)))
      expect((await get(type)).length).toBe(maximumLength)
      expectCdbField(await set(type, Buffer.alloc(maximumLength + 1)), SET, 'parameterListLength')
      expect((await get(type)).length).toBe(maximumLength)
      expectGood(await set(type, ''))
    }
  })

  test('set, read back, replace, take away; the types do not touch each other', async () => {
    expect(await get(DEVICE)).toEqual(Buffer.alloc(0))
    expectGood(await set(DEVICE, 'rack 7'))
    expectGood(await set(TEXT, 'the disk of the accountants\0'))
    expect((await get(DEVICE)).toString()).toBe('rack 7')
    expectGood(await set(DEVICE, 'r8'))
    expect((await get(DEVICE)).toString()).toBe('r8')
    expectGood(await set(DEVICE, ''))
    expect((await get(DEVICE)).length).toBe(0)
    expect((await get(TEXT)).toString()).toBe('the disk of the accountants\0')
    expectGood(await set(TEXT, ''))
  })

  test('other types: INVALID FIELD IN CDB, pointer to byte 10', async () => {
    for (let type = 0; type < 128; type++) {
      if (type === DEVICE || type === TEXT) continue
      expectCdbField(await set(type, 'x'), SET, 'informationType')
      if (type !== SUPPORTED) expectCdbField(await ask(type), REPORT, 'informationType')
    }
  })

  test('allocation length: cut, the true length told', async () => {
    expectGood(await set(DEVICE, 'twelve bytes'))
    for (const length of [0, 2, 4, 8]) {
      const { data } = expectGood(await ask(DEVICE, length))
      expect(data).toEqual(Buffer.from('\0\0\0\x0ctwelve bytes').subarray(0, length))
    }
    expectGood(await set(DEVICE, ''))
  })

  test('a list longer than the data: PARAMETER LIST LENGTH ERROR, nothing changes', async () => {
    expectGood(await set(DEVICE, 'before'))
    const fields = { informationType: DEVICE, parameterListLength: 10 }
    expectSense(await disk.run(SET, fields, { dataOut: Buffer.alloc(9) }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expect((await get(DEVICE)).toString()).toBe('before')
  })

  test('DEVICE IDENTIFIER CHANGED for every other nexus, once; none for who set it', async () => {
    const other = await array.disk()
    expectGood(await set(DEVICE, 'new'))
    expectSense(await other.run(TEST_UNIT_READY, {}), SENSE.DEVICE_IDENTIFIER_CHANGED)
    expectGood(await other.run(TEST_UNIT_READY, {}))
    expectGood(await disk.run(TEST_UNIT_READY, {}))
    expect((await get(DEVICE, other)).toString()).toBe('new')
  })

  test('it outlives a logical unit reset', async () => {
    const own = await arrayForTest([memory()])
    const on = await own.disk()
    expectGood(await set(DEVICE, 'kept', on))
    await on.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET)
    await drainUnitAttentions(on)
    expect((await get(DEVICE, on)).toString()).toBe('kept')
  })

  test('a unit with an image keeps it over a restart of the array', async () => {
    const lun = { store: { type: 'sparse', path: 'kept.img' }, size: '1MiB' } as const
    const first = await arrayForTest([lun])
    const on = await first.disk()
    await Promise.all([set(DEVICE, 'rack 7', on), set(TEXT, 'disk\0', on)])
    await first.running.close()
    const second = await arrayForTest([lun], {}, { data: first.data })
    const again = await second.disk()
    expect((await get(DEVICE, again)).toString()).toBe('rack 7')
    expect((await get(TEXT, again)).toString()).toBe('disk\0')
    await set(DEVICE, '', again)
    await set(TEXT, '', again)
    await second.running.close()
    const third = await arrayForTest([lun], {}, { data: first.data })
    expect(await get(DEVICE, await third.disk())).toEqual(Buffer.alloc(0))
  })
})
