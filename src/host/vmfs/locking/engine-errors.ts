// What an engine cannot do, told with the cause and the cure: a slot that is not to be had, a heartbeat that is lost, a lock that the
// disk does not let be changed.

import { VmfsError } from '../errors.ts'
import type { HeartbeatPlace } from './heartbeat-machine.ts'

export const noSlot = ({ volume }: HeartbeatPlace, why: string | undefined) =>
  new VmfsError(
    'in use',
    why === undefined
      ? `all heartbeat slots of the volume ${volume} are in use by hosts that live: close it on one of them`
      : `no heartbeat slot of the volume ${volume} could be taken ${causeOf(why)}`,
  )

export const lostHeartbeat = () =>
  new VmfsError(
    'in use',
    'this host has lost its heartbeat slot, and its locks with it: close the volume and open it again',
  )

export const notTaken = (offset: number, why: string) =>
  new VmfsError('in use', `the lock at byte ${offset} of the volume could not be changed ${causeOf(why)}`, offset)

/** What a sentence about it ends with. */
const causeOf = (why: string): string =>
  why === 'unsupported'
    ? 'since the array does not know the command for it (COMPARE AND WRITE, or RESERVE where reservations are used): switch it on there'
    : `(${why}): is the disk there, and may it be written?`
