// GET LBA STATUS parameter data (SBC-4 5.5.2): which blocks are mapped, as runs of the same status.

import { bits, flag, reserved, u8, u32, u64 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

const HEADER = layout('GET LBA STATUS parameter data', 'SBC-4 5.5.2', 8, [
  u32('parameterDataLength'), // 0-3, of what follows
  reserved(24),
  reserved(4),
  bits(3, 'completionCondition'),
  flag('rtp'), // 7
])

const DESCRIPTOR = layout('LBA status descriptor', 'SBC-4 5.5.2', 16, [
  u64('lba'),
  u32('blocks'),
  reserved(4),
  bits(4, 'provisioningStatus'), // 12
  u8('additionalStatus'),
  reserved(16),
])

export const PROVISIONING_STATUS = { MAPPED: 0, DEALLOCATED: 1, ANCHORED: 2 } as const

/** REPORT TYPE of the CDB (SBC-4 5.5.1): which blocks are wanted. */
export const REPORT_TYPE = {
  ALL: 0x00,
  NOT_MAPPED: 0x01,
  MAPPED: 0x02,
  DEALLOCATED: 0x03,
  ANCHORED: 0x04,
} as const

/** Why the list ends where it does. */
export const COMPLETION_CONDITION = { NONE: 0, ALLOCATION_LENGTH: 1, SCAN_LENGTH: 2, CAPACITY: 3 } as const

export type LbaStatus = Decoded<typeof DESCRIPTOR>

export interface LbaStatusList {
  readonly completionCondition: number
  /** RTP: the list is of the REPORT TYPE asked for. */
  readonly rtp: boolean
  readonly descriptors: readonly LbaStatus[]
}

/** Descriptors that an allocation length has room for: to look for more would be work for nothing. */
export const lbaStatusDescriptorsIn = (allocationLength: number): number =>
  Math.max(0, Math.floor((allocationLength - HEADER.size) / DESCRIPTOR.size))

export function encodeLbaStatus({ descriptors, ...header }: LbaStatusList): Buffer {
  const data = Buffer.alloc(HEADER.size + DESCRIPTOR.size * descriptors.length)
  HEADER.encode({ ...header, parameterDataLength: data.length - 4 }, data)
  descriptors.forEach((descriptor, index) => {
    DESCRIPTOR.encode(descriptor, data, HEADER.size + DESCRIPTOR.size * index)
  })
  return data
}

/** The descriptors that arrived whole: the allocation length may have cut the list. A cut header is a WireError. */
export function decodeLbaStatus(source: Buffer): LbaStatusList {
  const { parameterDataLength, ...header } = HEADER.decode(source)
  const end = Math.min(source.length, 4 + parameterDataLength)
  const descriptors: LbaStatus[] = []
  for (let at = HEADER.size; at + DESCRIPTOR.size <= end; at += DESCRIPTOR.size)
    descriptors.push(DESCRIPTOR.decode(source, at))
  return { ...header, descriptors }
}
