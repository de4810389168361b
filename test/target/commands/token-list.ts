// ROD tokens for tests: made of ranges, asked for, and written.

import {
  type BlockRange,
  decodeRodTokenInformation,
  encodePopulateTokenList,
  encodeWriteUsingTokenList,
  POPULATE_TOKEN,
  type PopulateTokenList,
  RECEIVE_ROD_TOKEN_INFORMATION,
  type RodTokenInformation,
  WRITE_USING_TOKEN,
  type WriteUsingTokenList,
} from '../../../protocol/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import { type Disk, expectGood } from '../disk.ts'

export type Range = readonly [lba: number | bigint, blocks: number]

const rangesOf = (ranges: readonly Range[]): BlockRange[] =>
  ranges.map(([lba, blocks]) => ({ lba: BigInt(lba), blocks }))

export const populateList = (ranges: readonly Range[], more: Partial<PopulateTokenList> = {}): Buffer =>
  encodePopulateTokenList({
    rtv: false,
    immed: false,
    inactivityTimeout: 0,
    rodType: 0,
    ranges: rangesOf(ranges),
    ...more,
  })

export const writeList = (token: Buffer, ranges: readonly Range[], more: Partial<WriteUsingTokenList> = {}): Buffer =>
  encodeWriteUsingTokenList({
    delTkn: false,
    immed: false,
    offsetIntoRod: 0n,
    token,
    ranges: rangesOf(ranges),
    ...more,
  })

export const sendPopulate = (disk: Disk, list: Buffer, listId = 1, parameterListLength = list.length) =>
  disk.run(POPULATE_TOKEN, { listId, parameterListLength }, { dataOut: list })

export const sendWrite = (disk: Disk, list: Buffer, listId = 2, parameterListLength = list.length) =>
  disk.run(WRITE_USING_TOKEN, { listId, parameterListLength }, { dataOut: list })

const ASKED = { allocationLength: 1024 }

export const askRodToken = (disk: Disk, listId: number): Promise<CommandResult> =>
  disk.run(RECEIVE_ROD_TOKEN_INFORMATION, { listId, ...ASKED }, { dataInLength: ASKED.allocationLength })

export const rodTokenInformation = async (disk: Disk, listId: number): Promise<RodTokenInformation> =>
  decodeRodTokenInformation(expectGood(await askRodToken(disk, listId)).data)

/** A token of these ranges. */
export async function tokenOf(
  disk: Disk,
  ranges: readonly Range[],
  more: Partial<PopulateTokenList> = {},
): Promise<Buffer> {
  expectGood(await sendPopulate(disk, populateList(ranges, more)))
  const { tokens } = await rodTokenInformation(disk, 1)
  if (!tokens[0]) throw new Error('no token')
  return tokens[0]
}

export const writeToken = (
  disk: Disk,
  token: Buffer,
  ranges: readonly Range[],
  more: Partial<WriteUsingTokenList> = {},
): Promise<CommandResult> => sendWrite(disk, writeList(token, ranges, more))
