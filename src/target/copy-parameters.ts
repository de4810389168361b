// What a logical unit's copy manager accepts, in one place: RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.23), the Third-Party Copy
// VPD page (SPC-4 7.8.17) and the checks of parameter lists read it, so that what is advertised is what is accepted.

import { CSCD_COPY_MANAGER, IMPLEMENTED_DESCRIPTORS } from '../../protocol/scsi/copy-descriptors.ts'
import type { OperatingParameters } from '../../protocol/scsi/extended-copy-parameters.ts'
import { ROD_TYPE } from '../../protocol/scsi/rod-token.ts'
import {
  encodeThirdPartyCopy,
  type SupportedThirdPartyCommand,
  type ThirdPartyCopy,
} from '../../protocol/scsi/vpd/third-party-copy.ts'
import { CONCURRENT_COPIES } from './copy-operations.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Target } from './target.ts'

/** Operation codes of third-party copy out and in. */
const THIRD_PARTY_COPY = [0x83, 0x84]

export function operatingParameters(lu: LogicalUnit): OperatingParameters {
  return {
    snlid: true,
    maximumCscdDescriptorCount: 16,
    maximumSegmentDescriptorCount: 64,
    maximumDescriptorListLength: 4096,
    maximumSegmentLength: lu.limits.copySegmentBytes,
    maximumInlineDataLength: 0,
    heldDataLimit: 0,
    maximumStreamDeviceTransferSize: 0,
    totalConcurrentCopies: CONCURRENT_COPIES,
    maximumConcurrentCopies: CONCURRENT_COPIES,
    dataSegmentGranularity: 0, // block to block with offset counts bytes
    inlineDataGranularity: 0,
    heldDataGranularity: 0,
    implementedDescriptors: IMPLEMENTED_DESCRIPTORS,
  }
}

/** Bounds of ROD tokens and of what is written by them. */
export const ROD_LIMITS = {
  rangeDescriptors: 256,
  defaultInactivitySeconds: 60,
  maximumInactivitySeconds: 600,
} as const

/** ROD TYPEs that POPULATE TOKEN makes a token of, all of them points in time (SBC-4 5.12.2), and the type of that token. */
export const CREATABLE_ROD_TYPES: ReadonlyMap<number, number> = new Map([
  [ROD_TYPE.POINT_IN_TIME_DEFAULT, ROD_TYPE.POINT_IN_TIME_DEFAULT],
  [ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE, ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE],
  [ROD_TYPE.POINT_IN_TIME_ANY, ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE],
])

/** ROD TYPEs that WRITE USING TOKEN takes. */
export const USABLE_ROD_TYPES: ReadonlySet<number> = new Set([
  ...CREATABLE_ROD_TYPES.values(),
  ROD_TYPE.BLOCK_DEVICE_ZERO,
])

/** The Third-Party Copy VPD page. */
export function thirdPartyCopy(lu: LogicalUnit, target: Target): Buffer {
  const parameters = operatingParameters(lu)
  return encodeThirdPartyCopy({
    ...rodLimits(),
    supportedCommands: supportedCommands(lu, target),
    parameterData: parameters,
    supportedDescriptors: parameters.implementedDescriptors,
    supportedCscdIds: [CSCD_COPY_MANAGER],
    generalCopyOperations: {
      ...parameters,
      maximumIdentifiedConcurrentCopies: parameters.maximumConcurrentCopies,
    },
    heldData: parameters,
  })
}

function supportedCommands(lu: LogicalUnit, { table }: Target): SupportedThirdPartyCommand[] {
  const offered = table.offered(lu)
  return THIRD_PARTY_COPY.map((opcode) => ({
    opcode,
    serviceActions: offered.filter((command) => command.opcode === opcode).map((command) => command.serviceAction ?? 0),
  }))
}

type RodPart = Pick<ThirdPartyCopy, 'blockDeviceRodLimits' | 'rodTokenFeatures' | 'supportedRods'>

function rodLimits(): RodPart {
  const { rangeDescriptors, defaultInactivitySeconds, maximumInactivitySeconds } = ROD_LIMITS
  const types = [...new Set([...CREATABLE_ROD_TYPES.keys(), ...USABLE_ROD_TYPES])].sort((a, b) => a - b)
  return {
    blockDeviceRodLimits: {
      maximumRangeDescriptors: rangeDescriptors,
      maximumInactivityTimeout: maximumInactivitySeconds,
      defaultInactivityTimeout: defaultInactivitySeconds,
      maximumTokenTransferSize: 0n,
      optimalTransferCount: 0n,
    },
    rodTokenFeatures: {
      remoteTokens: 0,
      minimumTokenLifetime: 1,
      maximumTokenLifetime: 0xffff_ffff, // it lives as long as it is used
      maximumTokenInactivityTimeout: maximumInactivitySeconds,
      optimalLengthGranularity: 0,
      maximumBytes: 0n,
      optimalBytes: 0n,
      optimalBytesToTokenPerSegment: 0n,
      optimalBytesFromTokenPerSegment: 0n,
    },
    supportedRods: types.map((rodType) => ({
      rodType,
      ecpyInt: false,
      tokenIn: USABLE_ROD_TYPES.has(rodType),
      tokenOut: CREATABLE_ROD_TYPES.has(rodType),
      preferenceIndicator: 0,
    })),
  }
}
