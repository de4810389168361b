// The vital product data pages (SPC-4 7.8, SBC-4 6.6): a row each, with sg_vpd's acronym for it and, where its layout is known
// here, its fields as sg_vpd names them. A page without a row, or one that its device sent broken, is bytes.

import { decodeDeviceIdentification } from '../../../protocol/scsi/vpd/device-identification.ts'
import { EXTENDED_INQUIRY } from '../../../protocol/scsi/vpd/extended-inquiry.ts'
import { decodeManagementNetworkAddresses } from '../../../protocol/scsi/vpd/management-network-addresses.ts'
import { decodeModePagePolicies, MODE_PAGE_POLICY } from '../../../protocol/scsi/vpd/mode-page-policy.ts'
import { decodeVpdPage, VPD_PAGE } from '../../../protocol/scsi/vpd/page.ts'
import { decodeScsiPorts } from '../../../protocol/scsi/vpd/scsi-ports.ts'
import { decodeSupportedPages } from '../../../protocol/scsi/vpd/supported-pages.ts'
import { decodeUnitSerialNumber } from '../../../protocol/scsi/vpd/unit-serial-number.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { describeBlockDeviceCharacteristics, describeBlockLimits, describeProvisioning } from './block-pages.ts'
import { ASSOCIATIONS, describeDesignator } from './designators.ts'
import { EXTENDED_INQUIRY_ROWS } from './extended-inquiry.ts'
import { fieldsOf, hexOf, type Names, type Section } from './section.ts'
import { describeThirdPartyCopy } from './third-party-copy.ts'

interface PageRow {
  readonly acronym: string
  readonly name: string
  /** Throws a WireError for a page that its layout does not fit. */
  readonly describe?: (page: Buffer) => Section[]
}

export interface DescribedPage {
  readonly code: number
  readonly acronym?: string
  readonly name: string
  /** None where only its bytes are known. */
  readonly sections: readonly Section[]
  /** Why a page whose layout is known could not be read. */
  readonly problem?: string
}

const POLICIES: Names = {
  [MODE_PAGE_POLICY.SHARED]: 'shared',
  [MODE_PAGE_POLICY.PER_TARGET_PORT]: 'per target port',
  [MODE_PAGE_POLICY.PER_I_T_NEXUS]: 'per I_T nexus',
}

const SERVICES: Names = {
  0: 'unspecified',
  1: 'storage configuration service',
  2: 'diagnostics',
  3: 'status',
  4: 'logging',
  5: 'code download',
  6: 'copy service',
  7: 'administrative configuration service',
}

const PAGES: Readonly<Record<number, PageRow>> = {
  [VPD_PAGE.SUPPORTED_PAGES]: { acronym: 'sv', name: 'Supported VPD pages', describe: describeSupportedPages },
  [VPD_PAGE.UNIT_SERIAL_NUMBER]: {
    acronym: 'sn',
    name: 'Unit serial number',
    describe: (page) => [{ fields: [{ name: 'Unit serial number', value: decodeUnitSerialNumber(page) }] }],
  },
  [VPD_PAGE.DEVICE_IDENTIFICATION]: {
    acronym: 'di',
    name: 'Device identification',
    describe: (page) => decodeDeviceIdentification(page).map((designator) => describeDesignator(designator)),
  },
  132: { acronym: 'sii', name: 'Software interface identification' },
  [VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES]: {
    acronym: 'mna',
    name: 'Management network addresses',
    describe: describeAddresses,
  },
  [VPD_PAGE.EXTENDED_INQUIRY]: {
    acronym: 'ei',
    name: 'Extended inquiry data',
    describe: (page) => [{ fields: fieldsOf(decodeVpdPage(EXTENDED_INQUIRY, page), EXTENDED_INQUIRY_ROWS) }],
  },
  [VPD_PAGE.MODE_PAGE_POLICY]: { acronym: 'mpp', name: 'Mode page policy', describe: describePolicies },
  [VPD_PAGE.SCSI_PORTS]: { acronym: 'sp', name: 'SCSI ports', describe: describePorts },
  137: { acronym: 'ai', name: 'ATA information' },
  138: { acronym: 'pc', name: 'Power condition' },
  139: { acronym: 'dc', name: 'Device constituents' },
  141: { acronym: 'psm', name: 'Power consumption' },
  [VPD_PAGE.THIRD_PARTY_COPY]: { acronym: 'tpc', name: 'Third party copy', describe: describeThirdPartyCopy },
  144: { acronym: 'pslu', name: 'Protocol-specific logical unit information' },
  145: { acronym: 'pspo', name: 'Protocol-specific port information' },
  146: { acronym: 'sfs', name: 'SCSI feature sets' },
  [VPD_PAGE.BLOCK_LIMITS]: { acronym: 'bl', name: 'Block limits', describe: describeBlockLimits },
  [VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS]: {
    acronym: 'bdc',
    name: 'Block device characteristics',
    describe: describeBlockDeviceCharacteristics,
  },
  [VPD_PAGE.LOGICAL_BLOCK_PROVISIONING]: {
    acronym: 'lbpv',
    name: 'Logical block provisioning',
    describe: describeProvisioning,
  },
  179: { acronym: 'ref', name: 'Referrals' },
  180: { acronym: 'sbl', name: 'Supported block lengths and protection types' },
  181: { acronym: 'bdce', name: 'Block device characteristics extension' },
  182: { acronym: 'zbdch', name: 'Zoned block device characteristics' },
  183: { acronym: 'ble', name: 'Block limits extension' },
  184: { acronym: 'fp', name: 'Format presets' },
  185: { acronym: 'cpr', name: 'Concurrent positioning ranges' },
}

