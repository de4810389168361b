// Reservations (SPC-4 6.15, 6.16; SPC-2 7.17, 7.22). What changes one is not repeatable: between two executions another I_T nexus
// may have reserved, preempted or released. A RELEASE(6) is: that of a nexus which holds nothing changes nothing.

import {
  PERSISTENT_RESERVE_IN_READ_FULL_STATUS,
  PERSISTENT_RESERVE_IN_READ_KEYS,
  PERSISTENT_RESERVE_IN_READ_RESERVATION,
  PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES,
  PERSISTENT_RESERVE_OUT_CLEAR,
  PERSISTENT_RESERVE_OUT_PREEMPT,
  PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT,
  PERSISTENT_RESERVE_OUT_REGISTER,
  PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE,
  PERSISTENT_RESERVE_OUT_RELEASE,
  PERSISTENT_RESERVE_OUT_RESERVE,
} from '../../../protocol/scsi/commands/persistent-reserve.ts'
import { RELEASE_6 } from '../../../protocol/scsi/commands/release.ts'
import { RESERVE_6 } from '../../../protocol/scsi/commands/reserve.ts'
import {
  decodeReadFullStatus,
  decodeReadKeys,
  decodeReadReservation,
  decodeReportCapabilities,
} from '../../../protocol/scsi/persistent-reserve-in.ts'
import {
  encodePersistentReserveOut,
  encodeRegisterAndMove,
  type RegisterAndMoveList,
} from '../../../protocol/scsi/persistent-reserve-out.ts'
import type { TransportId } from '../../../protocol/scsi/transport-id.ts'
import { nothing, type Request, request } from './request.ts'

const ALLOCATION_BYTES = 0xfffc

const READS = {
  readKeys: { layout: PERSISTENT_RESERVE_IN_READ_KEYS, decode: decodeReadKeys },
  readReservation: { layout: PERSISTENT_RESERVE_IN_READ_RESERVATION, decode: decodeReadReservation },
  reportCapabilities: { layout: PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES, decode: decodeReportCapabilities },
  readFullStatus: { layout: PERSISTENT_RESERVE_IN_READ_FULL_STATUS, decode: decodeReadFullStatus },
} as const

export type PersistentReserveInAction = keyof typeof READS
export type PersistentReserveInResult<A extends PersistentReserveInAction> = ReturnType<(typeof READS)[A]['decode']>

export function persistentReserveIn<A extends PersistentReserveInAction>(
  action: A,
): Request<PersistentReserveInResult<A>> {
  const { layout, decode } = READS[action]
  return request(
    layout,
    { allocationLength: ALLOCATION_BYTES },
    {
      dataInLength: ALLOCATION_BYTES,
      repeatable: true,
      decode: decode as (data: Buffer) => PersistentReserveInResult<A>,
    },
  )
}

const REGISTRATIONS = {
  register: PERSISTENT_RESERVE_OUT_REGISTER,
  registerAndIgnoreExistingKey: PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  clear: PERSISTENT_RESERVE_OUT_CLEAR,
} as const

const OF_A_TYPE = {
  reserve: PERSISTENT_RESERVE_OUT_RESERVE,
  release: PERSISTENT_RESERVE_OUT_RELEASE,
  preempt: PERSISTENT_RESERVE_OUT_PREEMPT,
  preemptAndAbort: PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT,
} as const

export type PersistentReserveOutAction = keyof typeof REGISTRATIONS | keyof typeof OF_A_TYPE

export interface PersistentReserveOutOptions {
  /** RESERVATION KEY: the one that this I_T nexus is registered with; zero where it is not. */
  readonly key?: bigint
  /** SERVICE ACTION RESERVATION KEY: the new key of a registration, or the one to preempt. */
  readonly serviceActionKey?: bigint
  /** PERSISTENT_RESERVATION_TYPE; of reserve, release and the preempting actions alone. */
  readonly type?: number
  /** The registrations survive a loss of power. */
  readonly aptpl?: boolean
  readonly allTgPt?: boolean
  /** SPEC_I_PT: register these initiator ports as well. */
  readonly transportIds?: readonly TransportId[]
}

/** All service actions but REGISTER AND MOVE, whose list is another. */
export function persistentReserveOut(
  action: PersistentReserveOutAction,
  {
    key = 0n,
    serviceActionKey = 0n,
    type = 0,
    aptpl = false,
    allTgPt = false,
    transportIds,
  }: PersistentReserveOutOptions,
): Request<void> {
  const dataOut = encodePersistentReserveOut({
    reservationKey: key,
    serviceActionReservationKey: serviceActionKey,
    aptpl,
    allTgPt,
    specIPt: transportIds !== undefined,
    ...(transportIds && { transportIds }),
  })
  const length = { parameterListLength: dataOut.length }
  const rest = { dataOut, repeatable: false, decode: nothing }
  return action in OF_A_TYPE
    ? request(OF_A_TYPE[action as keyof typeof OF_A_TYPE], { ...length, type }, rest)
    : request(REGISTRATIONS[action as keyof typeof REGISTRATIONS], length, rest)
}

export function registerAndMove(list: RegisterAndMoveList<TransportId>): Request<void> {
  const dataOut = encodeRegisterAndMove(list)
  const values = { parameterListLength: dataOut.length }
  return request(PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE, values, { dataOut, repeatable: false, decode: nothing })
}

export const reserve6 = (): Request<void> => request(RESERVE_6, {}, { repeatable: false, decode: nothing })
export const release6 = (): Request<void> => request(RELEASE_6, {}, { repeatable: true, decode: nothing })
