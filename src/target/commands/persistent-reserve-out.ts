// PERSISTENT RESERVE OUT (SPC-4 6.16): judges the parameter list, lets the state machine (persistent-reservation.ts) decide,
// tells who must be told, and ends when nothing can happen any more that the new state does not allow.

import type * as CDB from '../../../protocol/scsi/commands/persistent-reserve.ts'
import { LU_SCOPE } from '../../../protocol/scsi/persistent-reserve-in.ts'
import {
  decodePersistentReserveOut,
  decodeRegisterAndMove,
  PERSISTENT_RESERVE_OUT_LIST,
  type PersistentReserveOutList,
  REGISTER_AND_MOVE_LIST,
} from '../../../protocol/scsi/persistent-reserve-out.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { Nexus } from '../nexus.ts'
import { initiatorPortsNamed, knownInitiatorPorts, nexusName, otherTargetPorts, targetPortOf } from '../nexus-names.ts'
import type { Change, PersistentState } from '../persistent-reservation.ts'
import * as machine from '../persistent-reservation.ts'
import { tellReservationNews } from '../reservation-news.ts'
import { abortTasks, type Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'
import { requireNoReserve } from './persistent-reserve-in.ts'

type Out = Task<
  | typeof CDB.PERSISTENT_RESERVE_OUT_RESERVE
  | typeof CDB.PERSISTENT_RESERVE_OUT_RELEASE
  | typeof CDB.PERSISTENT_RESERVE_OUT_PREEMPT
  | typeof CDB.PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT
>
type OutWithoutType = Task<
  | typeof CDB.PERSISTENT_RESERVE_OUT_REGISTER
  | typeof CDB.PERSISTENT_RESERVE_OUT_CLEAR
  | typeof CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY
  | typeof CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE
>

export const registerKey = (task: OutWithoutType): Promise<void> => register(task, true)
export const registerAndIgnoreExistingKey = (task: OutWithoutType): Promise<void> => register(task, false)

async function register(task: OutWithoutType, keyCounts: boolean): Promise<void> {
  const list = await basicList(task, task.cdb.parameterListLength)
  if (list.specIPt && !keyCounts) throw invalidIn(PERSISTENT_RESERVE_OUT_LIST, 'specIPt')
  requireAptpl(task, list.aptpl, PERSISTENT_RESERVE_OUT_LIST)
  const own = nexusName(task.nexus)
  const others = list.allTgPt ? otherTargetPorts(task) : []
  const specified = list.specIPt ? specifiedBy(task, list, [own, ...others]) : undefined
  const { serviceActionReservationKey: newKey, aptpl } = list
  const key = keyCounts ? list.reservationKey : undefined
  await change(task, (state) => machine.register(state, own, { key, newKey, aptpl, others, specified }))
}

/** SPEC_I_PT: every initiator port of the list, however often it is named, through the ports that the registration is for. */
function specifiedBy(
  task: Task,
  { transportIds }: PersistentReserveOutList,
  through: readonly machine.NexusName[],
): machine.NexusName[] {
  const known = knownInitiatorPorts(task)
  const ports = new Set<string>()
  const seen = new Set<string>()
  for (const id of transportIds) {
    const name = `${id.initiatorName} ${id.isid ?? ''}`
    if (seen.has(name)) continue
    seen.add(name)
    const named = initiatorPortsNamed(known, id)
    if (named.length === 0) throw invalidParameter(id.offset) // a name alone, and nobody of that name is known
    for (const port of named) ports.add(port)
  }
  return [...ports].flatMap((initiatorPort) => through.map((target) => ({ ...target, initiatorPort })))
}

export async function reservePersistently(task: Out): Promise<void> {
  const list = await basicList(task, task.cdb.parameterListLength)
  await keyedChange(task, list, (state, own) => machine.reserve(state, own, takeType(task)))
}

export async function releasePersistent(task: Out): Promise<void> {
  const list = await basicList(task, task.cdb.parameterListLength)
  const { scope, type } = task.cdb
  const matches = (held: number): boolean => scope === LU_SCOPE && type === held
  await keyedChange(task, list, (state, own) => machine.release(state, own, matches))
}

export async function clearRegistrations(task: OutWithoutType): Promise<void> {
  await keyedChange(task, await basicList(task, task.cdb.parameterListLength), machine.clear)
}

export async function preemptRegistrations(task: Out): Promise<void> {
  await preempt(task, () => [])
}

export async function preemptAndAbort(task: Out): Promise<void> {
  let aborted: ReturnType<typeof abortWorkOf> = []
  await preempt(task, ({ preempted }) => {
    aborted = abortWorkOf(task, preempted)
  })
  await Promise.all(aborted.map(({ ended }) => ended))
}

async function preempt(task: Out, effect: (change: Change) => void): Promise<void> {
  const list = await basicList(task, task.cdb.parameterListLength)
  const key = list.serviceActionReservationKey
  await keyedChange(task, list, (state, own) => machine.preempt(state, own, key, () => takeType(task)), effect)
}

/**
 * What the preempted nexuses have under way on this logical unit, told to stop: their tasks, copies that no task waits for,
 * and those that another unit's copy manager carries out here. Nor do they prevent the removal of the medium any longer (SPC-4
 * 5.13.11.5).
 */
function abortWorkOf({ lu, nexus: own }: Task, preempted: readonly string[]): readonly Pick<Task, 'ended'>[] {
  const names = new Set(preempted)
  const isPreempted = ({ nexus }: { readonly nexus: Nexus }): boolean => names.has(machine.nexusKey(nexus))
  for (const nexus of lu.unitAttentions.nexuses) if (isPreempted({ nexus })) lu.medium.allow(nexus)
  const copies = lu.freeCopies().filter(isPreempted)
  for (const copy of copies) copy.stop()
  const tasks = lu.tasks.all().filter(isPreempted)
  lu.tellAborted(tasks, own)
  abortTasks(tasks)
  return [...tasks, ...copies]
}

export async function registerAndMoveReservation(task: OutWithoutType): Promise<void> {
  const { parameterListLength } = task.cdb
  if (parameterListLength < REGISTER_AND_MOVE_LIST.size) throw new SenseError(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const bytes = await parameterList(task, parameterListLength)
  const list = decodeParameters(() => decodeRegisterAndMove(bytes))
  requireAptpl(task, list.aptpl, REGISTER_AND_MOVE_LIST)
  const target = targetPortOf(task, list.relativeTargetPort)
  if (!target) throw invalidIn(REGISTER_AND_MOVE_LIST, 'relativeTargetPort')
  const [initiatorPort, ...more] = initiatorPortsNamed(knownInitiatorPorts(task), list.transportId)
  if (initiatorPort === undefined || more.length > 0) throw invalidParameter(list.transportId.offset) // not one port
  const { serviceActionReservationKey: newKey, unreg, aptpl } = list
  const to = { ...target, initiatorPort }
  await keyedChange(task, list, (state, own) => machine.registerAndMove(state, own, { newKey, unreg, aptpl, to }))
}

async function basicList(task: Task, length: number): Promise<PersistentReserveOutList> {
  if (length < PERSISTENT_RESERVE_OUT_LIST.size) throw new SenseError(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const bytes = await parameterList(task, length)
  return decodeParameters(() => decodePersistentReserveOut(bytes))
}

/** SCOPE and TYPE where they count: looked at once the key is known to be right (SPC-4 6.16.3). */
function takeType(task: Out): number {
  const { scope, type } = task.cdb
  if (scope !== LU_SCOPE) throw invalidCdbField(task, 'scope')
  if (!machine.isReservationType(type)) throw invalidCdbField(task, 'type')
  return type
}

function requireAptpl({ lu }: Task, aptpl: boolean, list: Layout): void {
  if (aptpl && !lu.reservations.canPersist) throw invalidIn(list, 'aptpl')
}

function invalidIn(list: Layout, name: string): SenseError {
  const position = list.find(name)
  if (!position) throw new RangeError(`${list.name} has no field ${name}`)
  return invalidParameter(position.byte, position.bits % 8 === 0 ? undefined : position.bit)
}

/** Of a service action that only a registered nexus may ask for, with its key. */
function keyedChange(
  task: Task,
  { reservationKey }: { readonly reservationKey: bigint },
  decide: (state: PersistentState, own: machine.NexusName) => Change,
  effect?: (change: Change) => void,
): Promise<void> {
  const own = nexusName(task.nexus)
  return change(
    task,
    (state) => {
      machine.requireKey(state, own, reservationKey)
      return decide(state, own)
    },
    effect,
  )
}

async function change(
  task: Task,
  decide: (state: PersistentState) => Change,
  effect: (change: Change) => void = () => {},
): Promise<void> {
  const { lu } = task
  await lu.reservations.change(
    (state) => {
      task.throwIfAborted()
      requireNoReserve(task)
      return decide(state)
    },
    (made) => {
      tellReservationNews(lu, made)
      effect(made)
    },
  )
  await lu.atomicsEnded() // as with RESERVE: those that were judged by what stood before end first
}
