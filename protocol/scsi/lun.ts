// Logical unit numbers (SAM-5 4.7): eight bytes on the wire, a number everywhere else. Single-level LUNs only: peripheral
// device addressing below 256, flat space addressing up to 16,383, and the REPORT LUNS well-known logical unit.

export const LUN_SIZE = 8
export const MAX_LUN = 0x3fff
const MAX_PERIPHERAL_LUN = 0xff
/** The REPORT LUNS well-known logical unit (SAM-5 4.7.12): its first two bytes as a number, as Linux shows it. */
export const REPORT_LUNS_W_LUN = 0xc101

const FLAT_SPACE = 0x4000

/** Writes `lun` at `offset` of `target` (eight new bytes without one). Throws a RangeError above 16,383. */
export function encodeLun(lun: number, target: Buffer = Buffer.alloc(LUN_SIZE), offset = 0): Buffer {
  const valid = Number.isInteger(lun) && lun >= 0 && lun <= MAX_LUN
  if (!valid && lun !== REPORT_LUNS_W_LUN) throw new RangeError(`${lun} is no LUN from 0 to ${MAX_LUN}`)
  target.fill(0, offset, offset + LUN_SIZE)
  target.writeUInt16BE(lun > MAX_PERIPHERAL_LUN && valid ? lun | FLAT_SPACE : lun, offset)
  return target
}

/** The number, or undefined for a LUN in a form that no logical unit here answers to, or of less than eight bytes. */
export function decodeLun(source: Buffer, offset = 0): number | undefined {
  if (source.length < offset + LUN_SIZE) return undefined
  const first = source.readUInt16BE(offset)
  if (source.readUInt16BE(offset + 2) !== 0 || source.readUInt32BE(offset + 4) !== 0) return undefined
  if (first <= MAX_PERIPHERAL_LUN || first === REPORT_LUNS_W_LUN) return first
  return first >> 14 === FLAT_SPACE >> 14 ? first & MAX_LUN : undefined
}
