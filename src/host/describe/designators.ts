// Designation descriptors (SPC-4 7.8.6), a section each, as sg_vpd names their fields.

import { ASSOCIATION, CODE_SET, DESIGNATOR_TYPE, type Designator } from '../../../protocol/scsi/designator.ts'
import { type Field, hexOf, type Names, type Section } from './section.ts'

export const ASSOCIATIONS: Names = {
  [ASSOCIATION.LOGICAL_UNIT]: 'Addressed logical unit',
  [ASSOCIATION.TARGET_PORT]: 'Target port',
  [ASSOCIATION.TARGET_DEVICE]: 'Target device that contains addressed lu',
}

const CODE_SETS: Names = { [CODE_SET.BINARY]: 'Binary', [CODE_SET.ASCII]: 'ASCII', [CODE_SET.UTF8]: 'UTF-8' }

const TYPES: Names = {
  [DESIGNATOR_TYPE.VENDOR_SPECIFIC]: 'vendor specific [0x0]',
  [DESIGNATOR_TYPE.T10_VENDOR_ID]: 'T10 vendor identification',
  [DESIGNATOR_TYPE.EUI_64]: 'EUI-64 based',
  [DESIGNATOR_TYPE.NAA]: 'NAA',
  [DESIGNATOR_TYPE.RELATIVE_TARGET_PORT]: 'Relative target port',
  [DESIGNATOR_TYPE.TARGET_PORT_GROUP]: 'Target port group',
  [DESIGNATOR_TYPE.LOGICAL_UNIT_GROUP]: 'Logical unit group',
  7: 'MD5 logical unit identifier',
  [DESIGNATOR_TYPE.SCSI_NAME]: 'SCSI name string',
  9: 'Protocol specific port identifier',
  10: 'UUID identifier',
}

const TRANSPORTS: Names = {
  0: 'Fibre Channel Protocol for SCSI (FCP-4)',
  1: 'SCSI Parallel Interface (SPI-5)',
  4: 'SCSI RDMA Protocol (SRP)',
  5: 'Internet SCSI (iSCSI)',
  6: 'Serial Attached SCSI Protocol (SPL-4)',
  9: 'USB Attached SCSI (UAS-2)',
}

const VENDOR_BYTES = 8
const trimmed = (value: Buffer): string => value.toString('latin1').replace(/[\0 ]+$/, '')
const identifier = (value: Buffer): Field[] => [{ name: 'identifier', value: `0x${value.toString('hex')}` }]

/** Numbers of ports and groups stand in the last two of four bytes. */
const numbered =
  (name: string) =>
  (value: Buffer): Field[] =>
    value.length === 4 ? [{ name, value: value.readUInt16BE(2) }] : identifier(value)

const VALUES: Readonly<Record<number, (value: Buffer) => Field[]>> = {
  [DESIGNATOR_TYPE.T10_VENDOR_ID]: (value) => [
    { name: 'vendor id', value: trimmed(value.subarray(0, VENDOR_BYTES)) },
    { name: 'vendor specific', value: trimmed(value.subarray(VENDOR_BYTES)) },
  ],
  [DESIGNATOR_TYPE.RELATIVE_TARGET_PORT]: numbered('Relative target port'),
  [DESIGNATOR_TYPE.TARGET_PORT_GROUP]: numbered('Target port group'),
  [DESIGNATOR_TYPE.LOGICAL_UNIT_GROUP]: numbered('Logical unit group'),
  [DESIGNATOR_TYPE.SCSI_NAME]: (value) => [
    { name: 'SCSI name string', value: value.toString('utf8').replace(/\0+$/, '') },
  ],
}

/** `of` says what has the name, where it is not the association that does. */
export function describeDesignator({ association, codeSet, type, value, protocol }: Designator, of?: string): Section {
  return {
    title: of ?? ASSOCIATIONS[association] ?? `association ${association}`,
    fields: [
      { name: 'designator type', value: TYPES[type] ?? `reserved [0x${hexOf(type, 1)}]` },
      { name: 'code set', value: CODE_SETS[codeSet] ?? `reserved [0x${hexOf(codeSet, 1)}]` },
      ...(protocol === undefined
        ? []
        : [{ name: 'transport', value: TRANSPORTS[protocol] ?? `protocol identifier ${hexOf(protocol, 1)}h` }]),
      ...(VALUES[type] ?? identifier)(value),
    ],
  }
}
