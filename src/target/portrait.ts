// What a logical unit says of itself, taken before and after a change of its configuration: initiators are told of what is
// different in what they can read, and of nothing else (SPC-4 5.14, SBC-3 4.10).

import { SENSE, type Sense } from '../../protocol/scsi/sense.ts'
import { standardInquiry } from './commands/inquiry.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { PAGE_CONTROL } from './mode-parameters.ts'
import type { Nexus } from './nexus.ts'
import type { Target } from './target.ts'
import { VPD_PAGES, vpdPagesOf } from './vpd-pages.ts'

export interface Portrait {
  /** Standard INQUIRY data, VPD pages, and which commands there are. */
  readonly inquiry: string
  /** Current mode pages, and the device-specific parameter: WP and DPOFUA. */
  readonly modes: string
  readonly blocks: number
}

/** As one nexus sees it: what differs from nexus to nexus does not change with the configuration. */
export function portrait(lu: LogicalUnit, nexus: Nexus, target: Target): Portrait {
  const pages = vpdPagesOf(lu).map((code) => [code, hex(VPD_PAGES.get(code)?.(lu, nexus, target) ?? NONE)])
  const commands = target.table.offered(lu).map(({ opcode, serviceAction }) => [opcode, serviceAction])
  const modes = lu.modes.codes.map((code) => lu.modes.page(code, PAGE_CONTROL.CURRENT))
  return {
    inquiry: JSON.stringify([hex(standardInquiry(lu)), pages, commands]),
    modes: JSON.stringify([modes.map(hex), lu.writeProtected, lu.dpoFua]),
    blocks: lu.blocks,
  }
}

/** The unit attention conditions that a difference establishes. */
export function news(before: Portrait, after: Portrait): Sense[] {
  return [
    ...(before.inquiry === after.inquiry ? [] : [SENSE.INQUIRY_DATA_HAS_CHANGED]),
    ...(before.modes === after.modes ? [] : [SENSE.MODE_PARAMETERS_CHANGED]),
    ...(before.blocks === after.blocks ? [] : [SENSE.CAPACITY_DATA_HAS_CHANGED]),
  ]
}

const NONE = Buffer.alloc(0)

const hex = (bytes: Buffer): string => bytes.toString('hex')
