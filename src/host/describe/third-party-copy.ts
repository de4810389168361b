// Third-Party Copy (8Fh, SPC-4 7.8.17), a section for each of its descriptors, as sg_vpd names their fields.

import { decodeThirdPartyCopy, type ThirdPartyCopy } from '../../../protocol/scsi/vpd/third-party-copy.ts'
import { commandName } from './command-names.ts'
import { type Field, fieldsOf, hexOf, type Names, type Row, type Section } from './section.ts'

/** Descriptor type codes (SPC-4 table 152). */
const DESCRIPTORS: Names = {
  ...{ 0: 'block -> stream', 1: 'stream -> block', 2: 'block -> block', 3: 'stream -> stream' },
  ...{ 4: 'inline -> stream', 5: 'embedded -> stream', 6: 'stream -> discard', 7: 'verify CSCD' },
  ...{ 8: 'block<o> -> stream', 9: 'stream -> block<o>', 10: 'block<o> -> block<o>' },
  ...{ 11: 'block -> stream & application_client', 12: 'stream -> block & application_client' },
  ...{ 13: 'block -> block & application_client', 14: 'stream -> stream & application_client' },
  ...{ 15: 'stream -> discard & application_client', 16: 'filemark -> tape', 17: 'space -> tape' },
  ...{ 18: 'locate -> tape', 19: 'tape image copy', 20: 'register persistent reservation key' },
  ...{ 21: 'third party persistent reservations source I_T nexus', 224: 'CSCD: FC N_Port_Name' },
  ...{
    225: 'CSCD: FC N_Port_ID',
    226: 'CSCD: FC N_Port_ID with N_Port_Name, checking',
    227: 'CSCD: Parallel interface: I_T',
  },
  ...{ 228: 'CSCD: Identification Descriptor', 229: 'CSCD: IPv4', 230: 'CSCD: Alias', 231: 'CSCD: RDMA' },
  ...{ 232: 'CSCD: IEEE 1394 EUI-64', 233: 'CSCD: SAS SSP', 234: 'CSCD: IPv6', 235: 'CSCD: IP copy service' },
  ...{ 254: 'CSCD: ROD', 255: 'CSCD: extension' },
}

export const copyDescriptorName = (type: number): string => DESCRIPTORS[type] ?? 'not known here'

const RODS: Names = {
  ...{ 0: 'copy manager internal', 65536: 'access upon reference' },
  ...{ 8388608: 'point in time copy - default', 8388609: 'point in time copy - change vulnerable' },
  ...{ 8388610: 'point in time copy - persistent', 8454143: 'point in time copy - any' },
  4294901761: 'block device zero',
}

const notReported = (value: number | bigint) => (Number(value) === 0 ? 'not reported' : undefined)

const ROD_LIMITS: readonly Row<ThirdPartyCopy['blockDeviceRodLimits']>[] = [
  ['maximumRangeDescriptors', 'Maximum range descriptors'],
  ['maximumInactivityTimeout', 'Maximum inactivity timeout', { unit: 's' }],
  ['defaultInactivityTimeout', 'Default inactivity timeout', { unit: 's' }],
  ['maximumTokenTransferSize', 'Maximum token transfer size', { unit: 'blocks', means: notReported }],
  ['optimalTransferCount', 'Optimal transfer count', { unit: 'blocks', means: notReported }],
]

const PARAMETERS: readonly Row<ThirdPartyCopy['parameterData']>[] = [
  ['maximumCscdDescriptorCount', 'Maximum CSCD descriptor count'],
  ['maximumSegmentDescriptorCount', 'Maximum segment descriptor count'],
  ['maximumDescriptorListLength', 'Maximum descriptor list length', { unit: 'bytes' }],
  ['maximumInlineDataLength', 'Maximum inline data length', { unit: 'bytes' }],
]

const ROD_FEATURES: readonly Row<ThirdPartyCopy['rodTokenFeatures']>[] = [
  ['remoteTokens', 'Remote tokens'],
  ['minimumTokenLifetime', 'Minimum token lifetime', { unit: 's' }],
  ['maximumTokenLifetime', 'Maximum token lifetime', { unit: 's' }],
  ['maximumTokenInactivityTimeout', 'Maximum token inactivity timeout', { unit: 's' }],
  ['optimalLengthGranularity', 'Optimal block ROD length granularity', { unit: 'blocks' }],
  ['maximumBytes', 'Maximum Bytes in block ROD', { unit: 'bytes' }],
  ['optimalBytes', 'Optimal Bytes in block ROD transfer', { unit: 'bytes' }],
  ['optimalBytesToTokenPerSegment', 'Optimal Bytes to token per segment', { unit: 'bytes' }],
  ['optimalBytesFromTokenPerSegment', 'Optimal Bytes from token per segment', { unit: 'bytes' }],
]

