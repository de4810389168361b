// The mode of the volume during a storm: changed before it when it is another one, and put back after it. It changes only while
// nobody else has the volume open.

import type { BlockDevice } from '../../block-device.ts'
import { VmfsError } from '../errors.ts'
import { type LockMode, lockModeOf, otherMode } from '../lock-mode.ts'
import { type SetLockModeOptions, setLockMode } from '../set-lock-mode.ts'
import { openVolume } from '../volume.ts'

type Open = () => Promise<readonly BlockDevice[]>

export interface VolumeFacts {
  readonly label: string
  readonly uuid: string
  readonly version: number
  /** In which it is when nobody has it open. */
  readonly mode: LockMode
}

export const readFacts = (open: Open): Promise<VolumeFacts> =>
  withDevices(open, async (devices) => {
    const volume = await openVolume(devices)
    const { label, uuid } = volume.descriptor
    const { mode, isPending } = lockModeOf(volume)
    return { label, uuid, version: volume.version.version, mode: isPending ? otherMode(mode) : mode }
  })

/** @throws VmfsError 'in use' while other hosts have the volume open: it stays as it was */
export async function changeMode(open: Open, mode: LockMode, options: SetLockModeOptions): Promise<void> {
  const { after, hosts } = await withDevices(open, (devices) => setLockMode(devices, mode, options))
  if (!after.isPending) return
  await withDevices(open, (devices) => setLockMode(devices, after.mode, options))
  throw new VmfsError(
    'in use',
    `the volume is ${after.mode}, and is not made ${mode} while other hosts have it open ` +
      `(${hosts.map(({ owner }) => owner).join(', ')}): close it there, or use the locking that it has`,
  )
}

async function withDevices<Result>(
  open: Open,
  use: (devices: readonly BlockDevice[]) => Promise<Result>,
): Promise<Result> {
  const devices = await open()
  try {
    return await use(devices)
  } finally {
    await Promise.allSettled(devices.map((device) => device.close()))
  }
}
