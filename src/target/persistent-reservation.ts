// The persistent reservations of one logical unit as a state machine (SPC-4 5.13): which I_T nexuses are registered with
// which key, and which of them holds the reservation. Pure: a state and a request in, the next state and its effects out, or
// an error that ends the command. Nexuses are names: what one has registered is its own again after a relogin or a restart.

import { fieldPointer } from '../../protocol/scsi/field-pointer.ts'
import { PERSISTENT_RESERVATION_TYPE as TYPE } from '../../protocol/scsi/persistent-reserve-in.ts'
import { PERSISTENT_RESERVE_OUT_LIST, REGISTER_AND_MOVE_LIST } from '../../protocol/scsi/persistent-reserve-out.ts'
import { SENSE, type Sense, SenseError } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import type { Layout } from '../../protocol/wire/layout.ts'
import { StatusError } from './failures.ts'
import { LIMITS } from './limits.ts'

/** An I_T nexus by the names of its ports. */
export interface NexusName {
  readonly initiatorPort: string
  readonly targetPort: string
  /** RELATIVE TARGET PORT IDENTIFIER of the target port. */
  readonly relativeTargetPort: number
}

export interface Registration extends NexusName {
  readonly key: bigint
}

interface PersistentReservation {
  readonly type: number
  /** Undefined: every registered nexus holds it (the All Registrants types). */
  readonly holder: string | undefined
}

export interface PersistentState {
  /** PRGENERATION. */
  readonly generation: number
  /** The last valid APTPL: what is registered outlives a restart. */
  readonly aptpl: boolean
  /** By `nexusKey`, oldest first. */
  readonly registrations: ReadonlyMap<string, Registration>
  readonly reservation: PersistentReservation | undefined
}

export interface Change {
  readonly state: PersistentState
  /** Unit attention conditions, for nexuses that are there to be told. */
  readonly news: readonly { readonly nexuses: readonly string[]; readonly sense: Sense }[]
  /** Whose tasks PREEMPT AND ABORT aborts. */
  readonly preempted: readonly string[]
}

export const NO_REGISTRATIONS: PersistentState = {
  generation: 0,
  aptpl: false,
  registrations: new Map(),
  reservation: undefined,
}

/** No port name has a space in it. */
export const nexusKey = ({ initiatorPort, targetPort }: Omit<NexusName, 'relativeTargetPort'>): string =>
  `${initiatorPort} ${targetPort}`

const WRITE_EXCLUSIVE = new Set<number>([
  TYPE.WRITE_EXCLUSIVE,
  TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
  TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
])
const REGISTRANTS_ONLY = new Set<number>([
  TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
  TYPE.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY,
])
const ALL_REGISTRANTS = new Set<number>([TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS, TYPE.EXCLUSIVE_ACCESS_ALL_REGISTRANTS])
const TYPES = new Set<number>(Object.values(TYPE))

export const isReservationType = (type: number): boolean => TYPES.has(type)
export const isAllRegistrants = (type: number): boolean => ALL_REGISTRANTS.has(type)

/** Every registrant may do what the holder may. */
export const admitsRegistrants = (type: number): boolean => REGISTRANTS_ONLY.has(type) || ALL_REGISTRANTS.has(type)

export function holds({ registrations, reservation }: PersistentState, nexus: string): boolean {
  if (!reservation || !registrations.has(nexus)) return false
  return reservation.holder === undefined || reservation.holder === nexus
}

/** What the reservation leaves a nexus (SPC-4 table 65). */
export function accessOf(state: PersistentState, nexus: string): 'write' | 'read' | 'none' {
  const { registrations, reservation } = state
  if (!reservation || holds(state, nexus)) return 'write'
  if (admitsRegistrants(reservation.type) && registrations.has(nexus)) return 'write'
  return WRITE_EXCLUSIVE.has(reservation.type) ? 'read' : 'none'
}

export interface RegisterRequest {
  /** RESERVATION KEY; undefined for REGISTER AND IGNORE EXISTING KEY. */
  readonly key: bigint | undefined
  /** SERVICE ACTION RESERVATION KEY: zero unregisters. */
  readonly newKey: bigint
  readonly aptpl: boolean
  /** ALL_TG_PT: the same initiator port through the other target ports. */
  readonly others: readonly NexusName[]
  /** SPEC_I_PT: who is registered beside; undefined where the bit is zero. */
  readonly specified: readonly NexusName[] | undefined
}

