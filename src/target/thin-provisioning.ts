// What a thin-provisioned logical unit tells of the pool that its blocks come from (SBC-3 4.7.3): how much of it there is,
// in threshold sets, and the thresholds at which initiators are to be told.

import type { Gate } from '../../luns/gate.ts'
import type { Pool } from '../../luns/pool.ts'
import {
  THRESHOLD_ARMING,
  THRESHOLD_RESOURCE,
  THRESHOLD_TYPE_SOFT,
  type Threshold,
} from '../../protocol/scsi/mode/logical-block-provisioning.ts'

/** The smallest threshold set: finer than anyone asks, and a pool of 256 TiB still counts in 32 bits. */
const THRESHOLD_SET_BYTES = 64 * 1024
const MAX_COUNT = 0xffff_ffff
/** Threshold descriptors of the mode page: the pool's own, and room for those of initiators. */
const DESCRIPTORS = 4
/** A resource must come back by this part of the whole before the next crossing is told. */
const HYSTERESIS = 0.05

const UNUSED: Threshold = {
  enabled: false,
  thresholdType: THRESHOLD_TYPE_SOFT,
  thresholdArming: THRESHOLD_ARMING.DECREASING,
  thresholdResource: 0,
  thresholdCount: 0,
}

export class ThinProvisioning {
  /** THRESHOLD EXPONENT of VPD page B2h: a threshold set has two to this power blocks. */
  readonly exponent: number
  readonly #gate: Gate
  readonly #pool: Pool
  readonly #setBytes: number

  constructor(gate: Gate, pool: Pool, blockSize: number) {
    this.#gate = gate
    this.#pool = pool
    let exponent = Math.max(1, Math.log2(THRESHOLD_SET_BYTES / blockSize))
    while (Math.max(gate.length, pool.capacity) / (blockSize * 2 ** exponent) > MAX_COUNT) exponent++
    this.exponent = exponent
    this.#setBytes = blockSize * 2 ** exponent
  }

  /** Threshold sets that the pool can still give: to this unit and to others. */
  get available(): number {
    return Math.min(MAX_COUNT, Math.floor(this.#pool.available / this.#setBytes))
  }

  /** Threshold sets that this unit has taken. */
  get used(): number {
    return Math.min(MAX_COUNT, Math.ceil(this.#gate.allocatedBytes / this.#setBytes))
  }

  /** The soft threshold of the pool, armed, and descriptors that are free. */
  get defaultThresholds(): readonly Threshold[] {
    const { capacity, softThreshold } = this.#pool
    const left = Math.round(Math.max(0, capacity - softThreshold) / this.#setBytes)
    const own = { enabled: true, thresholdResource: THRESHOLD_RESOURCE.AVAILABLE, thresholdCount: left }
    return [{ ...UNUSED, ...own }, ...Array(DESCRIPTORS - 1).fill(UNUSED)]
  }

  /** The resource is at the threshold, or past it. */
  isCrossed({ thresholdResource, thresholdCount }: Threshold): boolean {
    const threshold = thresholdCount * this.#setBytes
    if (thresholdResource === THRESHOLD_RESOURCE.AVAILABLE) return this.#pool.available <= threshold
    return this.#gate.allocatedBytes >= threshold
  }

  /** The resource has come back far enough for the next crossing to be told: at least to the end of the threshold range. */
  isCleared(threshold: Threshold): boolean {
    if (this.isCrossed(threshold)) return false
    const at = threshold.thresholdCount * this.#setBytes
    if (threshold.thresholdResource === THRESHOLD_RESOURCE.AVAILABLE) {
      const { capacity, available } = this.#pool
      return available >= Math.min(capacity, at + Math.max(this.#setBytes, HYSTERESIS * capacity))
    }
    const { length, allocatedBytes } = this.#gate
    return allocatedBytes <= Math.max(0, at - Math.max(this.#setBytes, HYSTERESIS * length))
  }
}
