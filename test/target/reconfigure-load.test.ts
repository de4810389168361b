// A running array that is changed under load: sessions write, read back and compare all the while; and LUNs that are removed
// while commands are under way, each of which gets its answer.

import { expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  decodeSense,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TASK_ATTRIBUTE,
  WRITE_10,
  WRITE_16,
} from '../../protocol/index.ts'
import { arrayForTest, type LunInput, MIB, memory, SIZE } from './array.ts'
import { expectSense, pattern } from './disk.ts'
import { Load } from './load.ts'
import { change, news, quiet, refusal, reported, sees } from './reconfiguring.ts'

const image = (lun: LunInput = {}): LunInput => ({ store: { type: 'sparse' }, size: SIZE, ...lun })

test('LUNs are added, removed, grown and switched, a target comes and goes, and no session of the others notices', async () => {
  const array = await arrayForTest([image(), memory({ id: 1 })])
  const loads = [new Load(await quiet(array, [0])), new Load(sees(await quiet(array, [1]), 1))]
  const everyLoad = () => Promise.all(loads.map((load) => load.moves()))
  await everyLoad()
  for (let round = 1; round <= 8; round++) {
    const size = SIZE + round * MIB
    const on = round % 2 === 0
    const second = memory({ id: 1, vaai: { ats: on, clone: on, zero: on, delete: on } })
    await change(array, [image({ size }), second, image({ id: 2, size: MIB })])
    await everyLoad()
    await change(array, [image({ size }), second], {}, { iqn: `${array.iqn}-${round}`, luns: [memory()] })
    await everyLoad()
    expect((await refusal(array, { targets: [{ luns: [memory({ size: MIB })] }] })).length).toBeGreaterThan(0)
  }
  await Promise.all(loads.map((load) => load.stop()))
  const [first, second] = loads as [Load, Load]
  for (const load of loads) expect(load.news).toContain(SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
  expect(first.news.filter((sense) => sense === SENSE.CAPACITY_DATA_HAS_CHANGED)).toHaveLength(8)
  expect(first.news).not.toContain(SENSE.INQUIRY_DATA_HAS_CHANGED)
  expect(second.news.filter((sense) => sense === SENSE.INQUIRY_DATA_HAS_CHANGED)).toHaveLength(8)
})

test('the LUN itself is removed under load: every command is answered, what was written before is on the medium', async () => {
  const array = await arrayForTest([image(), memory({ id: 1 })])
  const disk = await quiet(array, [0, 1])
  let written = 0
  let missing = 0
  const worker = async (): Promise<void> => {
    for (;;) {
      const round = written++
      const result = await disk.run(
        WRITE_16,
        { lba: BigInt(round % 1024), blocks: 1 },
        { dataOut: pattern(512, round % 1024) },
      )
      if (result.status === STATUS.GOOD) continue
      expectSense(result, SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
      missing++
      return
    }
  }
  const workers = Array.from({ length: 16 }, worker)
  while (written < 2000) await disk.session.nop()
  await change(array, [memory({ id: 1 })])
  await Promise.all(workers)
  expect(missing).toBe(16)
  expect(await news(sees(disk, 1))).toEqual([SENSE.REPORTED_LUNS_DATA_HAS_CHANGED])
  await change(array, [image(), memory({ id: 1 })])
  await news(disk)
  for (let lba = 0; lba < 1024; lba++) expect(await disk.read(lba, 1)).toEqual(pattern(512, lba))
})

test('a command whose data do not come holds a removal up for a while, and is answered then', async () => {
  const array = await arrayForTest([memory(), memory({ id: 1 })])
  const raw = await array.rawSession({ InitialR2T: 'Yes', ImmediateData: 'No' })
  const write = { lun: 1, write: true, expectedDataTransferLength: 512 }
  raw.command(WRITE_10.encode({ blocks: 1 }), write) // takes the unit attention
  expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION)
  raw.command(WRITE_10.encode({ blocks: 1 }), write)
  raw.command(WRITE_10.encode({ blocks: 1 }), { ...write, attributes: TASK_ATTRIBUTE.ORDERED }) // waits for the other
  await raw.take(TARGET_OPCODE.R2T)
  const other = await quiet(array, [0])
  const changing = change(array, [memory()])
  await other.session.nop()
  expect(await reported(other)).toEqual([0]) // gone for everybody at once
  await changing
  const { header: event } = await raw.take(TARGET_OPCODE.ASYNC_MESSAGE) // the inventory has changed, told before the answers
  expect(event.asyncEvent).toBe(ASYNC_EVENT.SCSI_ASYNCHRONOUS_EVENT)
  for (let answers = 0; answers < 2; answers++) {
    const { header, data } = await raw.response()
    expect(header.status).toBe(STATUS.CHECK_CONDITION)
    expect(decodeSense(data.subarray(2)).sense).toBe(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
  }
})

test('a target is removed while the data of a write do not come: its session ends after a while', async () => {
  const array = await arrayForTest([memory()])
  const other = { iqn: `${array.iqn}-other`, luns: [memory()] }
  await change(array, [memory()], {}, other)
  const raw = await array.raw()
  await raw.login(other.iqn, { InitialR2T: 'Yes', ImmediateData: 'No' })
  const write = { write: true, expectedDataTransferLength: 512 }
  raw.command(WRITE_10.encode({ blocks: 1 }), write) // takes the unit attention
  await raw.response()
  raw.command(WRITE_10.encode({ blocks: 1 }), write)
  await raw.take(TARGET_OPCODE.R2T)
  await change(array, [memory()])
  await raw.closed
})

test('two sessions see one and the same array, at once and at every moment', async () => {
  const array = await arrayForTest([memory()])
  const disks = [await quiet(array, [0]), await quiet(array, [0])]
  const seen = new Set<string>()
  let stopping = false
  const watching = disks.map(async (disk) => {
    while (!stopping) seen.add((await reported(disk)).join())
  })
  for (let round = 0; round < 20; round++) {
    const [odd, even] = [
      [memory(), memory({ id: 3 })],
      [memory(), memory({ id: 1 }), memory({ id: 2 })],
    ]
    const luns = round % 2 === 0 ? even : odd
    await change(array, luns)
    for (const disk of disks) expect(await reported(disk)).toEqual(luns.map(({ id = 0 }) => id))
  }
  stopping = true
  await Promise.all(watching)
  expect(['0', '0,1,2', '0,3']).toEqual(expect.arrayContaining([...seen]))
})
