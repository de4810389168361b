// From an array's own record: who says in its heartbeat slot that it locks by ATS alone, and reserves all the same. What the host
// says of itself beyond that does not count.

import { HEARTBEAT, HEARTBEAT_STATE, LOCK_IMPLEMENTATION } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import type { LockEvent } from '../../../../src/index.ts'

const STATES: readonly number[] = Object.values(HEARTBEAT_STATE)

export class ReserveRecord {
  readonly violations: string[] = []
  /** Slots by the initiator port that has them, and how it locks. */
  readonly #slots = new Map<string, { readonly lba: number; isAtsOnly: boolean }>()

  add({ nexus, command, verdict, lba, images }: LockEvent): void {
    if (!nexus) return
    if (command.startsWith('RESERVE') && this.#slots.get(nexus.initiatorPort)?.isAtsOnly)
      this.violations.push(`${command} of ${nexus.initiatorPort}, which locks by ATS alone: ${verdict}`)
    if (command !== 'COMPARE AND WRITE' || verdict !== 'accepted' || lba === undefined) return
    const [before, after] = [images?.expected, images?.replacement].map(slotOf)
    if (before && after) this.#changed(nexus.initiatorPort, lba, before, after)
  }

  #changed(port: string, lba: number, before: Slot, after: Slot): void {
    const isOwn = this.#slots.get(port)?.lba === lba
    if (after.state === HEARTBEAT_STATE.free) {
      if (isOwn) this.#slots.delete(port)
    } else if (isOwn || before.state === HEARTBEAT_STATE.free)
      this.#slots.set(port, { lba, isAtsOnly: after.lockImplementation === LOCK_IMPLEMENTATION.ats })
  }
}

type Slot = ReturnType<typeof HEARTBEAT.decode>

/** Nothing where it is the image of something else. */
function slotOf(image: Buffer | string | undefined): Slot | undefined {
  if (!Buffer.isBuffer(image) || !STATES.includes(image.readUInt32LE(0))) return undefined
  return HEARTBEAT.decode(image)
}
