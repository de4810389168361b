// The vital product data pages of a logical unit (SPC-4 7.8, SBC-3 6.5): one row each. The limits told here are the object
// that the checks read, so that what is advertised is what is accepted.

import {
  ASSOCIATION,
  type Designator,
  naa,
  relativeTargetPort,
  scsiName,
  t10VendorId,
  targetPortGroup,
} from '../../protocol/scsi/designator.ts'
import { ALL_PAGES, ALL_SUBPAGES } from '../../protocol/scsi/mode/page.ts'
import {
  BLOCK_DEVICE_CHARACTERISTICS,
  NON_ROTATING,
  READS_AFTER_ERASE,
} from '../../protocol/scsi/vpd/block-device-characteristics.ts'
import { BLOCK_LIMITS } from '../../protocol/scsi/vpd/block-limits.ts'
import { encodeDeviceIdentification } from '../../protocol/scsi/vpd/device-identification.ts'
import { EXTENDED_INQUIRY } from '../../protocol/scsi/vpd/extended-inquiry.ts'
import {
  encodeLogicalBlockProvisioning,
  LBPRZ_ZEROES,
  PROVISIONING_TYPE,
} from '../../protocol/scsi/vpd/logical-block-provisioning.ts'
import { encodeManagementNetworkAddresses } from '../../protocol/scsi/vpd/management-network-addresses.ts'
import { encodeModePagePolicies, MODE_PAGE_POLICY } from '../../protocol/scsi/vpd/mode-page-policy.ts'
import { VPD_PAGE } from '../../protocol/scsi/vpd/page.ts'
import { encodeScsiPorts } from '../../protocol/scsi/vpd/scsi-ports.ts'
import { encodeUnitSerialNumber } from '../../protocol/scsi/vpd/unit-serial-number.ts'
import { thirdPartyCopy } from './copy-parameters.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { type Nexus, targetPortName } from './nexus.ts'
import type { Target } from './target.ts'

type Page = (lu: LogicalUnit, nexus: Nexus, target: Target) => Buffer

/** The transfer that suits the data path best: one Data-In PDU. */
const OPTIMAL_TRANSFER_BYTES = 256 * 1024

export const VPD_PAGES: ReadonlyMap<number, Page> = new Map<number, Page>([
  [VPD_PAGE.UNIT_SERIAL_NUMBER, (lu) => encodeUnitSerialNumber(lu.identity.serial)],
  [VPD_PAGE.DEVICE_IDENTIFICATION, deviceIdentification],
  [VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES, encodeManagementNetworkAddresses],
  [VPD_PAGE.EXTENDED_INQUIRY, extendedInquiry],
  [
    VPD_PAGE.MODE_PAGE_POLICY,
    () => encodeModePagePolicies([{ pageCode: ALL_PAGES, subpageCode: ALL_SUBPAGES, policy: MODE_PAGE_POLICY.SHARED }]),
  ],
  [VPD_PAGE.SCSI_PORTS, scsiPorts],
  [VPD_PAGE.THIRD_PARTY_COPY, (lu, _, target) => thirdPartyCopy(lu, target)],
  [VPD_PAGE.BLOCK_LIMITS, blockLimits],
  [
    VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS,
    (lu) =>
      BLOCK_DEVICE_CHARACTERISTICS.encode({
        mediumRotationRate: NON_ROTATING,
        wabereq: lu.thin ? READS_AFTER_ERASE : 0, // a thick one has no block erase
        wacereq: READS_AFTER_ERASE,
      }),
  ],
  [VPD_PAGE.LOGICAL_BLOCK_PROVISIONING, logicalBlockProvisioning],
])

/** Which logical units have a page, where not all do. */
const OFFERED: Readonly<Record<number, (lu: LogicalUnit) => boolean>> = {
  [VPD_PAGE.THIRD_PARTY_COPY]: (lu) => lu.vaai.clone,
}

/** The codes of the pages that the logical unit has. */
export const vpdPagesOf = (lu: LogicalUnit): number[] =>
  [...VPD_PAGES.keys()].filter((code) => OFFERED[code]?.(lu) ?? true)

