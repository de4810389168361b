// TransportIDs of iSCSI (SPC-4 7.6.4.6): the name of an initiator port, or of an initiator device with whatever ports it has,
// in the parameter data of PERSISTENT RESERVE IN and OUT.

import { normalizeIscsiName } from '../iscsi/names.ts'
import { WireError } from '../wire/error.ts'
import { bits, reserved, u16 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { PROTOCOL_ISCSI } from './designator.ts'

const NAME = 'iSCSI TransportID'

const HEADER = layout(NAME, 'SPC-4 7.6.4.6', 4, [
  bits(2, 'format'),
  reserved(2),
  bits(4, 'protocol'), // 0
  reserved(8),
  u16('additionalLength'), // 2-3, of the name
])

/** TPID FORMAT: the name of a device, or that of a port, which has the ISID in it. */
const FORMAT = { DEVICE: 0, PORT: 1 } as const
/** With the header, the 24 bytes that every TransportID has at least. */
const MIN_NAME_BYTES = 20
const SEPARATOR = ',i,0x'
const ISID = /^[\da-f]{1,12}$/i

export interface TransportId {
  readonly initiatorName: string
  /** Six bytes in hex. Without one every port of the initiator is meant. */
  readonly isid?: string
}

/** A TransportID where it stands in a parameter list. */
export interface PlacedTransportId extends TransportId {
  readonly offset: number
  readonly length: number
}

/** "iqn...,i,0x00023d000001": the initiator port name (RFC 7143 4.4). */
export const initiatorPortName = (initiatorName: string, isid: string): string => `${initiatorName}${SEPARATOR}${isid}`

/** The TransportID of an initiator port by its name. */
export function transportIdOf(initiatorPort: string): TransportId {
  const [initiatorName, isid] = initiatorPort.split(SEPARATOR)
  return { initiatorName: initiatorName as string, ...(isid !== undefined && { isid }) }
}

export function encodeTransportId({ initiatorName, isid }: TransportId): Buffer {
  const name = isid === undefined ? initiatorName : initiatorPortName(initiatorName, isid)
  const additionalLength = Math.max(MIN_NAME_BYTES, (Buffer.byteLength(name) + 4) & ~3) // at least one zero ends it
  const id = Buffer.alloc(HEADER.size + additionalLength)
  const format = isid === undefined ? FORMAT.DEVICE : FORMAT.PORT
  HEADER.encode({ format, protocol: PROTOCOL_ISCSI, additionalLength }, id)
  id.write(name, HEADER.size)
  return id
}

/**
 * The TransportID at `offset`, its name in normal form. Throws a WireError, with the offset in `source`, for one that is cut,
 * is not of iSCSI or holds no name.
 */
export function decodeTransportId(source: Buffer, offset = 0): PlacedTransportId {
  if (source.length - offset < HEADER.size) throw new WireError(NAME, 'header', offset, 'truncated')
  const { format, protocol, additionalLength } = HEADER.decode(source, offset)
  const bad = (field: string, at: number) => new WireError(NAME, field, offset + at, 'bad value')
  if (protocol !== PROTOCOL_ISCSI) throw bad('protocol', 0)
  if (format !== FORMAT.DEVICE && format !== FORMAT.PORT) throw bad('format', 0)
  if (additionalLength < MIN_NAME_BYTES || additionalLength % 4 !== 0)
    throw new WireError(NAME, 'additionalLength', offset + 2, 'bad length', `${additionalLength}`)
  const length = HEADER.size + additionalLength
  if (source.length - offset < length) throw new WireError(NAME, 'name', offset + HEADER.size, 'truncated')
  const id = parseName(zeroEnded(source.subarray(offset + HEADER.size, offset + length)), format)
  if (!id) throw bad('name', HEADER.size)
  return { ...id, offset, length }
}

function zeroEnded(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

function parseName(text: string, format: number): TransportId | undefined {
  if (format === FORMAT.DEVICE) {
    const initiatorName = normalizeIscsiName(text)
    return initiatorName === undefined ? undefined : { initiatorName }
  }
  const at = text.toLowerCase().lastIndexOf(SEPARATOR)
  const initiatorName = normalizeIscsiName(text.slice(0, Math.max(0, at)))
  const isid = text.slice(at + SEPARATOR.length)
  if (at < 0 || initiatorName === undefined || !ISID.test(isid)) return undefined
  return { initiatorName, isid: isid.toLowerCase().padStart(12, '0') }
}
