// In which mode a host locks a volume. It is settled when the host opens the volume, under the guard under which journals are handed
// out: whoever names a journal there has the volume open, in the mode that the descriptor says at that moment. A change that is
// pending is completed under the same guard, by a host that finds no other one with a journal: the first to open alone, or the last
// to close. A slot without a journal is of a host that comes or goes, and changes nothing before it has looked at the mode again.

import { VmfsError } from './errors.ts'
import { type Heartbeat, readHeartbeats } from './heartbeats.ts'
import { describing, goesWith, type LockMode, type LockModeState, lockModeOf, otherMode } from './lock-mode.ts'
import type { LockingEngine } from './locking/engine.ts'
import type { VolumeMode } from './locking/operations.ts'
import type { LockingSettings } from './locking/settings.ts'
import { whyNoAts } from './locking/why-no-ats.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET } from './structures/fs-descriptor.ts'
import { LOCK_IMPLEMENTATION } from './structures/heartbeat.ts'
import type { Volume } from './volume.ts'

export class HostLocking {
  readonly #volume: Volume
  readonly #accelerated: boolean
  /** Whatever the volume says. */
  readonly #forced: VolumeMode | undefined
  #mode: LockMode = 'ATS+SCSI'
  #whyNot: Promise<string | undefined> | undefined

  constructor(volume: Volume, { mode, acceleratedLocking = true }: Partial<LockingSettings> = {}) {
    this.#volume = volume
    this.#accelerated = acceleratedLocking
    this.#forced = mode
  }

  /** Of a host that comes. @throws VmfsError 'unsupported' when it cannot lock as the volume says */
  async begin(): Promise<VolumeMode> {
    if (this.#forced) return this.#forced
    this.#mode = (await this.#read()).state.mode
    await this.#demandAble(this.#mode)
    return this.#mode
  }

  /**
   * Under the guard, before a journal is named: makes the volume's mode that of the host.
   * @returns the hosts that have the volume open and lock it in the other mode: with any of those, this host must not go on
   * @throws VmfsError 'unsupported' when it cannot lock as the volume says
   */
  async settle(engine: LockingEngine): Promise<readonly Heartbeat[]> {
    if (this.#forced) return []
    const { state, image } = await this.#read()
    const others = await this.#others(engine)
    let mode = state.mode
    if (state.isPending) {
      const completes = others.length === 0 && (await this.#whyUnable(otherMode(mode))) === undefined
      if (completes) mode = otherMode(mode)
      // Written anew in any case: a completion that comes late, of a host that is taken for dead, meets another image.
      await this.#write(engine, image, { mode, isPending: !completes })
    }
    await this.#use(engine, mode)
    return others.filter((slot) => !goesWith(slot.lockImplementation, mode))
  }

  /** Under the guard, by a host that is open: the volume's mode is to become `mode`. */
  async request(engine: LockingEngine, mode: LockMode): Promise<void> {
    const { state, image } = await this.#read()
    const isPending = state.mode !== mode
    if (isPending !== state.isPending) await this.#write(engine, image, { mode: state.mode, isPending })
  }

  /** Under the guard, by a host that rests and has no journal any more. */
  async finish(engine: LockingEngine): Promise<void> {
    if (this.#forced) return
    const { state, image } = await this.#read()
    if (!state.isPending) return
    const mode = otherMode(state.mode)
    if ((await this.#others(engine)).length > 0 || (await this.#whyUnable(mode)) !== undefined) return
    await this.#write(engine, image, { mode, isPending: false })
    engine.useMode(mode)
  }

  /**
   * The host has the volume open in another mode than the volume's: a dead one is buried.
   * @throws VmfsError 'in use' for one that lives
   */
  async demandDead(engine: LockingEngine, slot: Heartbeat): Promise<void> {
    const { owner: host, slotOffset: heartbeatOffset, generation: heartbeatGeneration } = slot
    if (await engine.outlive({ host, heartbeatOffset, heartbeatGeneration })) return
    throw new VmfsError('in use', `${strandedText(slot, this.#mode)}: ${CURE}`, heartbeatOffset)
  }

  async #use(engine: LockingEngine, mode: LockMode): Promise<void> {
    if (mode === this.#mode) return
    await this.#demandAble(mode)
    this.#mode = mode
    await engine.rest()
    engine.useMode(mode)
    engine.start()
  }

  async #read(): Promise<{ readonly state: LockModeState; readonly image: Buffer }> {
    const { logical, version } = this.#volume
    const { device } = logical.place(FS_DESCRIPTOR_OFFSET)
    const image = await logical.read(FS_DESCRIPTOR_OFFSET, Math.min(device.blockBytes, version.sectorBytes))
    return { state: lockModeOf({ descriptor: FS_DESCRIPTOR.decode(image) }), image }
  }

  async #write(engine: LockingEngine, read: Buffer, state: LockModeState): Promise<void> {
    if (await engine.replace(FS_DESCRIPTOR_OFFSET, read, describing(read, state))) return
    throw new VmfsError(
      'in use',
      'another host has changed how the volume is locked in the meantime, having taken this one for dead: try again',
      FS_DESCRIPTOR_OFFSET,
    )
  }

  async #others(engine: LockingEngine): Promise<readonly Heartbeat[]> {
    const slots = await readHeartbeats(this.#volume.logical, this.#volume.version)
    return slots.filter(({ slotOffset, journalOffset }) => slotOffset !== engine.slotOffset && journalOffset !== 0)
  }

  async #demandAble(mode: LockMode): Promise<void> {
    const why = await this.#whyUnable(mode)
    if (why === undefined) return
    throw new VmfsError('unsupported', `the volume is ATS-only, and ${why}`)
  }

  async #whyUnable(mode: LockMode): Promise<string | undefined> {
    if (mode === 'ATS+SCSI') return undefined
    if (!this.#accelerated)
      return 'this host may not use ATS: let it, or make the volume ATS+SCSI with "lunette vmfs lockmode set --scsi" from a host that may'
    this.#whyNot ??= whyNoAts(this.#volume.logical.extents.map(({ device }) => device))
    const why = await this.#whyNot
    return why && `${why}: switch ATS on at the array, since no host locks such a volume in another way`
  }
}

const BY: ReadonlyMap<number, string> = new Map([
  [LOCK_IMPLEMENTATION.reservations, 'by reservations'],
  [LOCK_IMPLEMENTATION.ats, 'by ATS alone'],
  [LOCK_IMPLEMENTATION.both, 'by ATS and reservations'],
])
export const CURE = 'close the volume on that host and open it there again'

/** Of a host that is stranded in another mode. */
export function strandedText({ owner, ip, slotOffset, lockImplementation }: Heartbeat, mode: LockMode): string {
  const how = BY.get(lockImplementation) ?? `in a way that is not known (${lockImplementation})`
  return (
    `host ${owner}${ip === '' ? '' : ` (${ip})`}, with the heartbeat slot at byte ${slotOffset} of the volume, locks it ${how}, and ` +
    `the volume is ${mode}`
  )
}

/** The hosts among `slots` that have the volume open, and lock it in another mode than it says. */
export const strandedHosts = (volume: Volume, slots: readonly Heartbeat[]): readonly Heartbeat[] =>
  slots.filter(
    ({ journalOffset, lockImplementation }) =>
      journalOffset !== 0 && !goesWith(lockImplementation, lockModeOf(volume).mode),
  )
