// Standard INQUIRY data (SPC-4 6.6.2), field by field as sg_inq names them; obsolete ones too, which other standards' devices set.

import type { StandardInquiry } from '../../../protocol/scsi/inquiry.ts'
import { type Field, fieldsOf, hexOf, type Names, type Row, type Section } from './section.ts'

/** PERIPHERAL DEVICE TYPE (SPC-4 table 140). */
const DEVICE_TYPES: Names = {
  0: 'disk',
  1: 'tape',
  3: 'processor',
  5: 'cd/dvd',
  7: 'optical memory',
  8: 'medium changer',
  12: 'storage array controller',
  13: 'enclosure services',
  14: 'simplified direct access',
  17: 'object based storage',
  18: 'automation/drive interface',
  20: 'host managed zoned block',
  30: 'well known logical unit',
  31: 'no physical device',
}

export const deviceTypeName = (type: number): string => DEVICE_TYPES[type] ?? `device type ${hexOf(type, 2)}h`

const QUALIFIERS: Names = { 0: 'connected', 1: 'not connected', 3: 'no logical unit here' }
const VERSIONS: Names = { 2: 'SCSI-2', 3: 'SPC', 4: 'SPC-2', 5: 'SPC-3', 6: 'SPC-4', 7: 'SPC-5', 8: 'SPC-6' }
const TPGS: Names = { 0: 'no ALUA', 1: 'implicit ALUA', 2: 'explicit ALUA', 3: 'implicit and explicit ALUA' }

const ROWS: readonly Row<StandardInquiry>[] = [
  ['peripheralQualifier', 'PQual', { names: QUALIFIERS }],
  ['peripheralDeviceType', 'PDT', { means: deviceTypeName }],
  ['rmb', 'RMB'],
  ['luCong', 'LU_CONG'],
  ['hotPluggable', 'hot_pluggable'],
  ['version', 'version', { names: VERSIONS }],
  ['aerc', 'AERC'],
  ['trmTsk', 'TrmTsk'],
  ['normAca', 'NormACA'],
  ['hiSup', 'HiSUP'],
  ['responseDataFormat', 'Resp_data_format'],
  ['sccs', 'SCCS'],
  ['acc', 'ACC'],
  ['tpgs', 'TPGS', { names: TPGS }],
  ['threePc', '3PC'],
  ['protect', 'Protect'],
  ['bQue', 'BQue'],
  ['encServ', 'EncServ'],
  ['multiP', 'MultiP'],
  ['mChngr', 'MChngr'],
  ['ackReqQ', 'ACKREQQ'],
  ['addr16', 'Addr16'],
  ['relAdr', 'RelAdr'],
  ['wBus16', 'WBus16'],
  ['sync', 'Sync'],
  ['linked', 'Linked'],
  ['tranDis', 'TranDis'],
  ['cmdQue', 'CmdQue'],
  ['clocking', 'Clocking'],
  ['qas', 'QAS'],
  ['ius', 'IUS'],
  ['vendor', 'Vendor identification'],
  ['product', 'Product identification'],
  ['revision', 'Product revision level'],
]

/** Each standard has 32 version descriptors, the first for "no version claimed" (SPC-4 table 149). */
const VERSIONS_OF_A_STANDARD = 32
const STANDARDS: Names = {
  ...{ 32: 'SAM', 64: 'SAM-2', 96: 'SAM-3', 128: 'SAM-4', 160: 'SAM-5', 192: 'SAM-6' },
  ...{ 288: 'SPC', 608: 'SPC-2', 768: 'SPC-3', 1120: 'SPC-4', 1472: 'SPC-5' },
  ...{ 384: 'SBC', 800: 'SBC-2', 1216: 'SBC-3', 1536: 'SBC-4', 1568: 'ZBC', 1632: 'ZBC-2' },
  ...{ 2240: 'FCP', 2304: 'FCP-2', 2560: 'FCP-3', 2624: 'FCP-4', 2368: 'SRP', 2400: 'iSCSI', 2464: 'SRP-2' },
  ...{ 3040: 'SAS', 3072: 'SAS-1.1', 3104: 'SAS-2', 3136: 'SAS-2.1', 3168: 'SAS-3', 3200: 'SAS-4' },
  ...{ 5952: 'UAS', 6016: 'UAS-2', 7840: 'SAT', 7872: 'SAT-2', 7904: 'SAT-3', 7936: 'SAT-4' },
  ...{ 8352: 'SPL', 8384: 'SPL-2', 8416: 'SPL-3' },
}

function versionField(descriptor: number, index: number): Field {
  const base = descriptor - (descriptor % VERSIONS_OF_A_STANDARD)
  const standard = STANDARDS[base]
  const claimed = descriptor === base ? ' (no version claimed)' : ''
  const name = `Version descriptor ${index + 1}`
  const code = `${hexOf(descriptor, 4)}h`
  return standard ? { name, value: `${standard}${claimed}`, meaning: code } : { name, value: code }
}

/** `serial` is what VPD page 80h tells, where the logical unit has it. */
export function describeInquiry(inquiry: StandardInquiry, serial: string | undefined): Section {
  return {
    fields: [
      ...fieldsOf(inquiry, ROWS),
      ...(serial === undefined ? [] : [{ name: 'Unit serial number', value: serial }]),
      ...inquiry.versionDescriptors.map(versionField),
    ],
  }
}
