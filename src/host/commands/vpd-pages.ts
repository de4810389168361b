// The vital product data pages that are read as values, one row each (SPC-4 7.8, SBC-3 6.5).

import { BLOCK_DEVICE_CHARACTERISTICS } from '../../../protocol/scsi/vpd/block-device-characteristics.ts'
import { BLOCK_LIMITS } from '../../../protocol/scsi/vpd/block-limits.ts'
import { decodeDeviceIdentification } from '../../../protocol/scsi/vpd/device-identification.ts'
import { EXTENDED_INQUIRY } from '../../../protocol/scsi/vpd/extended-inquiry.ts'
import { decodeLogicalBlockProvisioning } from '../../../protocol/scsi/vpd/logical-block-provisioning.ts'
import { decodeManagementNetworkAddresses } from '../../../protocol/scsi/vpd/management-network-addresses.ts'
import { decodeModePagePolicies } from '../../../protocol/scsi/vpd/mode-page-policy.ts'
import { decodeVpdPage, VPD_PAGE } from '../../../protocol/scsi/vpd/page.ts'
import { decodeScsiPorts } from '../../../protocol/scsi/vpd/scsi-ports.ts'
import { decodeSupportedPages } from '../../../protocol/scsi/vpd/supported-pages.ts'
import { decodeThirdPartyCopy } from '../../../protocol/scsi/vpd/third-party-copy.ts'
import { decodeUnitSerialNumber } from '../../../protocol/scsi/vpd/unit-serial-number.ts'
import { vpd } from './identity.ts'
import type { Request } from './request.ts'

const PAGES = {
  supportedPages: { code: VPD_PAGE.SUPPORTED_PAGES, decode: decodeSupportedPages },
  unitSerialNumber: { code: VPD_PAGE.UNIT_SERIAL_NUMBER, decode: decodeUnitSerialNumber },
  deviceIdentification: { code: VPD_PAGE.DEVICE_IDENTIFICATION, decode: decodeDeviceIdentification },
  managementNetworkAddresses: { code: VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES, decode: decodeManagementNetworkAddresses },
  extendedInquiry: {
    code: VPD_PAGE.EXTENDED_INQUIRY,
    decode: (page: Buffer) => decodeVpdPage(EXTENDED_INQUIRY, page),
  },
  modePagePolicy: { code: VPD_PAGE.MODE_PAGE_POLICY, decode: decodeModePagePolicies },
  scsiPorts: { code: VPD_PAGE.SCSI_PORTS, decode: decodeScsiPorts },
  thirdPartyCopy: { code: VPD_PAGE.THIRD_PARTY_COPY, decode: decodeThirdPartyCopy },
  blockLimits: { code: VPD_PAGE.BLOCK_LIMITS, decode: (page: Buffer) => decodeVpdPage(BLOCK_LIMITS, page) },
  blockDeviceCharacteristics: {
    code: VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS,
    decode: (page: Buffer) => decodeVpdPage(BLOCK_DEVICE_CHARACTERISTICS, page),
  },
  logicalBlockProvisioning: {
    code: VPD_PAGE.LOGICAL_BLOCK_PROVISIONING,
    decode: decodeLogicalBlockProvisioning,
  },
} as const

export type VpdPageName = keyof typeof PAGES
export type VpdPage<N extends VpdPageName> = ReturnType<(typeof PAGES)[N]['decode']>

export const vpdPage = <N extends VpdPageName>(name: N): Request<VpdPage<N>> => {
  const { code, decode } = PAGES[name]
  return vpd(code, decode as (page: Buffer) => VpdPage<N>)
}
