// A session of ErrorRecoveryLevel 1 whose Data-Out PDUs are damaged or lost on their way (RFC 7143 7.1.4.1, 7.8).

import { expect } from 'vitest'
import {
  BHS_LENGTH,
  REJECT_REASON,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'
import { damaged } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { REJECT, R2T } = TARGET_OPCODE

export const BLOCK = 512
export const LENGTH = 16 * BLOCK
export const DATA_OUT_SECONDS = 10
const TUR = TEST_UNIT_READY.encode({})
export const data = pattern(LENGTH, 7)
export const write = WRITE_10.encode({ lba: 8, blocks: 16 })
export const out = { write: true, expectedDataTransferLength: LENGTH }

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly raw: RawInitiator
}

export async function connected(keys: Record<string, string> = {}): Promise<Setup> {
  const store = new HeldStore()
  const limits = { dataOutSeconds: DATA_OUT_SECONDS } // less than what a ping waits for
  const built = await handBuilt([store], {}, {}, undefined, { limits })
  const raw = await built.raw()
  const digests = { HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' }
  const usual = { ErrorRecoveryLevel: '1', ImmediateData: 'No', InitialR2T: 'Yes', MaxBurstLength: '4096' }
  await raw.login(built.target.iqn, { ...digests, ...usual, ...keys })
  raw.command(TUR)
  await raw.response()
  return { built, store, raw }
}

interface Sequence {
  readonly initiatorTaskTag: number
  readonly targetTransferTag?: number
  readonly from: number
  readonly to: number
}

export type Fate = 'whole' | 'damaged' | 'lost'

/** The PDUs of a sequence, 1024 bytes each; what becomes of each. */
export function send(
  raw: RawInitiator,
  { initiatorTaskTag, targetTransferTag = RESERVED_TAG, from, to }: Sequence,
  fates: Fate[] = [],
): void {
  for (let bufferOffset = from, dataSn = 0; bufferOffset < to; bufferOffset += 1024, dataSn++) {
    const end = Math.min(to, bufferOffset + 1024)
    const fields = { initiatorTaskTag, targetTransferTag, bufferOffset, dataSn, final: end === to }
    const pdu = () => raw.dataOut(fields, data.subarray(bufferOffset, end))
    const fate = fates[dataSn] ?? 'whole'
    if (fate === 'whole') pdu()
    if (fate === 'damaged') damaged(raw, pdu)
  }
}

export const rangeOf = ({ header }: PduOf<typeof R2T>) => ({
  targetTransferTag: header.targetTransferTag,
  from: header.bufferOffset,
  to: header.bufferOffset + header.desiredDataTransferLength,
})

/** The R2T that is due, for this range. */
export async function asked(raw: RawInitiator, from: number, to: number) {
  const range = rangeOf(await raw.take(R2T))
  expect([range.from, range.to]).toEqual([from, to])
  return range
}

export async function expectDamageRejected(raw: RawInitiator, opcode: number): Promise<void> {
  const { header, data: rejected } = await raw.take(REJECT)
  expect(header).toMatchObject({ reason: REJECT_REASON.DATA_DIGEST_ERROR, statSn: raw.expStatSn })
  expect(rejected.length).toBe(BHS_LENGTH)
  expect(rejected[0]! & 0x3f).toBe(opcode)
  raw.expStatSn++
}

export async function expectWritten({ raw, store }: Setup, initiatorTaskTag: number, r2ts?: number): Promise<void> {
  const { header } = await raw.response()
  expect(header).toMatchObject({
    initiatorTaskTag,
    status: STATUS.GOOD,
    ...(r2ts !== undefined && { expDataSn: r2ts }),
  })
  const written = Buffer.alloc(LENGTH)
  await store.read(written, 0, LENGTH, 8 * BLOCK)
  expect(written.equals(data)).toBe(true)
  await expectUp(raw)
}
