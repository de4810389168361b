// A logical unit: its medium behind the gate, its identity and limits, and what it remembers of its initiators. State is
// owned here and changed through few methods; handlers reach it as `task.lu`.

import type { Gate } from '../../luns/gate.ts'
import { SENSE, type Sense } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import { numbering } from '../config/presentations.ts'
import type { LunConfig } from '../config/schema.ts'
import type { Identity } from '../config/state.ts'
import type { UnitState } from '../config/unit-state.ts'
import { BackgroundOperation } from './background-operation.ts'
import { type CopyOperation, CopyOperations } from './copy-operations.ts'
import { IdentifyingInformation } from './identifying-information.ts'
import { type LockEventSink, LockHistory } from './lock-history.ts'
import { type ModePageOptions, UA_INTERLOCK } from './mode-pages.ts'
import { ModeParameters } from './mode-parameters.ts'
import type { Nexus } from './nexus.ts'
import { Readiness } from './readiness.ts'
import { RemovableMedium } from './removable-medium.ts'
import { Reservations } from './reservations.ts'
import { Statistics } from './statistics.ts'
import type { Task } from './task.ts'
import { TaskSet } from './task-set.ts'
import { ThinProvisioning } from './thin-provisioning.ts'
import { watchThresholds } from './threshold-watch.ts'
import { UnitAttentions } from './unit-attentions.ts'
import { UnitBuffers } from './unit-buffers.ts'
import { UnitClock } from './unit-clock.ts'

const PREVIOUS_STATUS: ReadonlyMap<number, Sense> = new Map([
  [STATUS.BUSY, SENSE.PREVIOUS_BUSY_STATUS],
  [STATUS.TASK_SET_FULL, SENSE.PREVIOUS_TASK_SET_FULL_STATUS],
  [STATUS.RESERVATION_CONFLICT, SENSE.PREVIOUS_RESERVATION_CONFLICT_STATUS],
])

export type Vaai = LunConfig['vaai']
export type Limits = LunConfig['limits']

export class LogicalUnit {
  readonly lun: number
  readonly gate: Gate
  readonly state: UnitState
  readonly blockSize: number
  readonly physicalBlockSize: number
  readonly thin: boolean
  /** Opened for reading only, whatever the configuration says since. */
  readonly storeReadOnly: boolean
  // what `configure` alone changes
  identity!: Identity & { readonly vendor: string; readonly product: string; readonly revision: string }
  /** The capacity. */
  blocks = 0
  readOnly = false
  dpoFua = false
  scsiVersion = 0
  vaai!: Vaai
  limits!: Limits
  /** The same number for everybody, and nobody kept away: the hot path asks this first. */
  uniform = true
  /** The number under which an initiator finds the unit, by its name; undefined for one that does not see it. */
  lunFor!: (initiatorName: string) => number | undefined
  readonly unitAttentions = new UnitAttentions()
  readonly modes: ModeParameters
  /** Of a unit whose blocks come from a pool. */
  readonly provisioning: ThinProvisioning | undefined
  /** The unit is going: it need not hear of its pool any more. */
  readonly leavePool: () => void
  readonly tasks = new TaskSet<Task>()
  readonly copies = new CopyOperations()
  readonly reservations: Reservations
  readonly medium: RemovableMedium
  readonly background: BackgroundOperation
  readonly readiness: Readiness
  readonly buffers = new UnitBuffers()
  readonly clock = new UnitClock()
  readonly identifyingInformation: IdentifyingInformation
  readonly statistics: Statistics
  readonly lockHistory: LockHistory

  readonly #atomics = new Set<Promise<unknown>>()

