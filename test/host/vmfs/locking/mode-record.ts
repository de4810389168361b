// From an array's own record of the COMPARE AND WRITEs that it has accepted: the volume's mode and the heartbeat slots at each
// moment. A host that has the volume open in another mode than the volume's is told at once.

import { goesWith, type LockMode, lockModeOf } from '../../../../src/host/vmfs/lock-mode.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from '../../../../src/host/vmfs/structures/fs-descriptor.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import type { LockEvent } from '../../../../src/index.ts'

const BLOCK = 512
const lbaOf = (volumeOffset: number): number => (LVM_DATA_OFFSET + volumeOffset) / BLOCK
/** Of VMFS5. */
const SLOTS = 2048

export class ModeRecord {
  readonly violations: string[] = []
  /** The modes that were in force, one after the other. */
  readonly modes: LockMode[]
  readonly #users = new Map<number, { readonly owner: string; readonly lockImplementation: number }>()

  /** Of a volume that nobody has open. */
  constructor(mode: LockMode) {
    this.modes = [mode]
  }

  add({ command, verdict, lba, images }: LockEvent): void {
    if (command !== 'COMPARE AND WRITE' || verdict !== 'accepted' || lba === undefined) return
    const image = images?.replacement
    if (!Buffer.isBuffer(image)) throw new Error('the image is gone')
    if (lba === lbaOf(FS_DESCRIPTOR_OFFSET)) this.#setMode(lockModeOf({ descriptor: FS_DESCRIPTOR.decode(image) }).mode)
    else if (lba >= lbaOf(HEARTBEAT_OFFSET) && lba < lbaOf(HEARTBEAT_OFFSET) + SLOTS) this.#setSlot(lba, image)
    else return
    const mode = this.modes.at(-1)!
    for (const { owner, lockImplementation } of this.#users.values())
      if (!goesWith(lockImplementation, mode))
        this.violations.push(`${owner} locks by ${lockImplementation} in ${mode}`)
  }

  #setMode(mode: LockMode): void {
    if (mode !== this.modes.at(-1)) this.modes.push(mode)
  }

  #setSlot(lba: number, image: Buffer): void {
    const { state, owner, journalOffset, lockImplementation } = HEARTBEAT.decode(image)
    if (state === HEARTBEAT_STATE.used && journalOffset !== 0) this.#users.set(lba, { owner, lockImplementation })
    else this.#users.delete(lba)
  }
}
