// Sends the commands of procedures to the disks of a volume, each in its time, counts them, and keeps the one reservation of the
// host to the procedure that has it.

import { type Clock, callAt } from '../../clock.ts'
import { type IoLimits, isShared, type SharedDevice } from '../../shared-device.ts'
import type { LogicalVolume } from '../logical-volume.ts'
import { answerOf } from './answers.ts'
import type { Answer, Command } from './commands.ts'
import { Counters, type LockingCounts } from './counters.ts'
import { OwnReservation } from './own-reservation.ts'
import { fencedTimes, type LockingSettings } from './settings.ts'
import { type LockingTrace, traced } from './trace.ts'

type Io = Extract<Command, { operation: unknown }>

/** For whom it is sent. */
interface SendingHost {
  readonly clock: Clock
  readonly onTrace?: (sent: LockingTrace) => void
  /** Whether a plain write may leave now. */
  mayWrite(): boolean
}

export class SectorIo {
  readonly #volume: LogicalVolume
  readonly #settings: LockingSettings
  readonly #host: SendingHost
  readonly #reservation = new OwnReservation()
  readonly #counters = new Counters()

  constructor(volume: LogicalVolume, settings: LockingSettings, host: SendingHost) {
    this.#volume = volume
    this.#settings = settings
    this.#host = host
  }

  get counts(): LockingCounts {
    return this.#counters.counts
  }

  /** @param procedure on whose behalf: a reservation is that of one of them */
  async carryOut(command: Io, procedure: unknown): Promise<Pick<Answer, 'kind' | 'image'>> {
    const device = this.#deviceOf(command)
    const { epoch } = device
    this.#requireAllowed(command)
    if (command.kind === 'reserve' && !this.#reservation.begin(procedure, epoch)) return { kind: 'conflict' }
    const needsReservation = command.kind !== 'reserve' && command.kind !== 'release'
    const isUnprotected = () => needsReservation && this.#reservation.isLost(procedure, device.epoch)
    if (isUnprotected()) return { kind: 'failed' }
    const issuedMs = this.#host.clock.now()
    const lastMs = issuedMs + command.timeoutMs
    const fenced = command.kind === 'write' && command.fenced
    // It may have waited for a connection: with a new one the reservation is gone.
    const mayLeave = () => this.#host.clock.now() < lastMs && (!fenced || this.#host.mayWrite()) && !isUnprotected()
    if (!mayLeave()) return { kind: 'fenced' }
    const told = await this.#inTime(
      answerOf(this.#send(device, command, this.#limits(command, mayLeave))),
      command.timeoutMs,
    )
    if (told.kind !== 'fenced') {
      this.#counters.count(command, told.kind)
      this.#host.onTrace?.(traced(command, told.kind, this.#host.clock.now() - issuedMs))
    }
    // What was too late to leave was never carried out.
    const answer = told.kind === 'fenced' && !fenced ? { kind: 'timeout' as const } : told
    const notReserved = command.kind === 'reserve' && answer.kind !== 'done' && answer.kind !== 'timeout'
    if (notReserved || (command.kind === 'release' && answer.kind === 'done')) this.#reservation.end(procedure)
    return answer
  }

  /** Whoever has an ATS-only volume open relies on nobody's reserving it: to do so is a fault of this program. */
  #requireAllowed({ kind, operation }: Io): void {
    if (kind === 'reserve' && this.#settings.mode === 'ATS-only')
      throw new Error(`a RESERVE for '${operation}' on a volume that is ATS-only`)
  }

  /** What the medium does not judge may not be carried out late. */
  #limits({ kind, timeoutMs }: Io, mayLeave: () => boolean): IoLimits {
    const times = fencedTimes(this.#settings)
    if (kind !== 'write') return { mayLeave, timeoutMs }
    return { mayLeave, timeoutMs: Math.min(timeoutMs, times.timeoutMs), abortMs: times.abortMs }
  }

  async #send(device: SharedDevice, command: Io, limits: IoLimits): Promise<{ image?: Buffer }> {
    switch (command.kind) {
      case 'reserve':
        await device.reserve()
        return {}
      case 'release':
        await device.release()
        return {}
      default: {
        const { offset } = this.#volume.place(command.offset)
        if (command.kind === 'read') return { image: await device.readNow(offset, device.blockBytes, limits) }
        if (command.kind === 'write') await device.writeNow(offset, command.image, limits)
        else await device.compareAndWrite(offset, command.expected, command.replacement, limits)
        return {}
      }
    }
  }

  #deviceOf({ offset }: Io): SharedDevice {
    const { device } = this.#volume.place(offset)
    if (!isShared(device)) throw new Error(`${device.name} is no device that hosts share`)
    return device
  }

  async #inTime(answer: Promise<Pick<Answer, 'kind' | 'image'>>, ms: number): Promise<Pick<Answer, 'kind' | 'image'>> {
    let cancel = (): void => {}
    const late = new Promise<Pick<Answer, 'kind'>>((resolve) => {
      cancel = callAt(this.#host.clock, this.#host.clock.now() + ms, () => resolve({ kind: 'timeout' }))
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      cancel()
    }
  }
}