  /** Throws OperatorError when what was kept of the unit makes no sense. */
  constructor(config: LunConfig, identity: Identity, gate: Gate, state: UnitState, onLockEvent?: LockEventSink) {
    this.lun = config.id
    this.state = state
    this.gate = gate
    this.blockSize = config.blockSize
    this.physicalBlockSize = config.physicalBlockSize
    this.thin = config.provisioning === 'thin'
    this.statistics = new Statistics(gate, config.blockSize)
    this.lockHistory = new LockHistory(gate, config.blockSize, onLockEvent)
    this.storeReadOnly = config.readOnly
    this.medium = new RemovableMedium(config.removable)
    this.background = new BackgroundOperation(this, state, config.sanitizeSeconds)
    this.readiness = new Readiness(this.background, this.medium)
    this.reservations = new Reservations(state)
    this.identifyingInformation = new IdentifyingInformation(state)
    this.provisioning = this.thin && gate.pool ? new ThinProvisioning(gate, gate.pool, config.blockSize) : undefined
    this.modes = new ModeParameters(this.#modePages(config), state)
    this.leavePool = watchThresholds(this)
    this.configure(config, identity)
  }

  /**
   * Takes over what may change while the unit runs; what may not (change-rules.ts) is as it was. A command that has been
   * judged goes on by what it was judged by. Whoever calls tells the initiators.
   */
  configure(config: LunConfig, identity: Identity = this.identity): void {
    const { naa, serial } = identity
    const { vendor, product, revision } = config.identity
    this.identity = { naa, serial, vendor, product, revision }
    this.blocks = Math.floor(config.size / config.blockSize)
    this.readOnly = config.readOnly
    this.dpoFua = config.dpoFua
    this.scsiVersion = config.scsiVersion
    this.vaai = config.vaai
    this.limits = config.limits
    this.medium.configure(config.removable)
    this.gate.writeThrough = !config.writeCache
    this.#changeModes(() => this.modes.configure(this.#modePages(config)))
    this.background.sanitizeSeconds = config.sanitizeSeconds
    this.lunFor = numbering(config)
    this.uniform = config.initiators === 'any' && config.presentations.length === 0
  }

  /** What is in the cache is written where there is to be none from now on (SBC-3 6.4.5). */
  #changeModes(change: () => void): void {
    const cached = this.modes.writeCache
    change()
    // A flush that fails is remembered by the store: the next one fails with it.
    if (cached && !this.modes.writeCache) this.gate.flush().catch(() => {})
  }

  #modePages({ writeCache }: LunConfig): ModePageOptions {
    return { writeCache, thresholds: this.provisioning?.defaultThresholds }
  }

  /** Whether the initiator may see this logical unit. */
  visibleTo(nexus: Nexus): boolean {
    return this.lunFor(nexus.initiatorName) !== undefined
  }

  /** Whether a reservation keeps the nexus from reading, or from writing: also what others do on its behalf. */
  refuses(nexus: Nexus, access: 'read' | 'write'): boolean {
    return this.reservations.held && this.reservations.refuse(nexus, access)
  }

  get writeProtected(): boolean {
    return this.readOnly || this.modes.softwareWriteProtect
  }

  /** Follows a COMPARE AND WRITE that did not end at once: a RESERVE waits for it. */
  async duringAtomic<T>(running: Promise<T>): Promise<T> {
    this.#atomics.add(running)
    try {
      return await running
    } finally {
      this.#atomics.delete(running)
    }
  }

  /** Resolves when every COMPARE AND WRITE that is under way has ended; undefined when none is. */
  atomicsEnded(): Promise<void> | undefined {
    if (this.#atomics.size === 0) return undefined
    return Promise.allSettled(this.#atomics).then(() => {})
  }

  /** Third-party copies that no task of the unit stands for: its own in the background, and those that reach its medium now. */
  freeCopies(): CopyOperation[] {
    return [...this.copies.background(), ...this.background.copies]
  }

  /** Logical unit reset (SAM-5 6.3.3): everything volatile is as after power on, and every nexus hears of it. */
  reset(sense: Sense): void {
    if (this.reservations.reserved) this.lockHistory.released(undefined, 'logical unit reset')
    this.reservations.reset()
    this.#changeModes(() => this.modes.reset())
    for (const copy of this.background.copies) copy.stop()
    this.copies.reset()
    this.buffers.reset()
    this.medium.reset()
    this.unitAttentions.supersedeForAll(sense)
  }

  /** What other nexuses hear of their tasks that `by` aborts: TASK ABORTED by TAS, else a unit attention (SAM-5 5.6). */
  tellAborted(tasks: readonly Task[], by: Nexus): void {
    for (const task of tasks) {
      if (task.nexus === by) continue
      if (this.modes.taskAbortedStatus) task.tellsAbort = true
      else this.unitAttentions.establish(task.nexus, SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    }
  }

  /** UA_INTLCK_CTRL 11b: what a status without sense data was for is told by a unit attention (SPC-4 7.5.8). */
  statusReturned(nexus: Nexus, status: number): void {
    const sense = PREVIOUS_STATUS.get(status)
    if (sense && this.modes.unitAttentionInterlock === UA_INTERLOCK.KEEP_AND_ESTABLISH)
      this.unitAttentions.establish(nexus, sense)
  }

  /** The I_T nexus is gone: its reservation and its unit attentions go with it (SAM-5 6.3.4). */
  loseNexus(nexus: Nexus): void {
    this.unitAttentions.detach(nexus)
    for (const copy of this.background.copies) if (copy.nexus === nexus) copy.stop()
    this.copies.drop(nexus)
    this.buffers.loseNexus(nexus)
    if (this.reservations.reservedBy === nexus) this.lockHistory.released(nexus, 'I_T nexus loss')
    this.reservations.release(nexus)
    this.medium.allow(nexus)
  }
}
