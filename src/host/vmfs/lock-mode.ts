// How the hosts of a volume lock it, as the descriptor of the file system says: ATS-only, or ATS+SCSI. A change takes effect when no
// host has the volume open any more, and is pending until then (notes on the ESXi host, lockmode). The bits are our own: how ESXi
// writes it down is not known.

import { FS_DESCRIPTOR, LOCK_MODE_BITS } from './structures/fs-descriptor.ts'
import { LOCK_IMPLEMENTATION } from './structures/heartbeat.ts'

export type LockMode = 'ATS-only' | 'ATS+SCSI'

export interface LockModeState {
  /** In force: who opens the volume locks it so. */
  readonly mode: LockMode
  /** It becomes the other one as soon as no host has the volume open. */
  readonly isPending: boolean
}

export const otherMode = (mode: LockMode): LockMode => (mode === 'ATS-only' ? 'ATS+SCSI' : 'ATS-only')

/** What a volume says, as it was when it was opened. */
export function lockModeOf({ descriptor }: { readonly descriptor: { readonly config: number } }): LockModeState {
  const { config } = descriptor
  return {
    mode: (config & LOCK_MODE_BITS.atsOnly) === 0 ? 'ATS+SCSI' : 'ATS-only',
    isPending: (config & LOCK_MODE_BITS.pending) !== 0,
  }
}

/** In the words of `esxcli storage vmfs lockmode list`. */
export function lockModeText({ mode, isPending }: LockModeState): string {
  if (!isPending) return mode
  return mode === 'ATS-only' ? 'ATS downgrade pending' : 'ATS upgrade pending'
}

/** The `config` of a descriptor that says so. */
export const withLockMode = (config: number, { mode, isPending }: LockModeState): number =>
  ((config & ~(LOCK_MODE_BITS.atsOnly | LOCK_MODE_BITS.pending)) |
    (mode === 'ATS-only' ? LOCK_MODE_BITS.atsOnly : 0) |
    (isPending ? LOCK_MODE_BITS.pending : 0)) >>>
  0

/** The descriptor's image with another mode, and another generation, by which it differs from every earlier image. */
export function describing(image: Buffer, state: LockModeState): Buffer {
  const { config, generation } = FS_DESCRIPTOR.decode(image)
  const changed = { config: withLockMode(config, state), generation: BigInt.asUintN(64, generation + 1n) }
  return FS_DESCRIPTOR.encode(changed, Buffer.from(image))
}

/** Whether a host that locks in this way, as its heartbeat slot says, may have a volume of this mode open. */
export const goesWith = (lockImplementation: number, mode: LockMode): boolean =>
  (lockImplementation === LOCK_IMPLEMENTATION.ats) === (mode === 'ATS-only')
