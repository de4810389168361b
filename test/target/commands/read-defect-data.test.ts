// READ DEFECT DATA(10) and (12) (37h, B7h, SBC-3 5.17, 5.18): a medium without defects.

import { beforeAll, describe, expect, test } from 'vitest'
import { DEFECT_LIST_10, DEFECT_LIST_12, READ_DEFECT_DATA_10, READ_DEFECT_DATA_12 } from '../../../protocol/index.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood } from '../disk.ts'

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

describe.each([
  { name: READ_DEFECT_DATA_10.name, cdb: READ_DEFECT_DATA_10, list: DEFECT_LIST_10 },
  { name: READ_DEFECT_DATA_12.name, cdb: READ_DEFECT_DATA_12, list: DEFECT_LIST_12 },
])('$name', ({ cdb, list }) => {
  const read = (fields: object, length = 32) =>
    disk.run(cdb, { allocationLength: length, ...fields }, { dataInLength: length })

  test('simple: neither list asked for, the header alone', async () => {
    const { data } = expectGood(await read({}))
    expect(data.length).toBe(list.size)
    expect(list.decode(data)).toMatchObject({ plistv: false, glistv: false, defectListFormat: 0, defectListLength: 0 })
  })

  test('each list is there, and empty, in each format of the standard', async () => {
    for (const [reqPlist, reqGlist] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const)
      for (let defectListFormat = 0; defectListFormat <= 5; defectListFormat++) {
        const { data } = expectGood(await read({ reqPlist, reqGlist, defectListFormat }))
        const expected = { plistv: reqPlist, glistv: reqGlist, defectListFormat, defectListLength: 0 }
        expect(list.decode(data)).toMatchObject(expected)
      }
  })

  test('formats 110b and 111b: INVALID FIELD IN CDB, pointer to the format', async () => {
    for (const defectListFormat of [6, 7]) expectCdbField(await read({ defectListFormat }), cdb, 'defectListFormat')
  })

  test('allocation length cuts', async () => {
    for (const length of [0, 1, 3]) expect(expectGood(await read({}, length)).data.length).toBe(length)
  })
})

test('READ DEFECT DATA(12): an ADDRESS DESCRIPTOR INDEX past the list: nothing follows the header', async () => {
  const fields = { reqGlist: true, addressDescriptorIndex: 0xffff_ffff, allocationLength: 64 }
  const { data } = expectGood(await disk.run(READ_DEFECT_DATA_12, fields, { dataInLength: 64 }))
  expect(DEFECT_LIST_12.decode(data)).toMatchObject({ generationCode: 0, defectListLength: 0 })
  expect(data.length).toBe(8)
})
