// SANITIZE (SBC-3 5.24): makes everything that was ever on the medium unreadable. Each service action is a command of its own.
// Parameter list of OVERWRITE: ../overwrite-list.ts. ZNR (SBC-4), for zoned block devices, counts as reserved.

import { bits, flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

const sanitize = <const Action extends number>(action: Action) =>
  [
    u8('opcode', 0x48),
    flag('immed'),
    reserved(1), // ZNR
    flag('ause'),
    bits(5, 'serviceAction', action), // 1
    reserved(40), // 2-6
    u16('parameterListLength'), // 7-8
    ...control(),
  ] as const

export const SANITIZE_OVERWRITE = layout('SANITIZE OVERWRITE', 'SBC-3 5.24', 10, sanitize(0x01))
export const SANITIZE_BLOCK_ERASE = layout('SANITIZE BLOCK ERASE', 'SBC-3 5.24', 10, sanitize(0x02))
export const SANITIZE_CRYPTOGRAPHIC_ERASE = layout('SANITIZE CRYPTOGRAPHIC ERASE', 'SBC-3 5.24', 10, sanitize(0x03))
export const SANITIZE_EXIT_FAILURE_MODE = layout('SANITIZE EXIT FAILURE MODE', 'SBC-3 5.24', 10, sanitize(0x1f))
