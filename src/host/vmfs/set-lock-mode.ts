// Changes how the hosts of a volume lock it, while they have it open or not (`lunette vmfs lockmode set`): as a host that opens the
// volume, says what the mode is to be, and closes it again.

import type { BlockDevice } from '../block-device.ts'
import { isShared } from '../shared-device.ts'
import { VmfsError } from './errors.ts'
import { type Heartbeat, readHeartbeats } from './heartbeats.ts'
import { makeHostUuid } from './host-identity.ts'
import { type LockMode, type LockModeState, lockModeOf } from './lock-mode.ts'
import { whyNoAts } from './locking/why-no-ats.ts'
import { beginSharedSession, type SharedOptions } from './shared-session.ts'
import { openVolume } from './volume.ts'

export interface SetLockModeOptions extends SharedOptions {
  /** Whose heartbeat slot it is meanwhile: by default one of this process. */
  readonly host?: string
  /** False: hosts that do not beat are not waited for, and what they keep pending stays so. */
  readonly buries?: boolean
}

export interface LockModeChange {
  readonly before: LockModeState
  /** Pending as long as other hosts have the volume open. */
  readonly after: LockModeState
  /** Those that have it open. */
  readonly hosts: readonly Heartbeat[]
}

/**
 * Changes the mode of the volume on these devices, which stay open; to open it for writing, take others. A change that is pending is
 * taken back by asking for the mode in force. Hosts that have it open are looked at for a beat or two, and those that do not beat until
 * they are known to be dead, and buried.
 * @throws VmfsError 'unsupported' where no array is behind the volume, or one without ATS for ATS-only; 'in use' while a host locks
 *   it in another mode than it says; what `openForWriting` throws
 */
export async function setLockMode(
  devices: readonly BlockDevice[],
  mode: LockMode,
  { host = makeHostUuid(), buries = true, ...options }: SetLockModeOptions = {},
): Promise<LockModeChange> {
  const own = devices.find((device) => !isShared(device))
  if (own)
    throw new VmfsError(
      'unsupported',
      `${own.name} is an image or a disk of this machine: a host has it for itself and takes no locks by ATS or reservations; ` +
        'name the volume by the URL of its LUN',
    )
  const volume = await openVolume(devices)
  const before = lockModeOf(volume)
  if (mode === 'ATS-only') await demandAts(devices)
  volume.cache.keepNothing(volume.version.sectorBytes)
  const session = await beginSharedSession(volume, volume.logical, host, options)
  try {
    await session.setLockMode(mode)
    // It is for hosts that live to complete the change later: the dead would never do.
    if (before.mode !== mode && buries) await session.buryTheDead()
  } finally {
    await session.end()
  }
  const after = lockModeOf(await openVolume(devices))
  return { before, after, hosts: await readHeartbeats(volume.logical, volume.version) }
}

async function demandAts(devices: readonly BlockDevice[]): Promise<void> {
  const why = await whyNoAts(devices)
  if (why === undefined) return
  throw new VmfsError('unsupported', `the volume cannot be ATS-only: ${why}; it can stay ATS+SCSI, or be set to it`)
}
