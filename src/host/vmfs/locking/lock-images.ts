// What becomes of a lock's image when it is taken, shared, given back, or taken from the dead (notes, 5). Everything else that the
// sector holds stays as it is.

import { decodeLock, encodeLock, LOCK_MODE, type Lock } from '../structures/lock.ts'
import { NIL_UUID } from '../structures/uuid.ts'

/** Who holds a lock: a host, by the heartbeat slot that it had when it took it. */
export interface Holder {
  readonly host: string
  readonly heartbeatOffset: number
  readonly heartbeatGeneration: bigint
}

export type HeldMode = 'exclusive' | 'readOnly' | 'multiWriter'

const MAX_HOLDERS = 8

export const sameHolder = (a: Holder, b: Holder): boolean =>
  a.host === b.host && a.heartbeatOffset === b.heartbeatOffset && a.heartbeatGeneration === b.heartbeatGeneration

/** Those who hold it; nobody where it is free. @throws VmfsError 'damaged' */
export function holdersOf(image: Buffer): readonly Holder[] {
  const lock = decodeLock(image)
  if (lock.mode === LOCK_MODE.free) return []
  if (lock.mode !== LOCK_MODE.exclusive && lock.holders.length > 0) return lock.holders
  const { owner: host, heartbeatOffset, heartbeatGeneration } = lock
  return [{ host, heartbeatOffset, heartbeatGeneration }]
}

/**
 * The image with `holder` as one that holds the lock in `mode`, and without those of the others that are `gone`. What it held of the
 * lock before goes: a host asks for a lock that it does not hold, so that is of a command whose answer was lost.
 * @returns nothing while others hold it in a way that does not go together, or no place for a holder is left
 */
export function granted(
  image: Buffer,
  holder: Holder,
  mode: HeldMode,
  gone: readonly Holder[] = [],
): Buffer | undefined {
  const lock = decodeLock(image)
  const left = holdersOf(image).filter((other) => ![holder, ...gone].some((one) => sameHolder(one, other)))
  if (mode === 'exclusive') return left.length === 0 ? held(image, lock, holder, mode, []) : undefined
  const goTogether = left.length === 0 || lock.mode === LOCK_MODE[mode]
  if (!goTogether || left.length >= MAX_HOLDERS) return undefined
  return held(image, lock, holder, mode, [...left, holder])
}

/** The image without `holder`. @returns nothing when it does not hold the lock */
export function released(image: Buffer, holder: Holder): Buffer | undefined {
  const holders = holdersOf(image)
  if (!holders.some((other) => sameHolder(other, holder))) return undefined
  const left = holders.filter((other) => !sameHolder(other, holder))
  if (left.length > 0) return changed(image, { holders: [...left] })
  return changed(image, { mode: LOCK_MODE.free, owner: NIL_UUID, holders: [] })
}

function held(image: Buffer, { token }: Lock, holder: Holder, mode: HeldMode, holders: readonly Holder[]): Buffer {
  const { host, heartbeatOffset, heartbeatGeneration } = holder
  return changed(image, {
    ...{ mode: LOCK_MODE[mode], heartbeatOffset, heartbeatGeneration, token: BigInt.asUintN(64, token + 1n) },
    owner: mode === 'exclusive' ? host : NIL_UUID,
    holders: [...holders],
  })
}

const changed = (image: Buffer, values: Partial<Lock>): Buffer => encodeLock(values, Buffer.from(image))
