// The wire formats, both directions: `import { decodePdu } from 'lunette/protocol'`.

export * from './iscsi/index.ts'
export * from './scsi/index.ts'
export { WireError, type WireProblem } from './wire/error.ts'
export { bits, bytes, flag, ignored, reserved, text, u8, u16, u24, u32, u64 } from './wire/fields.ts'
export { type Decoded, type Layout, layout, type Position } from './wire/layout.ts'
