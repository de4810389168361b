// Standard INQUIRY data (SPC-4 6.6.2): who a logical unit is and which standards it claims. The Linux and ESXi hosts choose
// what to ask next by VERSION, 3PC and CmdQue.

import { bits, flag, ignored, reserved, text, u8, u16 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'
import { padTo } from './padding.ts'

const MINIMUM = 36 // what SPC-2 had

const STANDARD_INQUIRY = layout('standard INQUIRY data', 'SPC-4 6.6.2', 96, [
  bits(3, 'peripheralQualifier'),
  bits(5, 'peripheralDeviceType'), // 0
  flag('rmb'),
  flag('luCong'),
  bits(2, 'hotPluggable'), // since SPC-5
  reserved(4), // 1
  u8('version'),
  flag('aerc'), // of SPC-2, as what is marked so below
  flag('trmTsk'), // of SPC-2
  flag('normAca'),
  flag('hiSup'),
  bits(4, 'responseDataFormat'), // 3
  u8('additionalLength'), // 4
  flag('sccs'),
  flag('acc'),
  bits(2, 'tpgs'),
  flag('threePc'),
  reserved(2),
  flag('protect'), // 5
  flag('bQue'), // of SPC-3
  flag('encServ'),
  ignored(1), // vendor specific
  flag('multiP'),
  flag('mChngr'), // of SPC-3
  flag('ackReqQ'), // of SPC-2
  ignored(1),
  flag('addr16'), // 6, of the parallel interface
  flag('relAdr'), // of SPC-2
  ignored(1),
  flag('wBus16'), // of the parallel interface
  flag('sync'), // of the parallel interface
  flag('linked'), // of SPC-3
  flag('tranDis'), // of SPC-2
  flag('cmdQue'),
  ignored(1), // 7, vendor specific
  text(8, 'vendor'),
  text(16, 'product'),
  text(4, 'revision'), // 32-35
  ignored(160), // 36-55, vendor specific
  ignored(4),
  bits(2, 'clocking'), // of the parallel interface
  flag('qas'), // of the parallel interface
  flag('ius'), // 56, of the parallel interface
  ignored(8),
  u16('versionDescriptor0'), // 58-59
  u16('versionDescriptor1'),
  u16('versionDescriptor2'),
  u16('versionDescriptor3'),
  u16('versionDescriptor4'),
  u16('versionDescriptor5'),
  u16('versionDescriptor6'),
  u16('versionDescriptor7'), // 72-73
  reserved(176),
])

type Slot = `versionDescriptor${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7}`
const SLOTS = [0, 1, 2, 3, 4, 5, 6, 7].map((slot) => `versionDescriptor${slot}` as Slot)

export type StandardInquiry = Omit<Decoded<typeof STANDARD_INQUIRY>, Slot | 'additionalLength'> & {
  /** At most eight; zeros are not listed. */
  versionDescriptors: number[]
}

/** "No version claimed" of each (SPC-4 table 149). */
export const VERSION_DESCRIPTOR = {
  SAM_5: 0x00a0,
  SPC_3: 0x0300,
  SPC_4: 0x0460,
  SBC_3: 0x04c0,
  SBC_4: 0x0600,
  ISCSI: 0x0960,
} as const

/** No device server behind this LUN: PERIPHERAL QUALIFIER 011b, PERIPHERAL DEVICE TYPE 1Fh (SPC-4 6.6.2). */
export const NO_LOGICAL_UNIT = { peripheralQualifier: 3, peripheralDeviceType: 0x1f } as const

/** 96 bytes; ADDITIONAL LENGTH counts all of them, whatever the allocation length cuts. */
export function encodeStandardInquiry({ versionDescriptors = [], ...values }: Partial<StandardInquiry>): Buffer {
  if (versionDescriptors.length > SLOTS.length)
    throw new RangeError(`standard INQUIRY data has room for ${SLOTS.length} version descriptors`)
  return STANDARD_INQUIRY.encode({
    responseDataFormat: 2,
    ...values,
    ...Object.fromEntries(versionDescriptors.map((descriptor, slot) => [SLOTS[slot], descriptor])),
    additionalLength: STANDARD_INQUIRY.size - 5,
  })
}

/** Takes what a device of any age sends, from 36 bytes on. Throws a WireError on less. */
export function decodeStandardInquiry(source: Buffer): StandardInquiry {
  const end = Math.min(source.length, 5 + (source[4] ?? 0))
  const data = STANDARD_INQUIRY.decode(
    padTo(STANDARD_INQUIRY.name, source.subarray(0, end), MINIMUM, STANDARD_INQUIRY.size),
  )
  const values: Record<string, unknown> = { ...data }
  delete values.additionalLength
  for (const slot of SLOTS) delete values[slot]
  const versionDescriptors = SLOTS.map((slot) => data[slot]).filter((descriptor) => descriptor !== 0)
  return { ...(values as Omit<StandardInquiry, 'versionDescriptors'>), versionDescriptors }
}
