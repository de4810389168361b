// The times and counts of locking, as ESXi has them; tests set shorter ones.

import type { VolumeMode } from './operations.ts'

export interface LockingSettings {
  readonly mode: VolumeMode
  /** /VMFS3/UseATSForHBOnVMFS5. */
  readonly heartbeatByAts: boolean
  /** Between two beats of a heartbeat. */
  readonly beatMs: number
  /** An I/O that takes longer is given up, and another one sent. */
  readonly ioTimeoutMs: number
  /** No beat for so long: access is lost. A slot that has not changed for so long is a dead host's. */
  readonly lostMs: number
  /** Between two attempts to get access again. */
  readonly retryMs: number
  /** A command that meets a RESERVATION CONFLICT is sent again so often ("CR retries"). */
  readonly conflictRetries: number
  readonly conflictWaitMs: number
  /** A lock that somebody else holds is looked at again after this time. */
  readonly contentionWaitMs: number
}

export const LOCKING_DEFAULTS: LockingSettings = {
  ...{ mode: 'ATS-only', heartbeatByAts: true },
  ...{ beatMs: 3000, ioTimeoutMs: 8000, lostMs: 16_000, retryMs: 1000 },
  ...{ conflictRetries: 200, conflictWaitMs: 20, contentionWaitMs: 20 },
}

/**
 * Between a beat's start and the last moment at which a plain write may start: what starts then is carried out or aborted before
 * a peer, which sees the slot unchanged for `lostMs`, may take the host for dead.
 */
export const leaseMs = ({ lostMs, ioTimeoutMs }: LockingSettings): number => lostMs - ioTimeoutMs
