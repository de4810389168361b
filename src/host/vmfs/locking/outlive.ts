// Watches another host: until it beats, or is dead and buried.

import { isGone, type LockingHost } from './burial.ts'
import type { Procedure } from './commands.ts'
import { replayerOf } from './heartbeat-images.ts'
import type { Holder } from './lock-images.ts'
import { readSector } from './update-sector.ts'

/** Times that of a lease: so long a slot is watched that others replay, or that cannot be read. */
const MAX_WATCH = 4

/** @returns whether it is gone; a host that is not known to be dead lives */
export function* outlive(host: LockingHost, other: Holder): Procedure<boolean> {
  const { settings } = host
  let first: Buffer | undefined
  let sinceMs: number | undefined
  for (;;) {
    const own = host.holder()
    if (!own) return false
    if (yield* isGone(host, own, other)) return true
    const { image, issuedMs } = yield* readSector(settings, 'replay heartbeat', other.heartbeatOffset)
    first ??= image
    sinceMs ??= issuedMs
    const beats = image !== undefined && first !== undefined && !image.equals(first) && !replayerOf(image)
    if (beats || issuedMs - sinceMs > MAX_WATCH * settings.lostMs) return false
    yield { kind: 'wait', ms: Math.min(settings.contentionWaitMs * 5, settings.beatMs / 2) }
  }
}