const ROD: readonly Row<ThirdPartyCopy['supportedRods'][number]>[] = [
  ['ecpyInt', 'Internal'],
  ['tokenIn', 'Token in'],
  ['tokenOut', 'Token out'],
  ['preferenceIndicator', 'Preference'],
]

const GENERAL: readonly Row<ThirdPartyCopy['generalCopyOperations']>[] = [
  ['totalConcurrentCopies', 'Total concurrent copies'],
  ['maximumIdentifiedConcurrentCopies', 'Maximum identified concurrent copies'],
  ['maximumSegmentLength', 'Maximum segment length', { unit: 'bytes' }],
  ['dataSegmentGranularity', 'Data segment granularity', { unit: 'bytes' }],
  ['inlineDataGranularity', 'Inline data granularity', { unit: 'bytes' }],
]

const HELD: readonly Row<ThirdPartyCopy['heldData']>[] = [
  ['heldDataLimit', 'Held data limit', { unit: 'bytes' }],
  ['heldDataGranularity', 'Held data granularity', { unit: 'bytes' }],
]

export function describeThirdPartyCopy(source: Buffer): Section[] {
  const page = decodeThirdPartyCopy(source)
  const section = <T>(title: string, values: T | undefined, describe: (values: T) => readonly Field[]): Section[] =>
    values === undefined ? [] : [{ title, fields: describe(values) }]
  return [
    ...section('Block Device ROD Token Limits', page.blockDeviceRodLimits, (limits) => fieldsOf(limits, ROD_LIMITS)),
    ...section('Supported commands', page.supportedCommands, (commands) => commands.flatMap(describeCommand)),
    ...section('Parameter data', page.parameterData, (parameters) => fieldsOf(parameters, PARAMETERS)),
    ...section('Supported descriptors', page.supportedDescriptors, (types) => types.map(describeDescriptor)),
    ...section('Supported CSCD IDs (above 0x7ff)', page.supportedCscdIds, (ids) => ids.map(describeCscdId)),
    ...section('ROD token features', page.rodTokenFeatures, (features) => fieldsOf(features, ROD_FEATURES)),
    ...(page.supportedRods ?? []).map((rod) => ({
      title: `ROD type ${hexOf(rod.rodType, 8)}h: ${RODS[rod.rodType] ?? 'not known here'}`,
      fields: fieldsOf(rod, ROD),
    })),
    ...section('General copy operations', page.generalCopyOperations, describeGeneral),
    ...section('Held data', page.heldData, describeHeld),
  ]
}

/** Granularities are sent as powers of two. */
const describeGeneral = (general: ThirdPartyCopy['generalCopyOperations']): Field[] =>
  fieldsOf(
    {
      ...general,
      dataSegmentGranularity: 2 ** general.dataSegmentGranularity,
      inlineDataGranularity: 2 ** general.inlineDataGranularity,
    },
    GENERAL,
  )

const describeHeld = (held: ThirdPartyCopy['heldData']): Field[] =>
  fieldsOf({ ...held, heldDataGranularity: 2 ** held.heldDataGranularity }, HELD)

const describeCommand = ({ opcode, serviceActions }: ThirdPartyCopy['supportedCommands'][number]): Field[] =>
  serviceActions.map((action) => ({
    name: `${hexOf(opcode, 2)}h/${hexOf(action, 2)}h`,
    value: commandName(opcode, action) ?? 'not known here',
  }))

const describeDescriptor = (type: number): Field => ({ name: `${hexOf(type, 2)}h`, value: copyDescriptorName(type) })

/** FFFFh is the logical unit that gets the command (SPC-4 table 151). */
const describeCscdId = (id: number): Field => ({
  name: `${hexOf(id, 4)}h`,
  value: id === 0xffff ? 'copy src or dst is copy manager LU' : 'not known here',
})
