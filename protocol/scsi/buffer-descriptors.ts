// What READ BUFFER tells of the buffers (SPC-4 6.18.4, 6.18.10), and the modes that it shares with WRITE BUFFER.

import { bits, flag, reserved, u8, u24 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

/** MODE of READ BUFFER and WRITE BUFFER (SPC-4 tables 204 and 327). */
export const BUFFER_MODE = { DATA: 0x02, DESCRIPTOR: 0x03, ECHO: 0x0a, ECHO_DESCRIPTOR: 0x0b } as const

export const BUFFER_DESCRIPTOR = layout('READ BUFFER descriptor', 'SPC-4 6.18.4', 4, [
  u8('offsetBoundary'), // the offset is a multiple of two to this power
  u24('bufferCapacity'), // 1-3
])

export const ECHO_BUFFER_DESCRIPTOR = layout('echo buffer descriptor', 'SPC-4 6.18.10', 4, [
  reserved(7),
  flag('ebos'), // 0, echo buffer overwritten supported
  reserved(8),
  reserved(3),
  bits(13, 'bufferCapacity'), // 2-3
])

export type BufferDescriptor = Decoded<typeof BUFFER_DESCRIPTOR>
