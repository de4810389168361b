// Sense data in both formats (SPC-4 4.5.2 descriptor, 4.5.3 fixed): what travels with CHECK CONDITION, and what REQUEST
// SENSE returns. One function puts a SenseError on the wire, one reads what any target sent, one says it in words.

import { WireError } from '../wire/error.ts'
import { bits, bytes, flag, ignored, reserved, u8, u16, u32, u64 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { type FieldPointer, SENSE, SENSE_KEY, type Sense, type SenseData } from './sense.ts'

export type SenseFormat = 'fixed' | 'descriptor'

const CURRENT_FIXED = 0x70
const CURRENT_DESCRIPTOR = 0x72
const HEADER_LENGTH = 8 // in both formats the ADDITIONAL SENSE LENGTH is byte 7

const FIXED = layout('fixed format sense data', 'SPC-4 4.5.3', 18, [
  flag('valid'),
  bits(7, 'responseCode'),
  ignored(8),
  ignored(3), // FILEMARK, EOM, ILI: not for block devices
  ignored(1), // SDAT_OVFL
  bits(4, 'key'),
  u32('information'), // 3-6
  u8('additionalLength'),
  u32('commandSpecific'), // 8-11
  u8('asc'),
  u8('ascq'),
  ignored(8), // FIELD REPLACEABLE UNIT CODE
  bytes(3, 'senseKeySpecific'), // 15-17
])

const DESCRIPTOR = layout('descriptor format sense data', 'SPC-4 4.5.2.1', HEADER_LENGTH, [
  ignored(1),
  bits(7, 'responseCode'),
  ignored(4),
  bits(4, 'key'),
  u8('asc'),
  u8('ascq'),
  ignored(24), // SDAT_OVFL, reserved
  u8('additionalLength'),
])

const INFORMATION = layout('information sense data descriptor', 'SPC-4 4.5.2.2', 12, [
  u8('descriptorType', 0x00),
  u8('additionalLength', 0x0a),
  flag('valid'),
  reserved(15),
  u64('information'),
])

const COMMAND_SPECIFIC = layout('command-specific information sense data descriptor', 'SPC-4 4.5.2.3', 12, [
  u8('descriptorType', 0x01),
  u8('additionalLength', 0x0a),
  reserved(16),
  u64('commandSpecific'),
])

const SENSE_KEY_SPECIFIC = layout('sense key specific sense data descriptor', 'SPC-4 4.5.2.4', 8, [
  u8('descriptorType', 0x02),
  u8('additionalLength', 0x06),
  reserved(16),
  bytes(3, 'senseKeySpecific'),
  reserved(8),
])

const FIELD_POINTER = layout('field pointer', 'SPC-4 4.5.2.4.2', 3, [
  flag('sksv'),
  flag('commandData'),
  reserved(2),
  flag('bpv'),
  bits(3, 'bitPointer'),
  u16('fieldPointer'),
])

const SEGMENT_POINTER = layout('segment pointer', 'SPC-4 4.5.2.4.5', 3, [
  flag('sksv'),
  reserved(1),
  flag('segmentDescriptor'),
  reserved(1),
  flag('bpv'),
  bits(3, 'bitPointer'),
  u16('fieldPointer'),
])

const PROGRESS_INDICATION = layout('progress indication', 'SPC-4 4.5.2.4.4', 3, [
  flag('sksv'),
  reserved(7),
  u16('progress'),
])

/**
 * Sense data as it travels. Fixed format is 18 bytes; an INFORMATION or COMMAND-SPECIFIC INFORMATION of more than 32 bits
 * has no place in it and is left out (SPC-4 4.5.3). A field pointer or progress goes with the keys that define one only.
 */
export function encodeSense(data: SenseData, format: SenseFormat): Buffer {
  return format === 'fixed' ? encodeFixed(data) : encodeDescriptor(data)
}

function encodeFixed({ sense, information, commandSpecific, deferred, ...details }: SenseData): Buffer {
  const valid = fits32(information)
  return FIXED.encode({
    valid,
    responseCode: CURRENT_FIXED + (deferred ? 1 : 0),
    key: sense.key,
    information: valid ? Number(information) : 0,
    additionalLength: FIXED.size - HEADER_LENGTH,
    commandSpecific: fits32(commandSpecific) ? Number(commandSpecific) : 0,
    asc: sense.asc,
    ascq: sense.ascq,
    senseKeySpecific: encodeSpecific(sense.key, details) ?? Buffer.alloc(0),
  })
}

const fits32 = (value: bigint | undefined): boolean => value !== undefined && value < 2n ** 32n

function encodeDescriptor({ sense, information, commandSpecific, deferred, ...details }: SenseData): Buffer {
  const specific = encodeSpecific(sense.key, details)
  const descriptors = Buffer.concat([
    ...(information === undefined ? [] : [INFORMATION.encode({ valid: true, information })]),
    ...(commandSpecific === undefined ? [] : [COMMAND_SPECIFIC.encode({ commandSpecific })]),
    ...(specific === undefined ? [] : [SENSE_KEY_SPECIFIC.encode({ senseKeySpecific: specific })]),
  ])
  const header = DESCRIPTOR.encode({
    responseCode: CURRENT_DESCRIPTOR + (deferred ? 1 : 0),
    key: sense.key,
    asc: sense.asc,
    ascq: sense.ascq,
    additionalLength: descriptors.length,
  })
  return Buffer.concat([header, descriptors])
}

function encodeSpecific(key: number, { field, progress }: Pick<SenseData, 'field' | 'progress'>): Buffer | undefined {
  if (key === SENSE_KEY.ILLEGAL_REQUEST && field)
    return FIELD_POINTER.encode({ commandData: field.in === 'cdb', ...encodePointer(field) })
  if (key === SENSE_KEY.COPY_ABORTED && field)
    return SEGMENT_POINTER.encode({ segmentDescriptor: field.in === 'segment', ...encodePointer(field) })
  if ((key === SENSE_KEY.NO_SENSE || key === SENSE_KEY.NOT_READY) && progress !== undefined)
    return PROGRESS_INDICATION.encode({ sksv: true, progress })
  return undefined
}

const encodePointer = ({ byte, bit }: FieldPointer) => ({
  sksv: true,
  bpv: bit !== undefined,
  bitPointer: bit ?? 0,
  fieldPointer: byte,
})

/**
 * Reads sense data in either format. A short one is legal, since an allocation length or a transport may cut it
 * (SPC-4 4.5.1): what is missing is taken as zero. Throws a WireError when it is no sense data at all.
 */
export function decodeSense(source: Buffer): SenseData {
  if (source.length < HEADER_LENGTH)
    throw new WireError('sense data', 'ADDITIONAL SENSE LENGTH', 7, 'truncated', `${source.length} bytes`)
  const end = Math.min(source.length, HEADER_LENGTH + source[7]!)
  switch (source[0]! & 0x7f) {
    case CURRENT_FIXED:
    case CURRENT_FIXED + 1:
      return decodeFixed(source.subarray(0, end))
    case CURRENT_DESCRIPTOR:
    case CURRENT_DESCRIPTOR + 1:
      return decodeDescriptor(source.subarray(0, end))
    default:
      throw new WireError('sense data', 'RESPONSE CODE', 0, 'bad value', `${source[0]}`)
  }
}

function decodeFixed(source: Buffer): SenseData {
  const whole = Buffer.alloc(FIXED.size)
  source.copy(whole)
  const { valid, responseCode, key, asc, ascq, information, commandSpecific, senseKeySpecific } = FIXED.decode(whole)
  return {
    sense: senseOf(key, asc, ascq),
    ...(valid && { information: BigInt(information) }),
    ...(commandSpecific !== 0 && { commandSpecific: BigInt(commandSpecific) }),
    ...decodeSpecific(key, senseKeySpecific),
    ...(responseCode !== CURRENT_FIXED && { deferred: true }),
  }
}

function decodeDescriptor(source: Buffer): SenseData {
  const { responseCode, key, asc, ascq } = DESCRIPTOR.decode(source)
  const details: { -readonly [K in keyof SenseData]?: SenseData[K] } = {}
  for (let at = HEADER_LENGTH; at + 2 <= source.length; at += 2 + source[at + 1]!) {
    if (at + 2 + source[at + 1]! > source.length) break // cut by an allocation length
    Object.assign(details, decodeDetail(source, at, key))
  }
  return {
    sense: senseOf(key, asc, ascq),
    ...details,
    ...(responseCode !== CURRENT_DESCRIPTOR && { deferred: true }),
  }
}

/** One sense data descriptor; those that mean nothing here are passed over. */
function decodeDetail(source: Buffer, at: number, key: number): Partial<SenseData> {
  switch (source[at]) {
    case 0x00: {
      const { valid, information } = INFORMATION.decode(source, at)
      return valid ? { information } : {}
    }
    case 0x01:
      return COMMAND_SPECIFIC.decode(source, at)
    case 0x02:
      return decodeSpecific(key, SENSE_KEY_SPECIFIC.decode(source, at).senseKeySpecific)
    default:
      return {}
  }
}

function decodeSpecific(key: number, specific: Buffer): Partial<SenseData> {
  if ((specific[0]! & 0x80) === 0) return {} // SKSV
  if (key === SENSE_KEY.ILLEGAL_REQUEST) {
    const pointer = FIELD_POINTER.decode(specific)
    return { field: decodePointer(pointer.commandData ? 'cdb' : 'parameters', pointer) }
  }
  if (key === SENSE_KEY.COPY_ABORTED) {
    const pointer = SEGMENT_POINTER.decode(specific)
    return { field: decodePointer(pointer.segmentDescriptor ? 'segment' : 'parameters', pointer) }
  }
  if (key === SENSE_KEY.NO_SENSE || key === SENSE_KEY.NOT_READY)
    return { progress: PROGRESS_INDICATION.decode(specific).progress }
  return {}
}

function decodePointer(
  where: FieldPointer['in'],
  { bpv, bitPointer, fieldPointer }: { bpv: boolean; bitPointer: number; fieldPointer: number },
): FieldPointer {
  return { in: where, byte: fieldPointer, ...(bpv && { bit: bitPointer }) }
}

const ROWS: readonly Sense[] = Object.values(SENSE)

/** The row of the table, or for a code that it does not hold, one made up: other targets know other codes. */
function senseOf(key: number, asc: number, ascq: number): Sense {
  const same = (row: Sense) => row.asc === asc && row.ascq === ascq
  const exact = ROWS.find((row) => same(row) && row.key === key)
  return exact ?? { key, asc, ascq, text: ROWS.find(same)?.text ?? `ADDITIONAL SENSE CODE ${hex(asc)}h/${hex(ascq)}h` }
}

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, '0')

const PLACE = { cdb: 'the CDB', parameters: 'the parameter list', segment: 'the segment descriptor' }

/** One line for logs and the command line: `ILLEGAL REQUEST: INVALID FIELD IN CDB (05/24/00), byte 1 bit 4 of the CDB`. */
export function describeSense(data: SenseData): string {
  const { sense, information, commandSpecific, field, progress, deferred } = data
  const key = Object.entries(SENSE_KEY)
    .find(([, value]) => value === sense.key)?.[0]
    .replaceAll('_', ' ')
  return [
    `${deferred ? 'deferred ' : ''}${key}: ${sense.text} (${hex(sense.key)}/${hex(sense.asc)}/${hex(sense.ascq)})`,
    field && `byte ${field.byte}${field.bit === undefined ? '' : ` bit ${field.bit}`} of ${PLACE[field.in]}`,
    information !== undefined && `information ${information}`,
    commandSpecific !== undefined && `command-specific information ${commandSpecific}`,
    progress !== undefined && `${Math.floor((progress * 100) / 65536)}% done`,
  ]
    .filter(Boolean)
    .join(', ')
}