const FIRST_VENDOR_SPECIFIC = 0xc0

export const pageName = (code: number): string =>
  PAGES[code]?.name ?? (code >= FIRST_VENDOR_SPECIFIC ? 'Vendor specific' : 'Page that is not known here')

/** The acronyms and their pages, by page code. */
export const PAGE_ACRONYMS: ReadonlyMap<string, number> = new Map(
  Object.entries(PAGES).map(([code, { acronym }]) => [acronym, Number(code)]),
)

/** A page as its device sent it, header and all. Never throws. */
export function describePage(code: number, page: Buffer): DescribedPage {
  const row = PAGES[code]
  const known = { code, name: pageName(code), ...(row && { acronym: row.acronym }) }
  try {
    return { ...known, sections: row?.describe?.(page) ?? [] }
  } catch (error) {
    if (error instanceof WireError) return { ...known, sections: [], problem: error.message }
    throw error
  }
}

function describeSupportedPages(page: Buffer): Section[] {
  const codes = [...new Set(decodeSupportedPages(page))]
  return [
    {
      fields: codes.map((code) => {
        const acronym = PAGES[code]?.acronym
        return { name: `${hexOf(code, 2)}h`, value: pageName(code), ...(acronym && { meaning: acronym }) }
      }),
    },
  ]
}

function describeAddresses(page: Buffer): Section[] {
  return decodeManagementNetworkAddresses(page).map(({ association, serviceType, address }) => ({
    title: ASSOCIATIONS[association] ?? `association ${association}`,
    fields: [
      { name: 'Service type', value: SERVICES[serviceType] ?? `reserved [0x${hexOf(serviceType, 2)}]` },
      { name: 'Network address', value: address },
    ],
  }))
}

function describePolicies(page: Buffer): Section[] {
  return decodeModePagePolicies(page).map(({ pageCode, subpageCode, mlus, policy }) => ({
    title: `Mode page ${hexOf(pageCode, 2)}h, subpage ${hexOf(subpageCode, 2)}h`,
    fields: [
      { name: 'Policy page code', value: pageCode, meaning: `${hexOf(pageCode, 2)}h` },
      { name: 'subpage code', value: subpageCode, meaning: `${hexOf(subpageCode, 2)}h` },
      { name: 'MLUS', value: Number(mlus) },
      { name: 'Policy', value: POLICIES[policy] ?? 'reserved' },
    ],
  }))
}

function describePorts(page: Buffer): Section[] {
  return decodeScsiPorts(page).flatMap(({ relativePort, designators }) => [
    { title: `Relative port ${relativePort}`, fields: [{ name: 'Relative port', value: relativePort }] },
    ...designators.map((designator) => describeDesignator(designator, `Relative port ${relativePort}, target port`)),
  ])
}
