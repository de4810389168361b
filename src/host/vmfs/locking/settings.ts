// The times and counts of locking, as ESXi has them; tests set shorter ones.

import type { VolumeMode } from './operations.ts'

export interface LockingSettings {
  /** Of the volume, which says it itself; another one is for tests. */
  readonly mode: VolumeMode
  /** /VMFS3/HardwareAcceleratedLocking: false makes this host lock by reservations alone, as if the array had no ATS. */
  readonly acceleratedLocking: boolean
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
  ...{ mode: 'ATS-only', acceleratedLocking: true, heartbeatByAts: true },
  ...{ beatMs: 3000, ioTimeoutMs: 8000, lostMs: 16_000, retryMs: 1000 },
  ...{ conflictRetries: 200, conflictWaitMs: 20, contentionWaitMs: 20 },
}

/**
 * Between a beat's start and the last moment at which a plain write may start: what starts then is over before a peer, which sees the
 * slot unchanged for `lostMs`, may take the host for dead. The peer's watch begins when the beat is on the medium, which is not before
 * the beat was sent. From there on, with ESXi's times:
 *
 * - until 8 s a write may leave. Each attempt asks anew, and so does each part of its data that an R2T asks for: a process that was
 *   stopped in between finds out there, and gives the connection up.
 * - 6 s after it left (`fencedTimes`) it is aborted, at 14 s at the latest. FUNCTION COMPLETE says that it will not be carried out
 *   any more (SAM-5 7.2).
 * - 1 s later, at 15 s, an ABORT TASK that is not answered ends the connection, instead of escalating to LOGICAL UNIT RESET within
 *   its much longer times. The array ends with the connection what it has not carried out (RFC 7143 7.1.4.1, ErrorRecoveryLevel 0).
 * - 1 s is left for the array to see that.
 *
 * What this cannot cover: an array that has all of a write's data, hears nothing of the abort since the way to it is cut, and
 * carries the write out much later; and a process that is stopped between asking and the system call that sends. A plain write
 * carries no condition that the array could judge, which is why locks and heartbeats are changed by ATS.
 */
export const leaseMs = ({ lostMs, ioTimeoutMs }: Pick<LockingSettings, 'lostMs' | 'ioTimeoutMs'>): number =>
  lostMs - ioTimeoutMs

/** Of a plain write that only a host may send that is not dead: from then to its abort, and from there to the end of its connection. */
export const fencedTimes = ({ ioTimeoutMs }: Pick<LockingSettings, 'ioTimeoutMs'>) => ({
  timeoutMs: (ioTimeoutMs * 3) / 4,
  abortMs: ioTimeoutMs / 8,
})
