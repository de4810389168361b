// A write-protected LUN, by its configuration or by SWP (SBC-3 4.9): every command that writes is refused before its data are
// asked for and before its parameters are looked at; everything else goes on.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  CONTROL,
  encodeModeSelectList,
  MODE_SELECT_6,
  MODE_SENSE_6,
  READ_16,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  UNMAP,
  WRITE_10,
  WRITE_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from '../../../protocol/index.ts'
import { COMMANDS } from '../../../src/target/commands/index.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectGood, pattern } from '../disk.ts'

const WP_BIT = 0x80
const WRITES = COMMANDS.filter(({ access }) => access === 'write')

let array: TestArray
let disk: Disk

async function protect(swp: boolean): Promise<void> {
  const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [
    CONTROL.encode({ swp, queueAlgorithmModifier: 1 }),
  ])
  expectGood(await disk.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length }, { dataOut: list }))
}

/** LUN 0 by its configuration, LUN 1 by SWP. */
beforeAll(async () => {
  array = await openArray([memory({ readOnly: true }), memory({ id: 1 })])
  disk = await array.disk(1)
  await disk.write(0, pattern(4096, 1))
  await protect(true)
  return () => array.close()
})

const on = async (lun: number): Promise<Disk> => array.disk(lun)

describe.each([0, 1])('LUN %i', (lun) => {
  test('MODE SENSE says so', async () => {
    const { data } = expectGood(
      await (await on(lun)).run(MODE_SENSE_6, { pageCode: 0x3f, allocationLength: 255 }, { dataInLength: 255 }),
    )
    expect(data[2]! & WP_BIT).toBe(WP_BIT)
  })

  test('every command that writes: WRITE PROTECTED, with and without data', async () => {
    const target = await on(lun)
    for (const { wire } of WRITES)
      for (const io of [{}, { dataOut: Buffer.alloc(512) }]) {
        const { status, sense } = await target.run(wire, {}, io)
        expect([wire.name, status, sense?.sense.key, sense?.sense.asc]).toEqual([
          wire.name,
          STATUS.CHECK_CONDITION,
          SENSE.WRITE_PROTECTED.key,
          SENSE.WRITE_PROTECTED.asc,
        ])
      }
  })

  test('whatever else is wrong with it: UNMAP and ANCHOR bits, a range that does not exist, a list that is none', async () => {
    const target = await on(lun)
    const far = 2n ** 63n
    for (const result of [
      await target.run(WRITE_SAME_10, { unmap: true, blocks: 1 }),
      await target.run(WRITE_SAME_16, { unmap: true, blocks: 1 }),
      await target.run(WRITE_SAME_16, { anchor: true, blocks: 1 }),
      await target.run(WRITE_16, { lba: far, blocks: 1 }, { dataOut: Buffer.alloc(512) }),
      await target.run(WRITE_10, { wrprotect: 7, blocks: 1 }, { dataOut: Buffer.alloc(512) }),
      await target.run(UNMAP, { parameterListLength: 3 }, { dataOut: Buffer.alloc(3) }),
    ])
      expect(result.sense?.sense).toMatchObject({ key: SENSE.WRITE_PROTECTED.key, asc: SENSE.WRITE_PROTECTED.asc })
  })

  test('no data are asked for', async () => {
    const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    for (let tries = 0; tries < 3; tries++) {
      raw.command(WRITE_10.encode({ blocks: 1 }), { write: true, expectedDataTransferLength: 512, lun })
      const { header } = await raw.take(TARGET_OPCODE.SCSI_RESPONSE) // and not an R2T
      raw.expStatSn++
      expect(header.status).toBe(STATUS.CHECK_CONDITION)
    }
    raw.destroy()
  })

  test('reads end GOOD', async () => {
    expectGood(await (await on(lun)).run(READ_16, { blocks: 8 }, { dataInLength: 4096 }))
  })
})

test('without SWP it is written again', async () => {
  await protect(false)
  expect(await disk.read(0, 8)).toEqual(pattern(4096, 1))
  await disk.write(0, pattern(4096, 2))
  expect(await disk.read(0, 8)).toEqual(pattern(4096, 2))
})
