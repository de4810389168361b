// The commands that every logical unit may have (SPC-4, SPC-2), as methods. Each is declared in commands/; what becomes of its
// answer is decided in command-policy.ts.

import { type AttentionListener, CommandRunner } from './command-runner.ts'
import * as copy from './commands/copy.ts'
import * as identity from './commands/identity.ts'
import { asItIs, type Request } from './commands/request.ts'
import * as reservations from './commands/reservations.ts'
import { type VpdPageName, vpdPage } from './commands/vpd-pages.ts'
import type { CommandResult } from './initiator/command.ts'
import { abortTaskSet, clearTaskSet, lunReset } from './initiator/task-management.ts'
import type { Nexus } from './nexus.ts'

export interface RawOptions {
  readonly dataOut?: Buffer
  /** Bytes to take at most. */
  readonly dataInLength?: number
  /** What messages call the command. */
  readonly name?: string
  /** It may be sent again when nobody knows whether it was carried out; without this it fails with OutcomeUnknownError. */
  readonly repeatable?: boolean
  /** Its timeout is longer than that of a read. */
  readonly slow?: boolean
  /** In place of the session's timeout. */
  readonly timeoutMs?: number
}

/** What a request of commands/ is told. */
export type Told<F> = F extends (...args: infer A) => unknown ? A : never

export class PrimaryCommands {
  /** What messages call the logical unit: target and LUN. */
  readonly name: string
  readonly lun: number
  readonly #nexus: Nexus
  readonly #runner: CommandRunner

  constructor(nexus: Nexus, lun: number) {
    this.name = `${nexus.name}/${lun}`
    this.lun = lun
    this.#nexus = nexus
    this.#runner = new CommandRunner(nexus, lun)
  }

  /** Tells of every unit attention that a command of this object meets, also of those that are passed over. */
  onUnitAttention(listener: AttentionListener): () => void {
    return this.#runner.onUnitAttention(listener)
  }

  /** Changes with everything that ends what the I_T nexus holds: a new session, a reset that it asked for. */
  get nexusGeneration(): number {
    return this.#nexus.generation
  }

  /** Any request of commands/. */
  run<T>(request: Request<T>): Promise<T> {
    return this.#runner.run(request)
  }

  /**
   * A CDB as it stands: its status, whatever it is, is the result, and nothing is tried again.
   * @throws RangeError for a CDB that cannot be sent, IscsiError when there is no answer
   */
  execute(
    cdb: Buffer,
    {
      name = `command ${(cdb[0] ?? 0).toString(16).padStart(2, '0')}h`,
      repeatable = false,
      ...options
    }: RawOptions = {},
  ): Promise<CommandResult> {
    return this.#nexus.execute({ lun: this.lun, cdb, name, repeatable, ...options })
  }

  inquiry() {
    return this.run(identity.inquiry())
  }

  /** A VPD page as it came, its header included. */
  vpd(pageCode: number): Promise<Buffer> {
    return this.run(identity.vpd(pageCode, asItIs))
  }

  /** A VPD page as values. */
  vpdPage<N extends VpdPageName>(name: N) {
    return this.run(vpdPage(name))
  }

  testUnitReady(): Promise<void> {
    return this.run(identity.testUnitReady())
  }

  requestSense(...args: Told<typeof identity.requestSense>) {
    return this.run(identity.requestSense(...args))
  }

  reportLuns(...args: Told<typeof identity.reportLuns>) {
    return this.run(identity.reportLuns(...args))
  }

  /** MODE SENSE(10). */
  modeSense(...args: Told<typeof identity.modeSense10>) {
    return this.run(identity.modeSense10(...args))
  }

  modeSense6(...args: Told<typeof identity.modeSense6>) {
    return this.run(identity.modeSense6(...args))
  }

  logSense(...args: Told<typeof identity.logSense>) {
    return this.run(identity.logSense(...args))
  }

  reportSupportedOperationCodes(...args: Told<typeof identity.reportSupportedOperationCodes>) {
    return this.run(identity.reportSupportedOperationCodes(...args))
  }

  reportSupportedOperationCode(...args: Told<typeof identity.reportSupportedOperationCode>) {
    return this.run(identity.reportSupportedOperationCode(...args))
  }

  reportSupportedTaskManagementFunctions() {
    return this.run(identity.reportSupportedTaskManagementFunctions())
  }

  reportTargetPortGroups() {
    return this.run(identity.reportTargetPortGroups())
  }

  extendedCopy(...args: Told<typeof copy.extendedCopy>): Promise<void> {
    return this.run(copy.extendedCopy(...args))
  }

  receiveCopyOperatingParameters() {
    return this.run(copy.receiveCopyOperatingParameters())
  }

  receiveCopyStatus(...args: Told<typeof copy.receiveCopyStatus>) {
    return this.run(copy.receiveCopyStatus(...args))
  }

  receiveCopyFailureDetails(...args: Told<typeof copy.receiveCopyFailureDetails>) {
    return this.run(copy.receiveCopyFailureDetails(...args))
  }

  populateToken(...args: Told<typeof copy.populateToken>): Promise<void> {
    return this.run(copy.populateToken(...args))
  }

  writeUsingToken(...args: Told<typeof copy.writeUsingToken>): Promise<void> {
    return this.run(copy.writeUsingToken(...args))
  }

  receiveRodTokenInformation(...args: Told<typeof copy.receiveRodTokenInformation>): Promise<Buffer> {
    return this.run(copy.receiveRodTokenInformation(...args))
  }

  persistentReserveIn<A extends reservations.PersistentReserveInAction>(action: A) {
    return this.run(reservations.persistentReserveIn(action))
  }

  persistentReserveOut(...args: Told<typeof reservations.persistentReserveOut>): Promise<void> {
    return this.run(reservations.persistentReserveOut(...args))
  }

  registerAndMove(...args: Told<typeof reservations.registerAndMove>): Promise<void> {
    return this.run(reservations.registerAndMove(...args))
  }

  /**
   * From here to `release6` the caller relies on the reservation. When a reset or a new session has dropped it, every command
   * fails with ReservationLostError until `reserve6` or `release6` is called; what writes is not sent twice.
   */
  async reserve6(): Promise<void> {
    this.#runner.forgetReservation()
    await this.run(reservations.reserve6())
    this.#runner.relyOnReservation()
  }

  async release6(): Promise<void> {
    this.#runner.forgetReservation()
    await this.run(reservations.release6())
  }

  /** ABORT TASK SET: the commands of this nexus to this logical unit. TASK_MANAGEMENT_RESPONSE_CODE names what comes back. */
  abortTaskSet(): Promise<number> {
    return abortTaskSet(this.#nexus, this.lun)
  }

  /** CLEAR TASK SET: those of all nexuses. */
  clearTaskSet(): Promise<number> {
    return clearTaskSet(this.#nexus, this.lun)
  }

  /** LOGICAL UNIT RESET. */
  reset(): Promise<number> {
    return lunReset(this.#nexus, this.lun)
  }

  /** Logs out, where the session is this logical unit's own. */
  close(): Promise<void> {
    return this.#nexus.close()
  }
}
