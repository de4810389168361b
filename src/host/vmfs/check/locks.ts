// A lock (vmfs-format.md, 5) against its place and against the heartbeats of those who hold it.

import { encodeLock, LOCK_MODE, type Lock } from '../structures/lock.ts'
import { NIL_UUID } from '../structures/uuid.ts'
import type { CheckContext, Mend } from './findings.ts'
import type { Slot } from './heartbeats.ts'

export interface LockPlace {
  /** What messages call what it guards. */
  readonly what: string
  readonly address?: string | undefined
  readonly path?: string | undefined
  readonly volumeOffset: number
  readonly type: number
}

const MODES: readonly number[] = Object.values(LOCK_MODE)

export function checkLock(context: CheckContext, slots: ReadonlyMap<number, Slot>, place: LockPlace, lock: Lock): void {
  const { what, volumeOffset } = place
  const add = (
    name: 'lock type' | 'lock offset' | 'lock mode' | 'lock owner',
    message: string,
    repair: string,
    values: Partial<Lock>,
  ) =>
    context.findings.add(
      {
        ...{ name, volumeOffset, message: `the lock of ${what} ${message}`, repair },
        ...(place.address !== undefined && { address: place.address }),
        ...(place.path !== undefined && { path: place.path }),
      },
      setLock(context, name, place, values),
    )
  if (lock.type !== place.type)
    add(
      'lock type',
      `has the type 0x${lock.type.toString(16)} instead of 0x${place.type.toString(16)}`,
      'its type is set',
      {
        type: place.type,
      },
    )
  if (lock.offset !== volumeOffset)
    add('lock offset', `says that it stands at byte ${lock.offset}`, 'it is told its place', { offset: volumeOffset })
  if (!MODES.includes(lock.mode)) add('lock mode', `has the mode ${lock.mode}`, 'it is made free', FREE)
  else {
    const wrong = ownerProblem(lock, slots)
    if (wrong) add('lock owner', wrong, 'it is made free', FREE)
  }
}

/** Heartbeat, generation and token stay as they are after a release. */
const FREE: Partial<Lock> = { mode: LOCK_MODE.free, owner: NIL_UUID, holders: [] }

/** Why nobody can hold it, where that is so: what holds it has a live heartbeat of the same generation. */
function ownerProblem(lock: Lock, slots: ReadonlyMap<number, Slot>): string | undefined {
  if (lock.mode === LOCK_MODE.free) return undefined
  const owner = {
    heartbeatOffset: lock.heartbeatOffset,
    heartbeatGeneration: lock.heartbeatGeneration,
    host: lock.owner,
  }
  const holders = lock.mode === LOCK_MODE.exclusive || lock.holders.length === 0 ? [owner] : lock.holders
  const problems = holders.map(({ heartbeatOffset, heartbeatGeneration, host }) => {
    const slot = slots.get(heartbeatOffset)
    if (!slot || slot.owner !== host)
      return `is held by host ${host}, which has no heartbeat at byte ${heartbeatOffset}`
    if (slot.generation !== heartbeatGeneration)
      return `is held by host ${host} since its generation ${heartbeatGeneration}, and it is at ${slot.generation}`
    return undefined
  })
  // One live holder is enough for the lock to be held.
  return problems.every((problem) => problem !== undefined) ? problems[0] : undefined
}

function setLock({ volume }: CheckContext, name: string, place: LockPlace, values: Partial<Lock>): Mend {
  const { volumeOffset } = place
  const region = { offset: volumeOffset, length: volume.version.sectorBytes, lock: volumeOffset }
  return {
    phase: 'headers',
    key: `${name} ${volumeOffset}`,
    run: (writing) => writing.run(({ tx }) => tx.edit(region, (image) => void encodeLock(values, image))),
  }
}
