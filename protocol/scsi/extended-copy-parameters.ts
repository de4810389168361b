// RECEIVE COPY OPERATING PARAMETERS parameter data (SPC-4 6.23.3): what the copy manager accepts. The same object is what
// parseCopyList checks a parameter list against, so that what is advertised is what is accepted.

import { WireError } from '../wire/error.ts'
import { flag, reserved, u8, u16, u32 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

const PARAMETERS = layout('operating parameters', 'SPC-4 6.23.3', 44, [
  u32('availableData'), // 0-3, of what follows
  reserved(7),
  flag('snlid'), // 4, SUPPORTS NO LIST IDENTIFIER
  reserved(24),
  u16('maximumCscdDescriptorCount'), // 8-9
  u16('maximumSegmentDescriptorCount'), // 10-11
  u32('maximumDescriptorListLength'), // 12-15
  u32('maximumSegmentLength'), // 16-19, bytes; zero is no limit
  u32('maximumInlineDataLength'), // 20-23
  u32('heldDataLimit'),
  u32('maximumStreamDeviceTransferSize'), // 28-31
  reserved(16),
  u16('totalConcurrentCopies'), // 34-35
  u8('maximumConcurrentCopies'),
  u8('dataSegmentGranularity'), // 37, log2 of bytes
  u8('inlineDataGranularity'),
  u8('heldDataGranularity'), // 39
  reserved(24),
  u8('implementedDescriptorListLength'), // 43
])

export type OperatingParameters = Omit<
  Decoded<typeof PARAMETERS>,
  'availableData' | 'implementedDescriptorListLength'
> & {
  /** Descriptor type codes, segments and CSCDs together; sent in ascending order. */
  implementedDescriptors: readonly number[]
}

export function encodeOperatingParameters({ implementedDescriptors, ...values }: OperatingParameters): Buffer {
  const types = Buffer.from([...implementedDescriptors].sort((a, b) => a - b))
  const header = PARAMETERS.encode({
    ...values,
    availableData: PARAMETERS.size - 4 + types.length,
    implementedDescriptorListLength: types.length,
  })
  return Buffer.concat([header, types])
}

/** Throws a WireError when the data end before the list of descriptor types does. */
export function decodeOperatingParameters(source: Buffer): OperatingParameters {
  const { availableData: _, implementedDescriptorListLength, ...values } = PARAMETERS.decode(source)
  const end = PARAMETERS.size + implementedDescriptorListLength
  if (end > source.length)
    throw new WireError(PARAMETERS.name, 'implementedDescriptorListLength', 43, 'truncated', `${source.length}`)
  return { ...values, implementedDescriptors: [...source.subarray(PARAMETERS.size, end)] }
}
