// READ BUFFER(10) and (16) (3Ch, 9Bh, SPC-4 6.18) and WRITE BUFFER (3Bh, SPC-4 6.49): data, echo, and their descriptors.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  BUFFER_DESCRIPTOR,
  BUFFER_MODE,
  ECHO_BUFFER_DESCRIPTOR,
  READ_BUFFER_10,
  READ_BUFFER_16,
  SENSE,
  TASK_MANAGEMENT_FUNCTION,
  WRITE_BUFFER,
} from '../../../protocol/index.ts'
import { arrayForTest, drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'

const { DATA, DESCRIPTOR, ECHO, ECHO_DESCRIPTOR } = BUFFER_MODE

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory(), memory({ id: 1, readOnly: true })])
  disk = await array.disk()
  return () => array.close()
})

const writeBuffer = (mode: number, dataOut: Buffer, more = {}, on = disk) =>
  on.run(WRITE_BUFFER, { mode, parameterListLength: dataOut.length, ...more }, { dataOut })

const READS = [READ_BUFFER_10, READ_BUFFER_16] as const

const read = (cdb: (typeof READS)[number], mode: number, length: number, more: object = {}, on = disk) =>
  on.run(cdb, { mode, allocationLength: length, ...more }, { dataInLength: length })

const capacity = async (on = disk): Promise<number> =>
  BUFFER_DESCRIPTOR.decode(expectGood(await read(READ_BUFFER_10, DESCRIPTOR, 4, {}, on)).data).bufferCapacity

describe.each(READS.map((cdb) => ({ name: cdb.name, cdb })))('$name', ({ cdb }) => {
  const offset = (bufferOffset: number) => ({
    bufferOffset: cdb === READ_BUFFER_16 ? BigInt(bufferOffset) : bufferOffset,
  })

  test('descriptor: capacity and offset boundary; zeroes for a buffer that is not there', async () => {
    const { bufferCapacity, offsetBoundary } = BUFFER_DESCRIPTOR.decode(expectGood(await read(cdb, DESCRIPTOR, 4)).data)
    expect(bufferCapacity).toBeGreaterThanOrEqual(512)
    expect(offsetBoundary).toBe(0)
    expect(expectGood(await read(cdb, DESCRIPTOR, 4, { bufferId: 1 })).data).toEqual(Buffer.alloc(4))
  })

  test('data: reads back what was written, at any offset, and from another nexus', async () => {
    const size = await capacity()
    expectGood(await writeBuffer(DATA, pattern(size, 1)))
    expectGood(await writeBuffer(DATA, Buffer.from('hello'), { bufferOffset: 7 }))
    const expected = pattern(size, 1)
    expected.write('hello', 7)
    for (const on of [disk, await array.disk()]) {
      expect(expectGood(await read(cdb, DATA, size, {}, on)).data).toEqual(expected)
      expect(expectGood(await read(cdb, DATA, 5, offset(7), on)).data.toString()).toBe('hello')
      expect(expectGood(await read(cdb, DATA, 100, offset(size - 3), on)).data).toEqual(expected.subarray(-3))
    }
  })

  test('data: an offset past the end, another buffer', async () => {
    const size = await capacity()
    expectCdbField(await read(cdb, DATA, 4, offset(size + 1)), cdb, 'bufferOffset')
    expectCdbField(await read(cdb, DATA, 4, { bufferId: 1 }), cdb, 'bufferId')
    const { data } = expectGood(await read(cdb, DATA, 4, offset(size)))
    expect(data.length).toBe(0)
  })

  test('echo descriptor: EBOS and a capacity of at most 4096', async () => {
    const echo = ECHO_BUFFER_DESCRIPTOR.decode(expectGood(await read(cdb, ECHO_DESCRIPTOR, 4)).data)
    expect(echo.ebos).toBe(true)
    expect(echo.bufferCapacity).toBeGreaterThanOrEqual(252)
    expect(echo.bufferCapacity).toBeLessThanOrEqual(4096)
  })

  test('echo: COMMAND SEQUENCE ERROR until it is written, then what was written last, cut by the allocation length', async () => {
    const fresh = await array.disk()
    expectSense(await read(cdb, ECHO, 64, {}, fresh), SENSE.COMMAND_SEQUENCE_ERROR)
    expectGood(await writeBuffer(ECHO, pattern(64, 3), {}, fresh))
    expectGood(await writeBuffer(ECHO, pattern(32, 4), { bufferId: 9, bufferOffset: 77 }, fresh))
    expect(expectGood(await read(cdb, ECHO, 64, {}, fresh)).data).toEqual(pattern(32, 4))
    expect(expectGood(await read(cdb, ECHO, 10, {}, fresh)).data).toEqual(pattern(32, 4).subarray(0, 10))
  })

  test('echo: each nexus and each LUN has its own', async () => {
    const [a, b] = [await array.disk(), await array.disk()]
    expectGood(await writeBuffer(ECHO, Buffer.from('aaaa'), {}, a))
    expectGood(await writeBuffer(ECHO, Buffer.from('bbbb'), {}, b))
    expect(expectGood(await read(cdb, ECHO, 4, {}, a)).data.toString()).toBe('aaaa')
    expect(expectGood(await read(cdb, ECHO, 4, {}, b)).data.toString()).toBe('bbbb')
    expectSense(await read(cdb, ECHO, 4, {}, await array.disk(1)), SENSE.COMMAND_SEQUENCE_ERROR)
  })

  test('modes that are not there: INVALID FIELD IN CDB, pointer to byte 1', async () => {
    const there = Object.values(BUFFER_MODE) as number[]
    for (let mode = 0; mode < 32; mode++)
      if (!there.includes(mode)) expectCdbField(await read(cdb, mode, 64), cdb, 'mode')
  })

  test('allocation length 0: GOOD', async () => {
    for (const mode of [DATA, DESCRIPTOR, ECHO_DESCRIPTOR])
      expect(expectGood(await read(cdb, mode, 0)).data.length).toBe(0)
  })
})

