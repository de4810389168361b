// A disk that several hosts have at once: what a BlockDevice does, and the commands by which they exclude each other. A host that
// others may take for dead must not write any more, so every command can be kept from leaving late.

import type { BlockDevice } from './block-device.ts'

export interface IoLimits {
  /** Asked each time before a command leaves, also when it is sent again: without a yes it fails with NotSentError. */
  readonly mayLeave: () => boolean
  /** From then to its abort. */
  readonly timeoutMs: number
  /** From its abort to the end of its connection, when the abort is not answered: nothing of it is carried out later. */
  readonly abortMs?: number
}

export interface Fence extends IoLimits {
  /** What may not leave now waits for this. @returns false when it may never leave any more */
  opened(): Promise<boolean>
  /** How often a command that meets a RESERVATION CONFLICT is sent again, and after how long. */
  readonly conflicts?: { readonly retries: number; readonly waitMs: number }
}

export interface SharedDevice extends BlockDevice {
  /** Whether the array says that it knows COMPARE AND WRITE. */
  readonly hasCompareAndWrite: boolean
  /** Another number after each loss of the I_T nexus and each reset: a reservation from before is gone. */
  readonly epoch: number
  /** The IP address by which this host reaches it at the moment. */
  readonly localAddress?: string | undefined
  /** RESERVATION CONFLICTs that `read`, `write` and `flush` have met, each of them tried again or told. */
  readonly conflicts: number
  /** From now on what `write` sends leaves only within these limits. */
  fence(fence: Fence): void
  /** Reads as `read` does, once. */
  readNow(offset: number, length: number, limits: IoLimits): Promise<Buffer>
  /** Writes as `write` does, whatever `fence` says. */
  writeNow(offset: number, data: Buffer, limits: IoLimits): Promise<void>
  /**
   * Writes `replacement` over blocks that hold `expected`.
   * @throws MiscompareError where they do not
   */
  compareAndWrite(offset: number, expected: Buffer, replacement: Buffer, limits: IoLimits): Promise<void>
  /** RESERVE(6) of the whole logical unit. @throws ReservationConflictError */
  reserve(): Promise<void>
  release(): Promise<void>
}

export const isShared = (device: BlockDevice): device is SharedDevice => 'compareAndWrite' in device
