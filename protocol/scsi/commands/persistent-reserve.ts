// PERSISTENT RESERVE IN (SPC-4 6.15) and PERSISTENT RESERVE OUT (SPC-4 6.16), one layout a service action. Parameter data:
// ../persistent-reserve-in.ts, ../persistent-reserve-out.ts.

import { bits, ignored, reserved, u8, u16, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

const fromByte2OfIn = () => [reserved(40), u16('allocationLength'), ...control()] as const
const scopeAndType = () => [bits(4, 'scope'), bits(4, 'type')] as const // 2
/** SCOPE and TYPE of service actions that do not look at them. */
const noScopeAndType = () => [ignored(8)] as const
const fromByte3OfOut = () => [reserved(16), u32('parameterListLength'), ...control()] as const

export const PERSISTENT_RESERVE_IN_READ_KEYS = layout('PERSISTENT RESERVE IN, READ KEYS', 'SPC-4 6.15', 10, [
  u8('opcode', 0x5e),
  reserved(3),
  bits(5, 'serviceAction', 0x00), // 1
  ...fromByte2OfIn(),
])

export const PERSISTENT_RESERVE_IN_READ_RESERVATION = layout(
  'PERSISTENT RESERVE IN, READ RESERVATION',
  'SPC-4 6.15',
  10,
  [u8('opcode', 0x5e), reserved(3), bits(5, 'serviceAction', 0x01), ...fromByte2OfIn()],
)

export const PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES = layout(
  'PERSISTENT RESERVE IN, REPORT CAPABILITIES',
  'SPC-4 6.15',
  10,
  [u8('opcode', 0x5e), reserved(3), bits(5, 'serviceAction', 0x02), ...fromByte2OfIn()],
)

export const PERSISTENT_RESERVE_IN_READ_FULL_STATUS = layout(
  'PERSISTENT RESERVE IN, READ FULL STATUS',
  'SPC-4 6.15',
  10,
  [u8('opcode', 0x5e), reserved(3), bits(5, 'serviceAction', 0x03), ...fromByte2OfIn()],
)

export const PERSISTENT_RESERVE_OUT_REGISTER = layout('PERSISTENT RESERVE OUT, REGISTER', 'SPC-4 6.16', 10, [
  u8('opcode', 0x5f),
  reserved(3),
  bits(5, 'serviceAction', 0x00), // 1
  ...noScopeAndType(),
  ...fromByte3OfOut(),
])

export const PERSISTENT_RESERVE_OUT_RESERVE = layout('PERSISTENT RESERVE OUT, RESERVE', 'SPC-4 6.16', 10, [
  u8('opcode', 0x5f),
  reserved(3),
  bits(5, 'serviceAction', 0x01),
  ...scopeAndType(),
  ...fromByte3OfOut(),
])

export const PERSISTENT_RESERVE_OUT_RELEASE = layout('PERSISTENT RESERVE OUT, RELEASE', 'SPC-4 6.16', 10, [
  u8('opcode', 0x5f),
  reserved(3),
  bits(5, 'serviceAction', 0x02),
  ...scopeAndType(),
  ...fromByte3OfOut(),
])

export const PERSISTENT_RESERVE_OUT_CLEAR = layout('PERSISTENT RESERVE OUT, CLEAR', 'SPC-4 6.16', 10, [
  u8('opcode', 0x5f),
  reserved(3),
  bits(5, 'serviceAction', 0x03),
  ...noScopeAndType(),
  ...fromByte3OfOut(),
])

export const PERSISTENT_RESERVE_OUT_PREEMPT = layout('PERSISTENT RESERVE OUT, PREEMPT', 'SPC-4 6.16', 10, [
  u8('opcode', 0x5f),
  reserved(3),
  bits(5, 'serviceAction', 0x04),
  ...scopeAndType(),
  ...fromByte3OfOut(),
])

export const PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT = layout(
  'PERSISTENT RESERVE OUT, PREEMPT AND ABORT',
  'SPC-4 6.16',
  10,
  [u8('opcode', 0x5f), reserved(3), bits(5, 'serviceAction', 0x05), ...scopeAndType(), ...fromByte3OfOut()],
)

export const PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY = layout(
  'PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY',
  'SPC-4 6.16',
  10,
  [u8('opcode', 0x5f), reserved(3), bits(5, 'serviceAction', 0x06), ...noScopeAndType(), ...fromByte3OfOut()],
)

export const PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE = layout(
  'PERSISTENT RESERVE OUT, REGISTER AND MOVE',
  'SPC-4 6.16',
  10,
  [u8('opcode', 0x5f), reserved(3), bits(5, 'serviceAction', 0x07), ...noScopeAndType(), ...fromByte3OfOut()],
)
