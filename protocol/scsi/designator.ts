// Designation descriptors (SPC-4 7.8.6): the names that a logical unit, a target port and a target device go by. They stand
// in VPD page 83h, in CSCD descriptors and in provisioning groups; hosts match paths, and clone, by them.

import { WireError } from '../wire/error.ts'
import { bits, flag, reserved, u8 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'

export const ASSOCIATION = { LOGICAL_UNIT: 0, TARGET_PORT: 1, TARGET_DEVICE: 2 } as const
export const CODE_SET = { BINARY: 1, ASCII: 2, UTF8: 3 } as const
export const DESIGNATOR_TYPE = {
  VENDOR_SPECIFIC: 0x0,
  T10_VENDOR_ID: 0x1,
  EUI_64: 0x2,
  NAA: 0x3,
  RELATIVE_TARGET_PORT: 0x4,
  TARGET_PORT_GROUP: 0x5,
  LOGICAL_UNIT_GROUP: 0x6,
  SCSI_NAME: 0x8,
} as const

/** PROTOCOL IDENTIFIER of iSCSI (SPC-4 7.6.1). */
export const PROTOCOL_ISCSI = 0x5

export interface Designator {
  readonly association: number
  readonly codeSet: number
  readonly type: number
  readonly value: Buffer
  /** PROTOCOL IDENTIFIER; present when PIV is one. */
  readonly protocol?: number
}

const DESCRIPTOR = layout('designation descriptor', 'SPC-4 7.8.6', 4, [
  bits(4, 'protocol'),
  bits(4, 'codeSet'), // 0
  flag('piv'),
  reserved(1),
  bits(2, 'association'),
  bits(4, 'type'), // 1
  reserved(8),
  u8('length'), // 3
])

const ofLogicalUnit = (codeSet: number, type: number, value: Buffer): Designator => ({
  association: ASSOCIATION.LOGICAL_UNIT,
  codeSet,
  type,
  value,
})

/** T10 vendor ID based: eight characters of vendor, then what the vendor makes unique. */
export const t10VendorId = (vendor: string, identifier: string): Designator =>
  ofLogicalUnit(
    CODE_SET.ASCII,
    DESIGNATOR_TYPE.T10_VENDOR_ID,
    Buffer.from(vendor.padEnd(8).slice(0, 8) + identifier, 'latin1'),
  )

/** Bytes of an NAA designator by its first four bits : IEEE extended, local, IEEE registered, extended. */
const NAA_LENGTHS: ReadonlyMap<number, number> = new Map([
  [2, 8],
  [3, 8],
  [5, 8],
  [6, 16],
])

/** Whether the length is that of the NAA in the first four bits. */
export const isNaa = (value: Buffer): boolean => value.length > 0 && NAA_LENGTHS.get(value[0]! >> 4) === value.length

/** NAA. Throws a RangeError when the length is not that of the NAA in the first four bits. */
export function naa(value: Buffer): Designator {
  if (!isNaa(value)) throw new RangeError(`${value.toString('hex')} is no NAA designator`)
  return ofLogicalUnit(CODE_SET.BINARY, DESIGNATOR_TYPE.NAA, value)
}

/** EUI-64 based: 8, 12 or 16 bytes. */
export function eui64(value: Buffer): Designator {
  if (value.length !== 8 && value.length !== 12 && value.length !== 16)
    throw new RangeError(`${value.toString('hex')} is no EUI-64 based designator`)
  return ofLogicalUnit(CODE_SET.BINARY, DESIGNATOR_TYPE.EUI_64, value)
}

/** SCSI name string of an iSCSI port or device: UTF-8, with at least one zero byte, padded to four. */
export function scsiName(name: string, association: number): Designator {
  const length = Buffer.byteLength(name)
  const value = Buffer.alloc((length + 4) & ~3)
  value.write(name)
  return { association, codeSet: CODE_SET.UTF8, type: DESIGNATOR_TYPE.SCSI_NAME, value, protocol: PROTOCOL_ISCSI }
}

const numbered = (type: number, association: number, identifier: number): Designator => {
  const value = Buffer.alloc(4)
  value.writeUInt16BE(identifier, 2)
  return { association, codeSet: CODE_SET.BINARY, type, value }
}

const ofPort = (type: number, identifier: number): Designator => ({
  ...numbered(type, ASSOCIATION.TARGET_PORT, identifier),
  protocol: PROTOCOL_ISCSI,
})

/** Relative target port identifier. */
export const relativeTargetPort = (port: number): Designator => ofPort(DESIGNATOR_TYPE.RELATIVE_TARGET_PORT, port)

/** Target port group. */
export const targetPortGroup = (portGroup: number): Designator => ofPort(DESIGNATOR_TYPE.TARGET_PORT_GROUP, portGroup)

/** Logical unit group. */
export const logicalUnitGroup = (unitGroup: number): Designator =>
  numbered(DESIGNATOR_TYPE.LOGICAL_UNIT_GROUP, ASSOCIATION.LOGICAL_UNIT, unitGroup)

export function encodeDesignator({ protocol, value, ...rest }: Designator): Buffer {
  const header = DESCRIPTOR.encode({
    ...rest,
    protocol: protocol ?? 0,
    piv: protocol !== undefined,
    length: value.length,
  })
  return Buffer.concat([header, value])
}

/** The descriptors that fill `source` from end to end. Throws a WireError, with the offset in `source`, when they do not. */
export function decodeDesignators(source: Buffer): Designator[] {
  const found: Designator[] = []
  for (let at = 0; at < source.length; ) {
    if (at + DESCRIPTOR.size > source.length) throw cut(at)
    const { length, piv, protocol, ...rest } = DESCRIPTOR.decode(source, at)
    const start = at + DESCRIPTOR.size
    if (start + length > source.length) throw cut(at + 3)
    found.push({ ...rest, value: source.subarray(start, start + length), ...(piv && { protocol }) })
    at = start + length
  }
  return found
}

const cut = (offset: number) => new WireError('designation descriptor', 'DESIGNATOR LENGTH', offset, 'truncated')

/** The same name: what EXTENDED COPY looks a logical unit up by. */
export const sameDesignator = (a: Designator, b: Designator): boolean =>
  a.association === b.association && a.codeSet === b.codeSet && a.type === b.type && a.value.equals(b.value)

const FORMS: Readonly<Record<number, (value: Buffer) => string | undefined>> = {
  [DESIGNATOR_TYPE.T10_VENDOR_ID]: (value) =>
    `t10.${value
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '?')
      .trimEnd()}`,
  [DESIGNATOR_TYPE.EUI_64]: (value) => `eui.${value.toString('hex')}`,
  [DESIGNATOR_TYPE.NAA]: (value) => `naa.${value.toString('hex')}`,
  [DESIGNATOR_TYPE.RELATIVE_TARGET_PORT]: (value) => identifier('relative target port', value),
  [DESIGNATOR_TYPE.TARGET_PORT_GROUP]: (value) => identifier('target port group', value),
  [DESIGNATOR_TYPE.LOGICAL_UNIT_GROUP]: (value) => identifier('logical unit group', value),
  [DESIGNATOR_TYPE.SCSI_NAME]: (value) => value.toString('utf8').replace(/\0+$/, ''),
}

const identifier = (name: string, value: Buffer): string | undefined =>
  value.length === 4 ? `${name} ${value.readUInt16BE(2)}` : undefined

/** A designator in the words that hosts use: `naa.6...`, `t10.LUNETTE ...`, an iSCSI name, `target port group 1`. */
export function designatorText({ type, value }: Designator): string {
  return FORMS[type]?.(value) ?? value.toString('hex')
}