/** The names of the logical unit itself: EXTENDED COPY finds it by any of them. */
export function unitDesignators(lu: LogicalUnit): Designator[] {
  const { vendor, product, serial } = lu.identity
  return [t10VendorId(vendor, `${product.padEnd(16)}${serial}`), naa(Buffer.from(lu.identity.naa, 'hex'))]
}

function deviceIdentification(lu: LogicalUnit, nexus: Nexus, target: Target): Buffer {
  return encodeDeviceIdentification([
    ...unitDesignators(lu),
    relativeTargetPort(nexus.targetPortGroupTag),
    targetPortGroup(nexus.targetPortGroupTag),
    scsiName(nexus.targetPort, ASSOCIATION.TARGET_PORT),
    scsiName(target.iqn, ASSOCIATION.TARGET_DEVICE),
  ])
}

/** All task attributes; a cache that loses its content with the power; unit attentions are cleared as SPC-4 has it (LUICLR). */
function extendedInquiry(): Buffer {
  return EXTENDED_INQUIRY.encode({ headSup: true, ordSup: true, simpSup: true, vSup: true, luiClr: true })
}

/** Every port of the target, whichever one was asked. */
function scsiPorts(_lu: LogicalUnit, _nexus: Nexus, { iqn, portGroups }: Target): Buffer {
  return encodeScsiPorts(
    portGroups.tags.map((tag) => ({
      relativePort: tag,
      designators: [scsiName(targetPortName(iqn, tag), ASSOCIATION.TARGET_PORT)],
    })),
  )
}

function blockLimits(lu: LogicalUnit): Buffer {
  const { limits, vaai } = lu
  const unmaps = lu.thin && vaai.delete
  return BLOCK_LIMITS.encode({
    wsnz: vaai.zero && !limits.writeSameZeroMeansEnd,
    maximumCompareAndWriteLength: vaai.ats ? limits.compareAndWriteBlocks : 0,
    optimalTransferLengthGranularity: lu.physicalBlockSize / lu.blockSize,
    maximumTransferLength: limits.transferBlocks,
    optimalTransferLength: Math.min(
      OPTIMAL_TRANSFER_BYTES / lu.blockSize,
      limits.transferBlocks || Number.POSITIVE_INFINITY,
    ),
    maximumUnmapLbaCount: unmaps ? limits.unmapBlocks : 0,
    maximumUnmapBlockDescriptorCount: unmaps ? limits.unmapDescriptors : 0,
    optimalUnmapGranularity: canUnmap(lu) ? limits.unmapGranularityBlocks : 0,
    ugavalid: canUnmap(lu),
    maximumWriteSameLength: vaai.zero ? BigInt(limits.writeSameBlocks) : 0n,
    maximumAtomicTransferLength: limits.atomicBlocks,
    atomicAlignment: limits.atomicAlignmentBlocks,
    atomicTransferLengthGranularity: limits.atomicGranularityBlocks,
    maximumAtomicTransferLengthWithAtomicBoundary: limits.atomicBlocks,
    maximumAtomicBoundarySize: limits.atomicBlocks,
  })
}

/** By UNMAP, or by WRITE SAME. */
const canUnmap = ({ thin, vaai }: LogicalUnit): boolean => thin && (vaai.delete || vaai.zero)

function logicalBlockProvisioning(lu: LogicalUnit): Buffer {
  if (!lu.thin) return encodeLogicalBlockProvisioning({ provisioningType: PROVISIONING_TYPE.FULL })
  const { limits, vaai } = lu
  return encodeLogicalBlockProvisioning({
    thresholdExponent: lu.provisioning?.exponent ?? 0, // zero: no thresholds
    lbpu: vaai.delete,
    lbpws: vaai.zero,
    lbpws10: vaai.zero,
    lbprz: LBPRZ_ZEROES,
    ancSup: limits.anchor && canUnmap(lu),
    provisioningType: PROVISIONING_TYPE.THIN,
  })
}
