// Third-Party Copy (8Fh, SPC-4 7.8.17): a list of descriptors that say which third-party copy commands there are, what their
// parameter lists may hold, and how long ROD tokens live.

import { WireError } from '../../wire/error.ts'
import { bits, flag, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { type Decoded, layout } from '../../wire/layout.ts'
import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

/** THIRD-PARTY COPY DESCRIPTOR TYPE, in the order in which they stand in the page. */
const TYPE = {
  BLOCK_DEVICE_ROD_LIMITS: 0x0000,
  SUPPORTED_COMMANDS: 0x0001,
  PARAMETER_DATA: 0x0004,
  SUPPORTED_DESCRIPTORS: 0x0008,
  SUPPORTED_CSCD_IDS: 0x000c,
  ROD_TOKEN_FEATURES: 0x0106,
  SUPPORTED_RODS: 0x0108,
  GENERAL_COPY_OPERATIONS: 0x8001,
  HELD_DATA: 0xc001,
} as const

const HEADER = layout('third-party copy descriptor', 'SPC-4 7.8.17.2', 4, [u16('type'), u16('length')])

const ROD_LIMITS = layout('block device ROD limits', 'SBC-3 6.5.7', 32, [
  reserved(48), // vendor specific
  u16('maximumRangeDescriptors'), // 6-7
  u32('maximumInactivityTimeout'), // s
  u32('defaultInactivityTimeout'),
  u64('maximumTokenTransferSize'), // 16-23, blocks; zero is no limit
  u64('optimalTransferCount'),
])

const PARAMETER_DATA = layout('parameter data', 'SPC-4 7.8.17.5', 28, [
  reserved(32),
  u16('maximumCscdDescriptorCount'),
  u16('maximumSegmentDescriptorCount'), // 6-7
  u32('maximumDescriptorListLength'),
  u32('maximumInlineDataLength'), // 12-15
  reserved(96),
])

const ROD_FEATURES = layout('ROD token features', 'SPC-4 7.8.17.8', 92, [
  reserved(4),
  bits(4, 'remoteTokens'), // 0
  reserved(88),
  u32('minimumTokenLifetime'), // 12-15, s
  u32('maximumTokenLifetime'),
  u32('maximumTokenInactivityTimeout'), // 20-23
  reserved(144),
  u16('deviceTypeSpecificLength'), // 42-43
  reserved(4),
  bits(4, 'deviceType'), // 44
  reserved(8),
  u16('blockDeviceLength'), // 46-47
  reserved(16),
  u16('optimalLengthGranularity'), // 50-51, blocks
  u64('maximumBytes'),
  u64('optimalBytes'), // 60-67
  u64('optimalBytesToTokenPerSegment'),
  u64('optimalBytesFromTokenPerSegment'), // 76-83
  reserved(64),
])

/** What the features of a block device say of their own lengths and kind. */
const BLOCK_DEVICE_FEATURES = { deviceTypeSpecificLength: 48, deviceType: 0, blockDeviceLength: 0x2c } as const

const RODS_HEADER = layout('supported ROD token and ROD types', 'SPC-4 7.8.17.9', 4, [reserved(16), u16('length')])

const ROD = layout('ROD type descriptor', 'SPC-4 7.8.17.9', 64, [
  u32('rodType'),
  flag('ecpyInt'),
  reserved(5),
  flag('tokenIn'),
  flag('tokenOut'), // 4
  reserved(8),
  u16('preferenceIndicator'), // 6-7
  reserved(448),
])

const GENERAL = layout('general copy operations', 'SPC-4 7.8.17.10', 32, [
  u32('totalConcurrentCopies'),
  u32('maximumIdentifiedConcurrentCopies'), // 4-7
  u32('maximumSegmentLength'),
  u8('dataSegmentGranularity'), // 12, log2 of bytes
  u8('inlineDataGranularity'),
  reserved(144),
])

const HELD = layout('held data', 'SPC-4 7.8.17.12', 28, [
  u32('heldDataLimit'),
  u8('heldDataGranularity'),
  reserved(184),
])

export interface SupportedThirdPartyCommand {
  readonly opcode: number
  readonly serviceActions: readonly number[]
}

export interface ThirdPartyCopy {
  readonly blockDeviceRodLimits: Decoded<typeof ROD_LIMITS>
  readonly supportedCommands: readonly SupportedThirdPartyCommand[]
  readonly parameterData: Decoded<typeof PARAMETER_DATA>
  readonly supportedDescriptors: readonly number[]
  /** Indexes of CSCDs that no descriptor of the list has. */
  readonly supportedCscdIds: readonly number[]
  readonly rodTokenFeatures: Omit<Decoded<typeof ROD_FEATURES>, keyof typeof BLOCK_DEVICE_FEATURES>
  readonly supportedRods: readonly Decoded<typeof ROD>[]
  readonly generalCopyOperations: Decoded<typeof GENERAL>
  readonly heldData: Decoded<typeof HELD>
}

export function encodeThirdPartyCopy(page: ThirdPartyCopy): Buffer {
  const rods = page.supportedRods.map((rod) => ROD.encode(rod))
  const bodies: [number, Buffer][] = [
    [TYPE.BLOCK_DEVICE_ROD_LIMITS, ROD_LIMITS.encode(page.blockDeviceRodLimits)],
    [TYPE.SUPPORTED_COMMANDS, shortList(page.supportedCommands.flatMap(commandBytes))],
    [TYPE.PARAMETER_DATA, PARAMETER_DATA.encode(page.parameterData)],
    [TYPE.SUPPORTED_DESCRIPTORS, shortList(page.supportedDescriptors)],
    [TYPE.SUPPORTED_CSCD_IDS, cscdIds(page.supportedCscdIds)],
    [TYPE.ROD_TOKEN_FEATURES, ROD_FEATURES.encode({ ...page.rodTokenFeatures, ...BLOCK_DEVICE_FEATURES })],
    [TYPE.SUPPORTED_RODS, Buffer.concat([RODS_HEADER.encode({ length: ROD.size * rods.length }), ...rods])],
    [TYPE.GENERAL_COPY_OPERATIONS, GENERAL.encode(page.generalCopyOperations)],
    [TYPE.HELD_DATA, HELD.encode(page.heldData)],
  ]
  return encodeVpdPage(VPD_PAGE.THIRD_PARTY_COPY, Buffer.concat(bodies.map(([type, body]) => descriptor(type, body))))
}

/** Its length is a multiple of four (SPC-4 7.8.17.2). */
function descriptor(type: number, body: Buffer): Buffer {
  const padding = Buffer.alloc(-body.length & 3)
  return Buffer.concat([HEADER.encode({ type, length: body.length + padding.length }), body, padding])
}

const shortList = (codes: readonly number[]): Buffer => Buffer.from([codes.length, ...codes])

const commandBytes = ({ opcode, serviceActions }: SupportedThirdPartyCommand): number[] => [
  opcode,
  serviceActions.length,
  ...serviceActions,
]

const cscdIds = (ids: readonly number[]): Buffer =>
  Buffer.from([0, 2 * ids.length, ...ids.flatMap((id) => [id >> 8, id & 0xff])])

/** The descriptors that a page holds; one that is not known here is passed over. Throws a WireError when one is cut. */
export function decodeThirdPartyCopy(source: Buffer): Partial<ThirdPartyCopy> {
  const body = vpdBody(VPD_PAGE.THIRD_PARTY_COPY, source)
  const page: Record<string, unknown> = {}
  for (let at = 0; at < body.length; ) {
    const { type, length } = HEADER.decode(body, at)
    const start = at + HEADER.size
    if (start + length > body.length)
      throw new WireError(HEADER.name, 'length', at + 2, 'truncated', `${body.length - start} of ${length} bytes`)
    Object.assign(page, DECODERS[type]?.(body.subarray(start, start + length)))
    at = start + length
  }
  return page
}

const DECODERS: Readonly<Record<number, (body: Buffer) => Partial<ThirdPartyCopy>>> = {
  [TYPE.BLOCK_DEVICE_ROD_LIMITS]: (body) => ({ blockDeviceRodLimits: ROD_LIMITS.decode(body) }),
  [TYPE.SUPPORTED_COMMANDS]: (body) => ({ supportedCommands: decodeCommands(listed(body)) }),
  [TYPE.PARAMETER_DATA]: (body) => ({ parameterData: PARAMETER_DATA.decode(body) }),
  [TYPE.SUPPORTED_DESCRIPTORS]: (body) => ({ supportedDescriptors: [...listed(body)] }),
  [TYPE.SUPPORTED_CSCD_IDS]: (body) => ({ supportedCscdIds: decodeCscdIds(body) }),
  [TYPE.ROD_TOKEN_FEATURES]: (body) => ({ rodTokenFeatures: decodeFeatures(body) }),
  [TYPE.SUPPORTED_RODS]: (body) => ({ supportedRods: decodeRods(body) }),
  [TYPE.GENERAL_COPY_OPERATIONS]: (body) => ({ generalCopyOperations: GENERAL.decode(body) }),
  [TYPE.HELD_DATA]: (body) => ({ heldData: HELD.decode(body) }),
}

/** What follows a length of one byte. */
function listed(body: Buffer): Buffer {
  const length = body[0]
  if (length === undefined || 1 + length > body.length) throw new WireError(HEADER.name, 'list length', 4, 'truncated')
  return body.subarray(1, 1 + length)
}

function decodeCommands(list: Buffer): SupportedThirdPartyCommand[] {
  const commands: SupportedThirdPartyCommand[] = []
  for (let at = 0; at < list.length; ) {
    const count = list[at + 1]
    if (count === undefined || at + 2 + count > list.length)
      throw new WireError(HEADER.name, 'service action list length', 5 + at, 'truncated')
    commands.push({ opcode: list[at]!, serviceActions: [...list.subarray(at + 2, at + 2 + count)] })
    at += 2 + count
  }
  return commands
}

function decodeCscdIds(body: Buffer): number[] {
  const length = body.length < 2 ? -1 : body.readUInt16BE(0)
  if (length < 0 || length % 2 !== 0 || 2 + length > body.length)
    throw new WireError(HEADER.name, 'CSCD descriptor IDs list length', 4, 'bad length')
  return Array.from({ length: length / 2 }, (_, index) => body.readUInt16BE(2 + 2 * index))
}

function decodeFeatures(body: Buffer): ThirdPartyCopy['rodTokenFeatures'] {
  const { deviceTypeSpecificLength: _, deviceType: __, blockDeviceLength: ___, ...features } = ROD_FEATURES.decode(body)
  return features
}

function decodeRods(body: Buffer): Decoded<typeof ROD>[] {
  const { length } = RODS_HEADER.decode(body)
  const rods: Decoded<typeof ROD>[] = []
  for (let at = RODS_HEADER.size; at < RODS_HEADER.size + length; at += ROD.size) rods.push(ROD.decode(body, at))
  return rods
}
