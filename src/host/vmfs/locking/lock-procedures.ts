// One step on one lock: acquire it, upgrade an optimistic one, give it back, take it from owners that are dead. Each reads the lock
// and changes it if it still is what was read; what another host holds is told, not waited for.

import { decodeLock, encodeLock, LOCK_TYPE } from '../structures/lock.ts'
import type { Procedure } from './commands.ts'
import { granted, type HeldMode, type Holder, holdersOf, isHeld, released } from './lock-images.ts'
import type { LockingSettings } from './settings.ts'
import { type Failure, updateSector } from './update-sector.ts'

export type Acquired =
  | { readonly kind: 'acquired'; readonly image: Buffer }
  | { readonly kind: 'held'; readonly holders: readonly Holder[] }
  | Failure

type Change = 'ours already' | { readonly heldBy: readonly Holder[] }

/** Operations 1 and, with those of its holders that are known to be dead, 9. */
export function* acquireLock(
  settings: LockingSettings,
  holder: Holder,
  offset: number,
  mode: HeldMode,
  dead: readonly Holder[] = [],
): Procedure<Acquired> {
  const operation = dead.length > 0 ? 'acquire lock of dead owner' : 'acquire lock'
  const result = yield* updateSector<Change>(settings, operation, offset, (image) => {
    if (isHeld(image, holder, mode)) return { leave: 'ours already' }
    const write = granted(typed(image, offset), holder, mode, dead)
    return write ? { write } : { leave: { heldBy: holdersOf(image) } }
  })
  if (result.kind === 'failed') return result
  if (result.kind === 'left' && result.reason !== 'ours already') return { kind: 'held', holders: result.reason.heldBy }
  return { kind: 'acquired', image: result.image }
}

/** Where no file has been yet there is no lock either: that of a new file begins with its first holder. */
function typed(image: Buffer, offset: number): Buffer {
  if (decodeLock(image).type !== 0) return image
  return encodeLock({ type: LOCK_TYPE.fileDescriptor, offset }, Buffer.from(image))
}

/** A lock that is not taken on the disk: what it guards is read, and the lock is upgraded before anything of that is changed. */
export interface OptimisticLock {
  readonly offset: number
  readonly image: Buffer
}

export type Upgraded =
  | { readonly kind: 'acquired'; readonly image: Buffer }
  /** Another host had it in between: what was read under it is to be read again. */
  | { readonly kind: 'stale' }
  | Failure

/** Operation 2. */
export function* upgradeLock(
  settings: LockingSettings,
  holder: Holder,
  { offset, image: read }: OptimisticLock,
): Procedure<Upgraded> {
  const result = yield* updateSector<'stale'>(settings, 'upgrade optimistic lock', offset, (image) => {
    const write = image.equals(read) ? granted(image, holder, 'exclusive') : undefined
    return write ? { write } : { leave: 'stale' }
  })
  if (result.kind === 'failed') return result
  return result.kind === 'left' ? { kind: 'stale' } : { kind: 'acquired', image: result.image }
}

export type Unlocked = { readonly kind: 'unlocked' } | { readonly kind: 'not held' } | Failure

/** Operation 3; an exclusive lock goes back in the way of operation 1. */
export function* unlock(
  settings: LockingSettings,
  holder: Holder,
  offset: number,
  mode: HeldMode,
): Procedure<Unlocked> {
  const operation = mode === 'exclusive' ? 'acquire lock' : 'unlock shared lock'
  const result = yield* updateSector<'not held'>(settings, operation, offset, (image) => {
    const write = released(image, holder)
    return write ? { write } : { leave: 'not held' }
  })
  if (result.kind === 'failed') return result
  return { kind: result.kind === 'left' ? 'not held' : 'unlocked' }
}
