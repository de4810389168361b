// One step on one lock: acquire it, upgrade an optimistic one, give it back, take it from owners that are dead. Each reads the lock
// and changes it if it still is what was read; what another host holds is told, not waited for.

import { decodeLock, encodeLock, LOCK_TYPE } from '../structures/lock.ts'
import type { Procedure } from './commands.ts'
import { granted, type HeldMode, type Holder, holdersOf, released } from './lock-images.ts'
import type { LockingSettings } from './settings.ts'
import { type Failure, updateSector } from './update-sector.ts'

export type Acquired =
  | { readonly kind: 'acquired'; readonly image: Buffer }
  | { readonly kind: 'held'; readonly holders: readonly Holder[]; readonly image: Buffer }
  | Failure

type Held = { readonly heldBy: readonly Holder[] }

interface AcquireOptions {
  /** Of its holders, those that are known to be dead. */
  readonly dead?: readonly Holder[]
  /** The lock as it was left, free, which it may be still. */
  readonly known?: Buffer | undefined
}

/** Operations 1 and, from owners that are dead, 9. */
export function* acquireLock(
  settings: LockingSettings,
  holder: Holder,
  offset: number,
  mode: HeldMode,
  { dead = [], known }: AcquireOptions = {},
): Procedure<Acquired> {
  const operation = dead.length > 0 ? 'acquire lock of dead owner' : 'acquire lock'
  const decide = (image: Buffer) => {
    // One that is ours already is taken anew: a command that was to give it back, and was not answered, then meets another token.
    const write = granted(typed(image, offset), holder, mode, dead)
    return write ? { write } : { leave: { heldBy: holdersOf(image) } }
  }
  const result = yield* updateSector<Held>(settings, operation, offset, decide, known)
  if (result.kind === 'failed') return result
  if (result.kind === 'left') return { kind: 'held', holders: result.reason.heldBy, image: result.image }
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
  const decide = (image: Buffer) => {
    const write = image.equals(read) ? granted(image, holder, 'exclusive') : undefined
    return write ? { write } : { leave: 'stale' as const }
  }
  const result = yield* updateSector<'stale'>(settings, 'upgrade optimistic lock', offset, decide, read)
  if (result.kind === 'failed') return result
  return result.kind === 'left' ? { kind: 'stale' } : { kind: 'acquired', image: result.image }
}

export type Unlocked =
  /** With the lock as it is left. */
  { readonly kind: 'unlocked'; readonly image: Buffer } | { readonly kind: 'not held' } | Failure

/**
 * Operation 3; an exclusive lock goes back in the way of operation 1.
 * @param known the image with which it was taken: an exclusive lock still has it, unless it was broken
 */
export function* unlock(
  settings: LockingSettings,
  holder: Holder,
  offset: number,
  mode: HeldMode,
  known?: Buffer,
): Procedure<Unlocked> {
  const operation = mode === 'exclusive' ? 'acquire lock' : 'unlock shared lock'
  const decide = (image: Buffer) => {
    const write = released(image, holder)
    return write ? { write } : { leave: 'not held' as const }
  }
  const result = yield* updateSector<'not held'>(settings, operation, offset, decide, known)
  if (result.kind === 'failed') return result
  return result.kind === 'left' ? { kind: 'not held' } : { kind: 'unlocked', image: result.image }
}
