// One host of `lunette vmfs mount`: mounts, holds files open, says what happens to it, and gives everything back.

import { OperatorError } from '../../errors.ts'
import type { BlockDevice } from '../../host/block-device.ts'
import { readHeartbeats } from '../../host/vmfs/heartbeats.ts'
import type { LockingEvent } from '../../host/vmfs/locking/commands.ts'
import type { LockingSettings } from '../../host/vmfs/locking/settings.ts'
import type { LockingTrace } from '../../host/vmfs/locking/trace.ts'
import type { OpenMode } from '../../host/vmfs/open-file.ts'
import { LOCK_IMPLEMENTATION } from '../../host/vmfs/structures/heartbeat.ts'
import { openForWriting, type WritableVolume } from '../../host/vmfs/writable-volume.ts'
import type { TraceFile } from '../trace-file.ts'
import type { Teller } from './teller.ts'
import { closeAll } from './volume-options.ts'

/** By the words of the command line. */
export const OPEN_MODES = {
  exclusive: 'exclusive',
  'read-only': 'readOnly',
  'multi-writer': 'multiWriter',
} as const satisfies Record<string, OpenMode>
export type OpenName = keyof typeof OPEN_MODES

export const HOW: Readonly<Record<OpenName, string>> = {
  ...{ exclusive: 'exclusively', 'read-only': 'to read it', 'multi-writer': 'for several writers' },
}

/** Hosts that have one file open. */
export const MAX_HOLDERS = 8

export interface MountPlan {
  /** Of files to hold open. */
  readonly paths: readonly string[]
  readonly mode: OpenName
  readonly locking: Partial<LockingSettings>
  /** Of what the host sends for locks and its heartbeat. */
  readonly trace?: Pick<TraceFile, 'write'>
}

const LOCKING = new Map<number, string>([
  [LOCK_IMPLEMENTATION.reservations, 'SCSI'],
  [LOCK_IMPLEMENTATION.ats, 'ATS-only'],
  [LOCK_IMPLEMENTATION.both, 'ATS+SCSI'],
])

export class MountedHost {
  readonly #uuid: string
  readonly #teller: Teller
  readonly #onLost: () => void
  #volume: WritableVolume | undefined
  #ended: Promise<void> | undefined
  #isLost = false

  /** @param onLost is called when the heartbeat is lost: `isLost` says so from then on */
  constructor(uuid: string, teller: Teller, onLost: () => void) {
    this.#uuid = uuid
    this.#teller = teller
    this.#onLost = onLost
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Owns the devices. @throws VmfsError, and what the devices fail with */
  async mount(devices: readonly BlockDevice[], { paths, mode, locking, trace }: MountPlan): Promise<void> {
    try {
      this.#volume = await openForWriting(devices, {
        ...{ host: this.#uuid, locking },
        onEvent: (event) => this.#happened(event),
        ...(trace && { onTrace: (sent) => trace.write(lineOf(this.#uuid, sent)) }),
      })
    } catch (error) {
      await closeAll(devices)
      throw error
    }
    await this.#introduce(this.#volume)
    for (const path of paths) {
      await this.#volume.openFile(path, OPEN_MODES[mode])
      this.#tell('opened', `has ${path} open ${HOW[mode]}`, { path, mode })
    }
  }

  /** Gives everything back, once. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    if (!this.#volume) return
    try {
      await this.#volume.close()
    } catch (error) {
      // What it had is not its own any more: there is nothing to give back.
      if (!this.#isLost) throw error
    }
    if (!this.#isLost) this.#tell('unmounted', 'has unmounted the volume')
  }

  #happened({ kind, text, atMs }: LockingEvent & { readonly atMs: number }): void {
    // That the array answers again is nothing to a host that has lost the volume.
    if (this.#isLost) return
    this.#teller.tell({ host: this.#uuid, event: kind, text, atMs })
    if (kind !== 'heartbeat lost') return
    this.#isLost = true
    this.#tell('unmounted', 'has lost the volume: another host has taken it for dead')
    this.end().catch(() => {})
    this.#onLost()
  }

  async #introduce({ volume, host }: WritableVolume): Promise<void> {
    const { label, uuid } = volume.descriptor
    const slot = (await readHeartbeats(volume.logical, volume.version)).find(({ owner }) => owner === host)
    if (!slot) throw new OperatorError(`host ${host} has lost its heartbeat slot: mount the volume again`)
    const { slotOffset, generation, journalOffset, lockImplementation } = slot
    const lockingMode = LOCKING.get(lockImplementation) ?? `${lockImplementation}`
    this.#tell(
      'mounted',
      `has mounted ${label} (${uuid}): HB slot at offset ${slotOffset}, generation ${generation}, journal at offset ` +
        `${journalOffset}, locking ${lockingMode}`,
      { label, uuid, slot: slotOffset, generation, journal: journalOffset, lockingMode },
    )
  }

  #tell(event: string, text: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#teller.tell({ host: this.#uuid, event, text, facts })
  }
}

/** Thousandths of a millisecond are enough. */
const lineOf = (host: string, { atMs, ms, ...sent }: LockingTrace) => ({
  ...{ at: new Date(atMs).toISOString(), host, ...sent },
  ms: Math.round(ms * 1000) / 1000,
})