/** REGISTER and REGISTER AND IGNORE EXISTING KEY (SPC-4 5.13.7, tables 46 and 47). */
export function register(state: PersistentState, from: NexusName, request: RegisterRequest): Change {
  const { key, newKey, aptpl, others, specified } = request
  const own = state.registrations.get(nexusKey(from))
  if (key !== undefined && key !== (own?.key ?? 0n)) throw conflict()
  if (specified && own) throw invalid(PERSISTENT_RESERVE_OUT_LIST, 'specIPt')
  // Through each other port it counts as received there, too: no key is replaced that was not known.
  const foreign = ({ key: has }: Registration): boolean => key !== undefined && has !== key && has !== newKey
  const registered = others.flatMap((other) => state.registrations.get(nexusKey(other)) ?? [])
  if (own === undefined && newKey === 0n && key !== undefined) return unchanged(state)
  if (registered.some(foreign)) throw conflict()

  if (newKey === 0n) {
    const leaving = [...(own ? [own] : []), ...registered]
    if (leaving.length === 0) return unchanged(state)
    return unregister({ ...next(state), aptpl }, leaving.map(nexusKey), nexusKey(from))
  }
  const registrations = new Map(state.registrations)
  for (const nexus of [from, ...others]) registrations.set(nexusKey(nexus), { ...names(nexus), key: newKey })
  for (const nexus of specified ?? [])
    if (!registrations.has(nexusKey(nexus))) registrations.set(nexusKey(nexus), { ...names(nexus), key: newKey })
  requireRoom(registrations)
  return quietly({ ...next(state), aptpl, registrations })
}

/** SPC-4 5.13.11.3: a holder that unregisters releases what it holds; an All Registrants type goes with the last one. */
function unregister(state: PersistentState, leaving: readonly string[], from: string): Change {
  const after = without(state, leaving)
  const released = state.reservation && !after.reservation && REGISTRANTS_ONLY.has(state.reservation.type)
  return {
    state: after,
    news: released ? [{ nexuses: allBut(after, from), sense: SENSE.RESERVATIONS_RELEASED }] : [],
    preempted: [],
  }
}

/** RESERVE (SPC-4 5.13.9). */
export function reserve(state: PersistentState, from: NexusName, type: number): Change {
  const own = nexusKey(from)
  if (state.reservation) {
    if (holds(state, own) && state.reservation.type === type) return unchanged(state)
    throw conflict()
  }
  return quietly({ ...state, reservation: reservationOf(type, own) })
}

/** RELEASE (SPC-4 5.13.11.2); `matches`: SCOPE and TYPE are those of the reservation. */
export function release(state: PersistentState, from: NexusName, matches: (type: number) => boolean): Change {
  const own = nexusKey(from)
  const { reservation } = state
  if (!reservation || !holds(state, own)) return unchanged(state)
  if (!matches(reservation.type)) throw new SenseError(SENSE.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)
  const told = admitsRegistrants(reservation.type)
  return {
    state: { ...state, reservation: undefined },
    news: told ? [{ nexuses: allBut(state, own), sense: SENSE.RESERVATIONS_RELEASED }] : [],
    preempted: [],
  }
}

/** CLEAR (SPC-4 5.13.11.6). */
export function clear(state: PersistentState, from: NexusName): Change {
  return {
    state: { ...next(state), registrations: new Map(), reservation: undefined },
    news: [{ nexuses: allBut(state, nexusKey(from)), sense: SENSE.RESERVATIONS_PREEMPTED }],
    preempted: [],
  }
}

/**
 * PREEMPT and PREEMPT AND ABORT (SPC-4 5.13.11.4): by its key either the holder, whose reservation gives way to one of the
 * type that `takeType` judges and gives, or mere registrations, for which SCOPE and TYPE do not count.
 */
