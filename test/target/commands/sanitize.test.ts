// SANITIZE (SBC-3 5.24): overwrite, block erase, cryptographic erase and EXIT FAILURE MODE, their lists and what they leave.
// What runs in the background: sanitize-background.test.ts.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  BLOCK_DEVICE_CHARACTERISTICS,
  CONTROL,
  decodeLbaStatus,
  decodeSupportedCommands,
  encodeModeSelectList,
  encodeOverwriteList,
  GET_LBA_STATUS,
  INQUIRY,
  MODE_SELECT_6,
  OVERWRITE_LIST_HEADER,
  PROVISIONING_STATUS,
  RELEASE_6,
  REPORT_SUPPORTED_OPERATION_CODES,
  RESERVE_6,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_CRYPTOGRAPHIC_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SENSE,
  STATUS,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectParameter, expectSense, pattern } from '../disk.ts'
import { erase, expectFilled, overwrite } from './sanitizing.ts'

const BLOCKS = SIZE / 512

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, provisioning: 'thick' }),
    memory({ id: 2, blockSize: 4096 }),
    memory({ id: 3, readOnly: true }),
  ])
  disk = await array.disk()
  return () => array.close()
})

describe('OVERWRITE', () => {
  test.each([
    [0, 512],
    [1, 512],
    [2, 4096],
  ])('simple: LUN %i holds the pattern, of one block and shorter, in every block of %i', async (lun, blockSize) => {
    const on = new Disk((await array.disk(lun)).session, lun, blockSize)
    for (const length of [blockSize, blockSize / 2, 4, 1]) {
      const data = pattern(blockSize, length).subarray(0, length)
      await on.write(0, pattern(64 * blockSize, 9))
      expectGood(await overwrite(on, { data }))
      await expectFilled(on, Buffer.alloc(blockSize, data))
    }
  })

  test('several passes, inverted and not: the pattern is what stays', async () => {
    for (const invert of [false, true])
      for (const overwriteCount of [2, 3]) {
        expectGood(await overwrite(disk, { data: Buffer.from([0x0f, overwriteCount]), invert, overwriteCount }))
        await expectFilled(disk, Buffer.alloc(512, Buffer.from([0x0f, overwriteCount])))
      }
  })

  test('parameter list length 0 to 4, or longer than a block and its header: INVALID FIELD IN CDB, pointer to byte 7', async () => {
    for (const length of [0, 1, 2, 3, 4, 517, 0xffff]) {
      const dataOut = Buffer.alloc(length)
      const result = await disk.run(SANITIZE_OVERWRITE, { parameterListLength: length }, { dataOut })
      expectCdbField(result, SANITIZE_OVERWRITE, 'parameterListLength')
    }
    expectCdbField(
      await disk.run(SANITIZE_OVERWRITE, { parameterListLength: 517 }, { dataOut: Buffer.alloc(520) }),
      SANITIZE_OVERWRITE,
      'parameterListLength',
    )
  })

  test('data-out size: up to three bytes to spare are nothing; less than the list: PARAMETER LIST LENGTH ERROR', async () => {
    const list = encodeOverwriteList({ overwriteCount: 1, pattern: Buffer.from([0x11]) })
    const fields = { parameterListLength: list.length }
    for (const spare of [0, 1, 3])
      expectGood(
        await disk.run(SANITIZE_OVERWRITE, fields, { dataOut: Buffer.concat([list, Buffer.alloc(spare, 0xff)]) }),
      )
    await expectFilled(disk, Buffer.alloc(512, 0x11))
    for (const dataOut of [Buffer.alloc(0), list.subarray(0, 4)])
      expectSense(await disk.run(SANITIZE_OVERWRITE, fields, { dataOut }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('what the list may not hold: INVALID FIELD IN PARAMETER LIST with a pointer', async () => {
    const at = (name: 'test' | 'overwriteCount') => OVERWRITE_LIST_HEADER.at(name)
    const bad = async (list: object) => {
      const dataOut = encodeOverwriteList({ overwriteCount: 1, pattern: Buffer.alloc(512), ...list })
      return disk.run(SANITIZE_OVERWRITE, { parameterListLength: dataOut.length }, { dataOut })
    }
    await disk.write(0, pattern(4096, 1))
    for (const test of [1, 2, 3]) expectParameter(await bad({ test }), 0, at('test').bit)
    expectParameter(await bad({ overwriteCount: 0 }), 0, at('overwriteCount').bit)
    for (const initializationPatternLength of [0, 513, 516, 0xffff])
      expectParameter(await bad({ initializationPatternLength }), 2)
    expectParameter(await bad({ pattern: Buffer.alloc(8), initializationPatternLength: 9 }), 2)
    expect(await disk.read(0, 8)).toEqual(pattern(4096, 1))
  })
})

describe('BLOCK ERASE', () => {
  test('zeroes, nothing mapped', async () => {
    await disk.write(0, pattern(256 * 512, 1))
    await disk.write(BLOCKS - 256, pattern(256 * 512, 2))
    expectGood(await erase(disk, SANITIZE_BLOCK_ERASE))
    await expectFilled(disk, Buffer.alloc(512))
    const { data } = expectGood(await disk.run(GET_LBA_STATUS, { allocationLength: 256 }, { dataInLength: 256 }))
    expect(decodeLbaStatus(data).descriptors).toMatchObject([
      { lba: 0n, blocks: BLOCKS, provisioningStatus: PROVISIONING_STATUS.DEALLOCATED },
    ])
  })

  test('a thick LUN has none: INVALID FIELD IN CDB, pointer to the service action; B1h and RSOC say so', async () => {
    const thick = await array.disk(1)
    expectCdbField(await erase(thick, SANITIZE_BLOCK_ERASE), SANITIZE_BLOCK_ERASE, 'serviceAction')
    const requirements = async (on: Disk) => {
      const fields = { evpd: true, pageCode: VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS, allocationLength: 64 }
      const { data } = expectGood(await on.run(INQUIRY, fields, { dataInLength: 64 }))
      const { wabereq, wacereq } = BLOCK_DEVICE_CHARACTERISTICS.decode(data)
      return [wabereq, wacereq]
    }
    const actions = async (on: Disk) => {
      const { data } = expectGood(
        await on.run(REPORT_SUPPORTED_OPERATION_CODES, { allocationLength: 4096 }, { dataInLength: 4096 }),
      )
      return decodeSupportedCommands(data)
        .filter(({ opcode }) => opcode === 0x48)
        .map(({ serviceAction }) => serviceAction)
    }
    expect([await requirements(disk), await actions(disk)]).toEqual([
      [1, 1],
      [1, 2, 3, 0x1f],
    ])
    expect([await requirements(thick), await actions(thick)]).toEqual([
      [0, 1],
      [1, 3, 0x1f],
    ])
  })
})

describe('CRYPTOGRAPHIC ERASE', () => {
  test.each([0, 1])('LUN %i: other contents, and every read ends GOOD', async (lun) => {
    const on = await array.disk(lun)
    const before = pattern(256 * 512, 1)
    await on.write(0, before)
    await on.write(BLOCKS - 256, before)
    expectGood(await erase(on, SANITIZE_CRYPTOGRAPHIC_ERASE))
    for (const lba of [0, BLOCKS - 256]) {
      const after = await on.read(lba, 256)
      for (let block = 0; block < before.length; block += 512)
        expect(after.subarray(block, block + 512).equals(before.subarray(block, block + 512))).toBe(false)
    }
    await on.read(BLOCKS / 2, 256)
  })
})

describe('all service actions', () => {
  const ERASES = [SANITIZE_BLOCK_ERASE, SANITIZE_CRYPTOGRAPHIC_ERASE, SANITIZE_EXIT_FAILURE_MODE] as const

  test('a parameter list where there is none: INVALID FIELD IN CDB, pointer to byte 7', async () => {
    await disk.write(0, pattern(4096, 3))
    for (const cdb of ERASES)
      expectCdbField(
        await disk.run(cdb, { parameterListLength: 8 }, { dataOut: Buffer.alloc(8) }),
        cdb,
        'parameterListLength',
      )
    expect(await disk.read(0, 8)).toEqual(pattern(4096, 3))
  })

  test('EXIT FAILURE MODE where nothing has failed: GOOD', async () => {
    expectGood(await disk.run(SANITIZE_EXIT_FAILURE_MODE, {}))
  })

  test('write protection, by the configuration or by SWP: WRITE PROTECTED', async () => {
    const readOnly = await array.disk(3)
    const swp = async (on: boolean) => {
      const page = CONTROL.encode({ swp: on, queueAlgorithmModifier: 1 })
      const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [page])
      expectGood(await disk.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length }, { dataOut: list }))
    }
    await swp(true)
    for (const on of [readOnly, disk]) {
      for (const result of [
        await overwrite(on),
        await erase(on, SANITIZE_BLOCK_ERASE),
        await erase(on, SANITIZE_CRYPTOGRAPHIC_ERASE),
      ]) {
        expect(result.status).toBe(STATUS.CHECK_CONDITION)
        expect(result.sense?.sense).toMatchObject({ key: 7, asc: 0x27 })
      }
    }
    await swp(false)
    expectGood(await overwrite(disk))
  })

  test('reserved by another nexus: RESERVATION CONFLICT', async () => {
    const other = await array.disk()
    expectGood(await other.run(RESERVE_6, {}))
    for (const result of [
      await overwrite(disk),
      await erase(disk, SANITIZE_BLOCK_ERASE),
      await erase(disk, SANITIZE_CRYPTOGRAPHIC_ERASE),
      await disk.run(SANITIZE_EXIT_FAILURE_MODE, {}),
    ])
      expect(result.status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await other.run(RELEASE_6, {}))
  })
})
