// A lock (vmfs-format.md, 5) against its place and against the heartbeats of those who hold it.

import { encodeLock, LOCK_MODE, type Lock } from '../structures/lock.ts'
import { NIL_UUID } from '../structures/uuid.ts'
import type { CheckContext, Mend } from './findings.ts'
import { isInUse, type Slot } from './heartbeats.ts'

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
    const holders = holdersOf(lock).map((holder) => claimOf(holder, slots))
    // One live holder is enough for the lock to be held.
    if (holders.some((claim) => claim === 'lives')) return
    const wrong = holders.find((claim) => claim !== 'is over')
    if (wrong !== undefined) add('lock owner', wrong, 'it is made free', FREE)
    else if (holders.length > 0) context.findings.addLockOfTheDead(setLock(context, 'lock of the dead', place, FREE))
  }
}

/** Heartbeat, generation and token stay as they are after a release. */
const FREE: Partial<Lock> = { mode: LOCK_MODE.free, owner: NIL_UUID, holders: [] }

type Holder = Lock['holders'][number]

function holdersOf({ mode, holders, owner: host, heartbeatOffset, heartbeatGeneration }: Lock): readonly Holder[] {
  if (mode === LOCK_MODE.free) return []
  return mode === LOCK_MODE.exclusive || holders.length === 0
    ? [{ host, heartbeatOffset, heartbeatGeneration }]
    : holders
}

/** Whether the heartbeat by which a lock is held lives, or is over, as it is after a host is buried; or why there has never been one. */
function claimOf(holder: Holder, slots: ReadonlyMap<number, Slot>): 'lives' | 'is over' | (string & {}) {
  const { heartbeatOffset, heartbeatGeneration, host } = holder
  const slot = slots.get(heartbeatOffset)
  if (!slot) return `is held by host ${host}, which has no heartbeat at byte ${heartbeatOffset}`
  const { generation } = slot
  if (generation > heartbeatGeneration || (generation === heartbeatGeneration && !isInUse(slot))) return 'is over'
  if (generation < heartbeatGeneration)
    return `is held by host ${host} since its generation ${heartbeatGeneration}, and it is at ${generation}`
  return slot.owner === host
    ? 'lives'
    : `is held by host ${host}, and the heartbeat at byte ${heartbeatOffset} is of ${slot.owner}`
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
