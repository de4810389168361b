// SANITIZE as the tests send it, and what they look for afterwards.

import { expect } from 'vitest'
import {
  decodeSense,
  encodeOverwriteList,
  REQUEST_SENSE,
  type SANITIZE_BLOCK_ERASE,
  type SANITIZE_CRYPTOGRAPHIC_ERASE,
  SANITIZE_OVERWRITE,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { SIZE } from '../array.ts'
import { type Disk, expectGood } from '../disk.ts'

export const IN_PROGRESS = SENSE.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS

interface Overwrite {
  readonly data?: Buffer
  readonly invert?: boolean
  readonly overwriteCount?: number
  readonly immed?: boolean
  readonly ause?: boolean
}

/** OVERWRITE with one pass of this pattern. */
export function overwrite(
  on: Disk,
  { data = Buffer.from([0xaa]), immed = false, ause = false, ...list }: Overwrite = {},
) {
  const dataOut = encodeOverwriteList({ overwriteCount: 1, ...list, pattern: data })
  return on.run(SANITIZE_OVERWRITE, { parameterListLength: dataOut.length, immed, ause }, { dataOut })
}

export const erase = (on: Disk, cdb: typeof SANITIZE_BLOCK_ERASE | typeof SANITIZE_CRYPTOGRAPHIC_ERASE, fields = {}) =>
  on.run(cdb, fields)

export async function requestSense(on: Disk, desc = false) {
  const result = await on.run(REQUEST_SENSE, { desc, allocationLength: 252 }, { dataInLength: 252 })
  return decodeSense(expectGood(result).data)
}

/** The operation is over when the unit is ready again; each of its answers until then says that it runs. */
export async function untilReady(on: Disk): Promise<void> {
  for (;;) {
    const { status, sense } = await on.run(TEST_UNIT_READY, {})
    if (status === STATUS.GOOD) return
    expect(sense?.sense).toEqual(IN_PROGRESS)
  }
}

export async function expectFilled(on: Disk, block: Buffer): Promise<void> {
  const blocks = SIZE / on.blockSize
  for (const lba of [0, Math.floor(blocks / 2), blocks - 64])
    expect((await on.read(lba, 64)).equals(Buffer.alloc(64 * on.blockSize, block))).toBe(true)
}