export function preempt(state: PersistentState, from: NexusName, key: bigint, takeType: () => number): Change {
  const { reservation } = state
  const own = nexusKey(from)
  const everyone = reservation !== undefined && reservation.holder === undefined && key === 0n
  if (key === 0n && !everyone) throw invalid(PERSISTENT_RESERVE_OUT_LIST, 'serviceActionReservationKey')
  const named = [...state.registrations.keys()].filter((name) => everyone || keyOf(state, name) === key)
  if (named.length === 0) throw conflict()
  const preempted = named.filter((name) => name !== own)
  const toldPreempted = { nexuses: preempted, sense: SENSE.REGISTRATIONS_PREEMPTED }
  const ofHolder = everyone || (reservation?.holder !== undefined && keyOf(state, reservation.holder) === key)
  if (!ofHolder) return { state: without(next(state), named), news: [toldPreempted], preempted }

  const type = takeType()
  const after = { ...without(next(state), preempted), reservation: reservationOf(type, own) }
  const stay = type === reservation?.type ? [] : allBut(after, own)
  return { state: after, news: [toldPreempted, { nexuses: stay, sense: SENSE.RESERVATIONS_RELEASED }], preempted }
}

export interface MoveRequest {
  readonly newKey: bigint
  readonly unreg: boolean
  readonly aptpl: boolean
  readonly to: NexusName
}

/** REGISTER AND MOVE (SPC-4 5.13.8, table 48): the reservation of the holder goes to another nexus, registered or not. */
export function registerAndMove(state: PersistentState, from: NexusName, request: MoveRequest): Change {
  const { reservation } = state
  const { newKey, unreg, aptpl, to } = request
  const own = nexusKey(from)
  if (!reservation) throw new SenseError(SENSE.INVALID_FIELD_IN_CDB, { field: { in: 'cdb', byte: 1, bit: 4 } })
  if (reservation.holder !== own) throw conflict()
  if (newKey === 0n) throw invalid(REGISTER_AND_MOVE_LIST, 'serviceActionReservationKey')
  if (to.initiatorPort === from.initiatorPort)
    throw new SenseError(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, {
      field: { in: 'parameters', byte: REGISTER_AND_MOVE_LIST.size },
    })
  const registrations = new Map(state.registrations)
  registrations.set(nexusKey(to), { ...names(to), key: newKey })
  if (unreg) registrations.delete(own)
  requireRoom(registrations)
  const moved = { type: reservation.type, holder: nexusKey(to) }
  return quietly({ ...next(state), aptpl, registrations, reservation: moved })
}

/** Every service action but the registering ones is for a registered nexus that knows its key (SPC-4 6.16.3). */
export function requireKey(state: PersistentState, from: NexusName, key: bigint): void {
  if (keyOf(state, nexusKey(from)) !== key) throw conflict()
}

/** Without these registrations, and without a reservation that none of the others holds. */
function without(state: PersistentState, leaving: readonly string[]): PersistentState {
  const registrations = new Map(state.registrations)
  for (const name of leaving) registrations.delete(name)
  const { reservation } = state
  const held = reservation?.holder === undefined ? registrations.size > 0 : registrations.has(reservation.holder)
  return { ...state, registrations, reservation: held ? reservation : undefined }
}

function requireRoom(registrations: ReadonlyMap<string, Registration>): void {
  if (registrations.size > LIMITS.registrationsPerUnit) throw new SenseError(SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
}

const keyOf = (state: PersistentState, name: string): bigint | undefined => state.registrations.get(name)?.key

const allBut = (state: PersistentState, own: string): string[] =>
  [...state.registrations.keys()].filter((name) => name !== own)

const reservationOf = (type: number, own: string): PersistentReservation => ({
  type,
  holder: isAllRegistrants(type) ? undefined : own,
})

/** What is kept of a nexus, whatever else it has. */
const names = ({ initiatorPort, targetPort, relativeTargetPort }: NexusName): NexusName => ({
  initiatorPort,
  targetPort,
  relativeTargetPort,
})

/** PRGENERATION counts what changes registrations (SPC-4 6.15.2), and wraps. */
const next = (state: PersistentState): PersistentState => ({ ...state, generation: (state.generation + 1) >>> 0 })

const quietly = (state: PersistentState): Change => ({ state, news: [], preempted: [] })
const unchanged = quietly

const conflict = (): StatusError => new StatusError(STATUS.RESERVATION_CONFLICT)

function invalid(list: Layout, name: string): SenseError {
  const field = fieldPointer(list, name, 'parameters')
  return new SenseError(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, field && { field })
}
