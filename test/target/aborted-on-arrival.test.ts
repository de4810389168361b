// Commands that are aborted in the very segment that brings them: what has not begun to be carried out by then never is,
// also where it would have gone on in the background (SAM-5 7.2, SPC-4 5.17.4).

import { expect, test } from 'vitest'
import {
  ASSOCIATION,
  blockDeviceZeroToken,
  COMPARE_AND_WRITE,
  DESIGNATOR_TYPE,
  EXTENDED_COPY_LID4,
  encodeUnmapList,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  ORWRITE_16,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  UNMAP,
  WRITE_ATOMIC_16,
  WRITE_SAME_16,
  WRITE_USING_TOKEN,
} from '../../protocol/index.ts'
import { unitDesignators } from '../../src/target/vpd-pages.ts'
import { copyListLid4, cscd, segment } from './commands/copy-list.ts'
import { writeList } from './commands/token-list.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import { send, taken } from './tasks.ts'

const BLOCKS = 8
const BEFORE = pattern(512 * BLOCKS, 1)
const ONES = Buffer.alloc(512 * BLOCKS, 0xff)
const TOKEN = writeList(blockDeviceZeroToken(), [[0, BLOCKS]], { immed: true })
const UNMAP_LIST = encodeUnmapList([{ lba: 0n, blocks: BLOCKS }])

function copyOnto({ units }: HandBuilt): Buffer {
  const naa = unitDesignators(units[0]!).find(
    ({ type, association }) => type === DESIGNATOR_TYPE.NAA && association === ASSOCIATION.LOGICAL_UNIT,
  )!
  return copyListLid4([cscd(naa)], [segment(100, 0, BLOCKS)], { listId: 4, immed: true })
}

const COMMANDS: { name: string; cdb: (data: Buffer) => Buffer; data: (built: HandBuilt) => Buffer }[] = [
  {
    name: COMPARE_AND_WRITE.name,
    cdb: () => COMPARE_AND_WRITE.encode({ blocks: BLOCKS }),
    data: () => Buffer.concat([BEFORE, ONES]),
  },
  { name: ORWRITE_16.name, cdb: () => ORWRITE_16.encode({ blocks: BLOCKS }), data: () => ONES },
  { name: WRITE_ATOMIC_16.name, cdb: () => WRITE_ATOMIC_16.encode({ blocks: BLOCKS }), data: () => ONES },
  { name: WRITE_SAME_16.name, cdb: () => WRITE_SAME_16.encode({ blocks: BLOCKS }), data: () => Buffer.alloc(512) },
  {
    name: UNMAP.name,
    cdb: ({ length }) => UNMAP.encode({ parameterListLength: length }),
    data: () => UNMAP_LIST,
  },
  {
    name: WRITE_USING_TOKEN.name,
    cdb: ({ length }) => WRITE_USING_TOKEN.encode({ listId: 3, parameterListLength: length }),
    data: () => TOKEN,
  },
  {
    name: EXTENDED_COPY_LID4.name,
    cdb: ({ length }) => EXTENDED_COPY_LID4.encode({ parameterListLength: length }),
    data: copyOnto,
  },
]

test.each(COMMANDS)('$name', async ({ cdb, data }) => {
  const store = new HeldStore()
  const built = await handBuilt([store])
  const disk = await built.disk()
  await disk.write(0, BEFORE)
  const raw = await built.raw()
  await raw.login(built.target.iqn, { InitialR2T: 'Yes' })
  raw.command(TEST_UNIT_READY.encode({}))
  await raw.response()
  const list = data(built)
  raw.socket.cork()
  raw.command(cdb(list), { write: true, expectedDataTransferLength: list.length }, { data: list })
  send(raw, FUNCTION.LOGICAL_UNIT_RESET)
  raw.socket.uncork()
  const { header } = await raw.take(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE)
  expect(header.response).toBe(RESPONSE.FUNCTION_COMPLETE)
  expect(built.units[0]!.copies.background()).toEqual([])
  raw.expStatSn++
  await taken(raw)
  const after = Buffer.alloc(BEFORE.length)
  await store.read(after, 0, after.length, 0)
  expect(after.equals(BEFORE)).toBe(true)
  expect(store.writes.length).toBe(1)
})
