// One inconsistency: how it is planted, and what the checker must say of it.

import type { FindingName } from '../../../../src/host/vmfs/check/report.ts'
import { formatAddress } from '../../../../src/host/vmfs/file-descriptors.ts'
import type { Planted } from './planted-volume.ts'

/** What the finding must say; what is left out is not asked for. */
interface Told {
  readonly address?: string
  readonly volumeOffset?: number
}

export interface Plant {
  readonly name: FindingName
  readonly what: string
  /** Both without it. */
  readonly version?: 5 | 6
  /** Findings that must come with it: consequences. */
  readonly also?: readonly FindingName[]
  /** What repair leaves behind; nothing without it. */
  readonly left?: readonly FindingName[]
  plant(volume: Planted): Promise<Told>
}

export const address = (fd: number): string => formatAddress(fd)
