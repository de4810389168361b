// READ CAPACITY(10) and (16) parameter data (SBC-3 5.15.2, 5.16.2). The last LBA, not the number of blocks.

import { bits, flag, reserved, u32, u64 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'
import { padTo } from './padding.ts'

const CAPACITY_10 = layout('READ CAPACITY(10) parameter data', 'SBC-3 5.15.2', 8, [u32('lastLba'), u32('blockLength')])

const CAPACITY_16 = layout('READ CAPACITY(16) parameter data', 'SBC-3 5.16.2', 32, [
  u64('lastLba'), // 0-7
  u32('blockLength'), // 8-11
  reserved(2),
  bits(2, 'rcBasis'), // ZBC 5.5
  bits(3, 'pType'),
  flag('protEn'), // 12
  bits(4, 'piExponent'),
  bits(4, 'lbppbe'), // 13, LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT
  flag('lbpme'),
  flag('lbprz'),
  bits(14, 'lowestAlignedLba'), // 14-15
  reserved(128),
])

const MINIMUM_16 = 12 // what SBC-2 had
const LAST_LBA_32 = 0xffffffffn

export type Capacity16 = Decoded<typeof CAPACITY_16>

/** A last LBA that 32 bits cannot hold is sent as FFFFFFFFh: the initiator then asks for READ CAPACITY(16). */
export function encodeCapacity10({ lastLba, blockLength }: { lastLba: bigint; blockLength: number }): Buffer {
  return CAPACITY_10.encode({ lastLba: Number(lastLba < LAST_LBA_32 ? lastLba : LAST_LBA_32), blockLength })
}

/** `lastLba` is undefined when only READ CAPACITY(16) can tell it. */
export function decodeCapacity10(source: Buffer): { lastLba: bigint | undefined; blockLength: number } {
  const { lastLba, blockLength } = CAPACITY_10.decode(source)
  return { lastLba: BigInt(lastLba) === LAST_LBA_32 ? undefined : BigInt(lastLba), blockLength }
}

export const encodeCapacity16 = (capacity: Partial<Capacity16>): Buffer => CAPACITY_16.encode(capacity)

/** From 12 bytes on; what an older device does not send is zero. */
export const decodeCapacity16 = (source: Buffer): Capacity16 =>
  CAPACITY_16.decode(padTo(CAPACITY_16.name, source, MINIMUM_16, CAPACITY_16.size))