describe('WRITE BUFFER (3Bh)', () => {
  test('microcode modes and all others: INVALID FIELD IN CDB, pointer to byte 1', async () => {
    for (let mode = 0; mode < 32; mode++)
      if (mode !== DATA && mode !== ECHO) expectCdbField(await writeBuffer(mode, Buffer.alloc(4)), WRITE_BUFFER, 'mode')
  })

  test('more than the buffer holds: INVALID FIELD IN CDB, pointer to the length; nothing is written', async () => {
    const size = await capacity()
    expectGood(await writeBuffer(DATA, pattern(size, 5)))
    expectCdbField(await writeBuffer(DATA, Buffer.alloc(size + 1)), WRITE_BUFFER, 'parameterListLength')
    const late = await writeBuffer(DATA, Buffer.alloc(2), { bufferOffset: size - 1 })
    expectCdbField(late, WRITE_BUFFER, 'parameterListLength')
    expectCdbField(await writeBuffer(DATA, Buffer.alloc(0), { bufferOffset: size + 1 }), WRITE_BUFFER, 'bufferOffset')
    expectCdbField(await writeBuffer(ECHO, Buffer.alloc(size + 1)), WRITE_BUFFER, 'parameterListLength')
    expect(expectGood(await read(READ_BUFFER_10, DATA, size)).data).toEqual(pattern(size, 5))
  })

  test('another buffer: INVALID FIELD IN CDB, pointer to BUFFER ID', async () => {
    expectCdbField(await writeBuffer(DATA, Buffer.alloc(4), { bufferId: 255 }), WRITE_BUFFER, 'bufferId')
  })

  test('parameter list length: 0 is GOOD, one longer than the data is PARAMETER LIST LENGTH ERROR', async () => {
    expectGood(await writeBuffer(DATA, Buffer.alloc(0)))
    const result = await writeBuffer(DATA, Buffer.alloc(4), { parameterListLength: 5 })
    expectSense(result, SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('a write-protected LUN has buffers all the same', async () => {
    expectGood(await writeBuffer(ECHO, Buffer.alloc(4), {}, await array.disk(1)))
  })
})

test('a logical unit reset empties the buffers, the end of a session its echo buffer', async () => {
  const own = await arrayForTest([memory()])
  const on = await own.disk()
  expectGood(await writeBuffer(DATA, Buffer.alloc(4, 7), {}, on))
  expectGood(await writeBuffer(ECHO, Buffer.alloc(4, 7), {}, on))
  await on.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET)
  await drainUnitAttentions(on)
  expectSense(await read(READ_BUFFER_10, ECHO, 4, {}, on), SENSE.COMMAND_SEQUENCE_ERROR)
  expect(expectGood(await read(READ_BUFFER_10, DATA, 4, {}, on)).data).toEqual(Buffer.alloc(4))
})
