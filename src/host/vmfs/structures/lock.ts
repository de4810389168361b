// The lock that stands before what it guards (notes, 5): in the first sector of each file descriptor and each cluster
// header. It is what a host's ATS compares and sets. VMFS6 has the same fields in a sector of 4096 bytes.

import { VmfsError } from '../errors.ts'
import { bytes, size64, structure, u32, u64, type ValuesOf } from './structure.ts'
import { uuid } from './uuid.ts'

export const LOCK_TYPE = {
  fileDescriptor: 0x10c00001,
  /** Of file blocks: VMFS5's bitmap, VMFS6's clusters of small file blocks. */
  fileBlocks: 0x10c00002,
  subBlocks: 0x10c00003,
  pointerBlocks: 0x10c00004,
  fileDescriptors: 0x10c00005,
  pb2Blocks: 0x10c00006,
  journalBlocks: 0x10c00007,
  largeFileBlocks: 0x10c00008,
} as const

export const LOCK_MODE = { free: 0, exclusive: 1, readOnly: 2, multiWriter: 3 } as const

const MAX_HOLDERS = 8
const HOLDER_BYTES = 32

/** One of the hosts that share a lock in the modes read-only and multi-writer. */
interface LockHolder {
  heartbeatOffset: number
  heartbeatGeneration: bigint
  host: string
}

const HOLDER = structure('lock holder', HOLDER_BYTES, {
  heartbeatOffset: size64(0),
  heartbeatGeneration: u64(8),
  host: uuid(16),
})

const LOCK = structure('lock', 512, {
  type: u32(0x00),
  /** Its own offset in the volume. */
  offset: size64(0x04),
  /** Of the holder's heartbeat slot, and its generation; what a lock that is free keeps is of the last holder. */
  heartbeatOffset: size64(0x0c),
  heartbeatGeneration: u64(0x14),
  /** One more with each acquisition. */
  token: u64(0x1c),
  mode: u32(0x24),
  owner: uuid(0x28),
  /** A counter of the host, not a time. */
  modified: u64(0x38),
  holderCount: u32(0x40),
  holders: bytes(MAX_HOLDERS * HOLDER_BYTES)(0x44),
  globalHolders: u32(0x164),
  globalGeneration: u64(0x168),
  globalBreak: u32(0x170),
})

type LockFields = ValuesOf<typeof LOCK.fields>
export type Lock = Omit<LockFields, 'holderCount' | 'holders'> & { holders: LockHolder[] }

/** @throws VmfsError 'damaged' for more holders than there is room for */
export function decodeLock(source: Buffer, at = 0): Lock {
  const { holderCount, holders, ...lock } = LOCK.decode(source, at)
  if (holderCount > MAX_HOLDERS)
    throw new VmfsError('damaged', `a lock with ${holderCount} holders, and room for ${MAX_HOLDERS}`, lock.offset)
  return {
    ...lock,
    holders: Array.from({ length: holderCount }, (_, holder) => HOLDER.decode(holders, holder * HOLDER_BYTES)),
  }
}

/** Writes the fields that are given over what stands in `target`. */
export function encodeLock({ holders, ...lock }: Partial<Lock>, target?: Buffer, at?: number): Buffer {
  if (!holders) return LOCK.encode(lock, target, at)
  if (holders.length > MAX_HOLDERS) throw new RangeError(`${holders.length} holders of one lock`)
  const raw = Buffer.alloc(MAX_HOLDERS * HOLDER_BYTES)
  for (const [index, holder] of holders.entries()) HOLDER.encode(holder, raw, index * HOLDER_BYTES)
  return LOCK.encode({ ...lock, holderCount: holders.length, holders: raw }, target, at)
}
