// Sends the commands of one logical unit and judges their answers: tries again what may be, tells of unit attentions, and makes
// errors of the rest.

import type { SenseData } from '../../protocol/scsi/sense.ts'
import { WireError } from '../../protocol/wire/error.ts'
import { delay } from './clock.ts'
import { commandError } from './command-error.ts'
import { newTries, type Tries, tellsOfReset, verdict } from './command-policy.ts'
import type { Request } from './commands/request.ts'
import type { CommandResult } from './initiator/command.ts'
import { MalformedAnswerError, ReservationLostError } from './initiator/errors.ts'
import type { Nexus, NexusCommand } from './nexus.ts'

export type AttentionListener = (attention: SenseData) => void

export class CommandRunner {
  readonly #nexus: Nexus
  readonly #lun: number
  readonly #listeners = new Set<AttentionListener>()
  /** While this nexus relies on a RESERVE(6): the generation in which it got it. */
  #reservedIn: number | undefined
  #reservationLost = false

  constructor(nexus: Nexus, lun: number) {
    this.#nexus = nexus
    this.#lun = lun
  }

  /** RESERVE(6) has succeeded. */
  relyOnReservation(): void {
    this.#reservedIn = this.#nexus.generation
  }

  /** RELEASE(6), or another RESERVE(6): whatever has become of the one before. */
  forgetReservation(): void {
    this.#reservedIn = undefined
    this.#reservationLost = false
  }

  /** @returns what ends the listening */
  onUnitAttention(listener: AttentionListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Carries out a request.
   * @throws CommandError for a status other than GOOD, IscsiError when there is no answer
   * @throws ReservationLostError when a RESERVE(6) was lost, until another or a RELEASE(6)
   */
  async run<T>(request: Request<T>): Promise<T> {
    this.#requireReservation(request.name)
    const command = this.#command(request)
    let result = await this.#nexus.execute(command)
    if (result.status !== 0 || result.response !== 0) result = await this.#insist(command, result, newTries())
    if (request.exact && result.residual)
      throw new MalformedAnswerError(
        `${request.name}: GOOD, but ${result.residual.kind} of ${result.residual.count} bytes`,
      )
    try {
      return request.decode(result.data)
    } catch (error) {
      if (error instanceof WireError)
        throw new MalformedAnswerError(`${request.name}: ${error.message}`, { cause: error })
      throw error
    }
  }

  /** Whoever relied on it has to say so before anything else is done. */
  #requireReservation(name: string): void {
    if (this.#reservedIn !== undefined && this.#reservedIn !== this.#nexus.generation) this.#reservationLost = true
    if (this.#reservationLost) throw new ReservationLostError(name)
  }

  /** Until it is done, or there is no use in trying. */
  async #insist(command: NexusCommand, first: CommandResult, tries: Tries): Promise<CommandResult> {
    for (let result = first; ; ) {
      const next = verdict(result, tries, { repeatable: command.repeatable, reserved: this.#reservedIn !== undefined })
      if (next.kind === 'done') return result
      if (next.attention) this.#tell(next.attention)
      if (next.kind === 'failed') throw this.#failure(command.name, result)
      if (next.afterMs > 0) await delay(this.#nexus.clock, next.afterMs)
      result = await this.#nexus.execute(command)
    }
  }

  #failure(name: string, result: CommandResult): Error {
    const error = commandError(name, result)
    return this.#reservationLost ? new ReservationLostError(name, { cause: error }) : error
  }

  /** While a reservation protects what is written, nothing is written again by a nexus that may have lost it. */
  #command({
    name,
    cdb,
    dataOut,
    dataInLength,
    repeatable,
    slow,
    mayLeave,
    timeoutMs,
    abortMs,
  }: Request<unknown>): NexusCommand {
    return {
      name,
      lun: this.#lun,
      cdb,
      ...(dataOut && { dataOut }),
      ...(dataInLength !== undefined && { dataInLength }),
      repeatable: repeatable && (this.#reservedIn === undefined || dataInLength !== undefined),
      ...(slow && { slow }),
      ...(mayLeave && { mayLeave }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(abortMs !== undefined && { abortMs }),
    }
  }

  #tell(attention: SenseData): void {
    if (tellsOfReset(attention) && this.#reservedIn !== undefined) this.#reservationLost = true
    for (const listener of this.#listeners) listener(attention)
  }
}
