// The table of mode pages (SPC-4 7.5, SBC-3 6.4): for each page what it holds by default, which bits MODE SELECT may change,
// and which values of them mean nothing here. What a bit does is told where it is read: mode-parameters.ts.

import { CACHING } from '../../protocol/scsi/mode/caching.ts'
import { CONTROL, CONTROL_EXTENSION } from '../../protocol/scsi/mode/control.ts'
import { DISCONNECT_RECONNECT } from '../../protocol/scsi/mode/disconnect-reconnect.ts'
import { INFORMATIONAL_EXCEPTIONS_CONTROL } from '../../protocol/scsi/mode/informational-exceptions.ts'
import {
  decodeProvisioningThresholds,
  encodeProvisioningThresholds,
  LOGICAL_BLOCK_PROVISIONING_PAGE,
  THRESHOLD_ARMING,
  THRESHOLD_RESOURCE,
  THRESHOLD_TYPE_SOFT,
  type Threshold,
  thresholdOffset,
} from '../../protocol/scsi/mode/logical-block-provisioning.ts'
import { type ModePageCode, modePageCode } from '../../protocol/scsi/mode/page.ts'
import { READ_WRITE_ERROR_RECOVERY } from '../../protocol/scsi/mode/read-write-error-recovery.ts'
import type { Layout } from '../../protocol/wire/layout.ts'

export interface ModePageRow extends ModePageCode {
  /** The whole page, PS as zero. */
  readonly defaults: Buffer
  /** Bits that MODE SELECT may change, over the whole page. */
  readonly changeable: Buffer
  /** Where a page holds a changeable value that is reserved or not supported. */
  readonly refused?: (page: Buffer) => Spot | undefined
}

/** A byte of a page, and the most significant bit of a field that has not all of it. */
export interface Spot {
  readonly byte: number
  readonly bit?: number
}

export interface ModePageOptions {
  readonly writeCache: boolean
  /** The thresholds of a unit that has them, as they are armed by default. */
  readonly thresholds: readonly Threshold[] | undefined
}

/** QUEUE ALGORITHM MODIFIER: commands may be reordered, as far as data integrity allows (SPC-4 7.5.8). */
const UNRESTRICTED_REORDERING = 1
/** UA_INTLCK_CTRL (SPC-4 table 383); 01b is reserved. */
export const UA_INTERLOCK = { CLEAR: 0, KEEP: 2, KEEP_AND_ESTABLISH: 3 } as const
/** MRIE (SPC-4 7.5.11): the methods of reporting that there are; none is ever used, since no failure is foreseen. */
const MAX_MRIE = 6

/** In ascending order of page and subpage code. */
export function modePages({ writeCache, thresholds }: ModePageOptions): readonly ModePageRow[] {
  return [
    row(READ_WRITE_ERROR_RECOVERY, { lbpere: thresholds !== undefined }, { lbpere: thresholds !== undefined }),
    row(DISCONNECT_RECONNECT, {}, {}),
    // Nothing is cached where the medium is written through: WCE cannot be set.
    row(CACHING, { wce: writeCache }, { wce: writeCache }),
    {
      ...row(
        CONTROL,
        { queueAlgorithmModifier: UNRESTRICTED_REORDERING },
        { dSense: true, uaIntlckCtrl: 3, swp: true, tas: true },
      ),
      refused: (page) => (CONTROL.decode(page).uaIntlckCtrl === 1 ? spot(CONTROL, 'uaIntlckCtrl') : undefined),
    },
    row(CONTROL_EXTENSION, {}, {}),
    {
      ...row(INFORMATIONAL_EXCEPTIONS_CONTROL, { dexcpt: true }, { dexcpt: true, ewasc: true, mrie: 0xf }),
      refused: (page) =>
        INFORMATIONAL_EXCEPTIONS_CONTROL.decode(page).mrie > MAX_MRIE
          ? spot(INFORMATIONAL_EXCEPTIONS_CONTROL, 'mrie')
          : undefined,
    },
    ...(thresholds ? [provisioningPage(thresholds)] : []),
  ]
}

/** `ones` has all bits of the changeable fields set. */
function row<L extends Layout>(layout: L, values: Values<L>, ones: Values<L>): ModePageRow {
  const changeable = layout.encode(ones)
  const code = modePageCode(layout)
  return { ...code, defaults: layout.encode(values), changeable: changeable.fill(0, 0, headerLength(code)) }
}

type Values<L extends Layout> = Parameters<L['encode']>[0]

/** Page code and length, which are no parameters. */
export const headerLength = ({ subpageCode }: ModePageCode): number => (subpageCode === 0 ? 2 : 4)

function spot(layout: Layout, name: string): Spot {
  const { byte, bit } = layout.find(name) as Spot
  return bit === undefined ? { byte } : { byte, bit }
}

/** Logical Block Provisioning mode page (1Ch/02h, SBC-3 6.4.7): so many descriptors as there are by default. */
function provisioningPage(thresholds: readonly Threshold[]): ModePageRow {
  const code = modePageCode(LOGICAL_BLOCK_PROVISIONING_PAGE)
  const all: Threshold = {
    enabled: true,
    thresholdType: 7,
    thresholdArming: 7,
    thresholdResource: 0xff,
    thresholdCount: 0xffff_ffff,
  }
  const changeable = encodeProvisioningThresholds({ situa: true, thresholds: thresholds.map(() => all) })
  return {
    ...code,
    defaults: encodeProvisioningThresholds({ situa: false, thresholds }),
    changeable: changeable.fill(0, 0, headerLength(code)),
    refused(page) {
      for (const [index, threshold] of decodeProvisioningThresholds(page).thresholds.entries()) {
        const wrong = wrongField(threshold)
        if (wrong) return { ...wrong, byte: thresholdOffset(index) + wrong.byte }
      }
      return undefined
    },
  }
}

const { AVAILABLE, USED } = THRESHOLD_RESOURCE
const { DECREASING, INCREASING } = THRESHOLD_ARMING

/**
 * Soft thresholds on the available resource that decreases, or on the used one that increases (SBC-3 6.4.7); a descriptor
 * that is not enabled need not make sense together.
 */
function wrongField({ enabled, thresholdType, thresholdArming, thresholdResource }: Threshold): Spot | undefined {
  if (thresholdType !== THRESHOLD_TYPE_SOFT) return { byte: 0, bit: 5 }
  if (thresholdArming !== DECREASING && thresholdArming !== INCREASING) return { byte: 0, bit: 2 }
  if (thresholdResource !== AVAILABLE && thresholdResource !== USED && (enabled || thresholdResource !== 0))
    return { byte: 1 }
  if (enabled && (thresholdResource === AVAILABLE) !== (thresholdArming === DECREASING)) return { byte: 0, bit: 2 }
  return undefined
}
