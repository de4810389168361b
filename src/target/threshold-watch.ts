// The soft thresholds that are armed on one logical unit (SBC-3 4.7.3.8): each is told once when it is crossed, by a unit
// attention condition, and again only after the resource has come back. Asked only when the pool has changed.

import { isDeepStrictEqual } from 'node:util'
import { type Threshold, thresholdOffset } from '../../protocol/scsi/mode/logical-block-provisioning.ts'
import { SENSE } from '../../protocol/scsi/sense.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { ArmedThresholds } from './mode-parameters.ts'
import type { ThinProvisioning } from './thin-provisioning.ts'

interface Watched {
  readonly threshold: Threshold
  /** INFORMATION of the unit attention: where in the mode page the threshold stands. */
  readonly offset: number
  armed: boolean
}

/** Watches what initiators arm on the unit, until the returned function is called. */
export function watchThresholds(lu: LogicalUnit): () => void {
  const { modes, provisioning, unitAttentions, gate } = lu
  if (!provisioning || !gate.pool) return () => {}
  const watch = new ThresholdWatch(provisioning, (offset, single) => {
    const nexuses = [...unitAttentions.nexuses].filter((nexus) => lu.visibleTo(nexus))
    for (const nexus of single ? nexuses.slice(0, 1) : nexuses)
      unitAttentions.establish(nexus, SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED, BigInt(offset))
  })
  const arm = (): void => {
    if (modes.thresholds) watch.arm(modes.thresholds)
  }
  modes.onChange = arm
  arm()
  return gate.pool.watch(() => watch.poolChanged())
}

/** How a crossing is told: to one I_T nexus, the one that has been here longest, or to all of them. */
type Tell = (offset: number, single: boolean) => void

class ThresholdWatch {
  readonly #provisioning: ThinProvisioning
  readonly #tell: Tell
  #watched: readonly Watched[] = []
  #single = false
  #scheduled = false

  constructor(provisioning: ThinProvisioning, tell: Tell) {
    this.#provisioning = provisioning
    this.#tell = tell
  }

  /** Watches these from now on. One that is crossed already is armed by coming back: nobody is told of what has been. */
  arm({ single, thresholds }: ArmedThresholds): void {
    const before = this.#watched
    this.#single = single
    this.#watched = thresholds.flatMap((threshold, index) => {
      if (!threshold.enabled) return []
      const offset = thresholdOffset(index)
      const same = before.find((one) => one.offset === offset && isDeepStrictEqual(one.threshold, threshold))
      return [same ?? { threshold, offset, armed: !this.#provisioning.isCrossed(threshold) }]
    })
  }

  /** Looked at once this turn is over: what allocates is not held up, and many changes are one. */
  poolChanged(): void {
    if (this.#scheduled || this.#watched.length === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#check()
    })
  }

  #check(): void {
    for (const one of this.#watched) {
      if (!one.armed) one.armed = this.#provisioning.isCleared(one.threshold)
      else if (this.#provisioning.isCrossed(one.threshold)) {
        one.armed = false
        this.#tell(one.offset, this.#single)
      }
    }
  }
}
