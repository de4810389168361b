// What a storm is asked for, and its bounds.

import type { BlockDevice } from '../../block-device.ts'
import type { LockMode } from '../lock-mode.ts'
import type { LockingEvent } from '../locking/commands.ts'
import type { LockingSettings } from '../locking/settings.ts'

/** 'ats': an ATS-only volume. 'scsi': an ATS+SCSI volume, and hosts that lock by reservations alone. */
export const STORM_LOCKINGS = ['ats', 'scsi'] as const
export type StormLocking = (typeof STORM_LOCKINGS)[number]

export interface StormOptions {
  readonly hosts: number
  readonly seconds: number
  readonly locking: StormLocking
  /** The devices of the volume by sessions that are a host's own, each of them another initiator port. */
  readonly open: () => Promise<readonly BlockDevice[]>
  /** Ends it early, and in order. */
  readonly signal?: AbortSignal
  readonly onEvent?: (host: number, event: LockingEvent) => void
  readonly onProgress?: (step: StormStep) => void
  /** Times that differ from ESXi's: for tests. */
  readonly times?: Partial<LockingSettings>
}

export type StormStep =
  | { readonly kind: 'mode'; readonly from: LockMode; readonly to: LockMode }
  | { readonly kind: 'opening' | 'running' | 'cleaning'; readonly done: number; readonly total: number }

/** As many as ESXi lets have a volume, and as a volume has journals for. */
export const MAX_HOSTS = 64
const MAX_SECONDS = 24 * 60 * 60

/** @throws RangeError */
export function requireStormOptions({ hosts, seconds }: Pick<StormOptions, 'hosts' | 'seconds'>): void {
  requireWhole('hosts', hosts, MAX_HOSTS)
  requireWhole('seconds', seconds, MAX_SECONDS)
}

function requireWhole(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new RangeError(
    `${name}: found ${Number.isNaN(value) ? 'no number' : value}; allowed: a whole number from 1 to ${most}`,
  )
}

/** The volume's mode that goes with it. */
export const lockModeFor = (locking: StormLocking): LockMode => (locking === 'ats' ? 'ATS-only' : 'ATS+SCSI')

export const lockingOf = ({ locking, times }: StormOptions): Partial<LockingSettings> => ({
  ...times,
  acceleratedLocking: locking === 'ats',
})
