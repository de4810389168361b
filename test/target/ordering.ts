// Sessions of several connections, for commands that come over one of them before others on another (RFC 7143 4.2.2).

import { READ_10, TARGET_OPCODE, WRITE_10 } from '../../protocol/index.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import { members } from './members.ts'
import type { RawInitiator } from './raw.ts'

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly all: readonly RawInitiator[]
}

export async function connected(count: number, keys: Record<string, string> = {}): Promise<Setup> {
  const store = new HeldStore()
  const built = await handBuilt([store])
  return { built, store, all: await members(built, built.target.iqn, count, keys) }
}

export async function two(keys: Record<string, string> = {}): Promise<Setup & { a: RawInitiator; b: RawInitiator }> {
  const setup = await connected(2, keys)
  return { ...setup, a: setup.all[0]!, b: setup.all[1]! }
}

/** A write of the blocks' own number, of `blocks` blocks at `lba`, all of it immediate. */
export const write = (raw: RawInitiator, cmdSn: number, lba: number, fill: number, blocks = 1): number =>
  raw.command(
    WRITE_10.encode({ lba, blocks }),
    { write: true, expectedDataTransferLength: blocks * 512, cmdSn },
    { data: Buffer.alloc(blocks * 512, fill) },
  )

export async function readBack(raw: RawInitiator, lba: number, blocks: number): Promise<Buffer> {
  raw.command(READ_10.encode({ lba, blocks }), { read: true, expectedDataTransferLength: blocks * 512 })
  return (await raw.take(TARGET_OPCODE.DATA_IN)).data
}
