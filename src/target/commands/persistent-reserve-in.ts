// PERSISTENT RESERVE IN (SPC-4 6.15): what is registered, what is reserved, and what can be. ADDITIONAL LENGTH is that of all
// there is, whatever the allocation length leaves of it.

import type * as CDB from '../../../protocol/scsi/commands/persistent-reserve.ts'
import {
  ALLOWED_THROUGH_WRITE_EXCLUSIVE,
  encodeReadFullStatus,
  encodeReadKeys,
  encodeReadReservation,
  encodeReportCapabilities,
  LU_SCOPE,
} from '../../../protocol/scsi/persistent-reserve-in.ts'
import { STATUS } from '../../../protocol/scsi/status.ts'
import { transportIdOf } from '../../../protocol/scsi/transport-id.ts'
import { StatusError } from '../failures.ts'
import { holds, type PersistentState } from '../persistent-reservation.ts'
import type { Task } from '../task.ts'

/** RESERVE and persistent reservations exclude each other, also for the nexus that has reserved (SPC-2 5.5.1). */
export function requireNoReserve({ lu }: Task): void {
  if (lu.reservations.reserved) throw new StatusError(STATUS.RESERVATION_CONFLICT)
}

function stateFor(task: Task): PersistentState {
  requireNoReserve(task)
  return task.lu.reservations.persistent
}

export function readKeys(task: Task<typeof CDB.PERSISTENT_RESERVE_IN_READ_KEYS>): void {
  const { generation, registrations } = stateFor(task)
  const keys = [...registrations.values()].map(({ key }) => key)
  task.respondWith(encodeReadKeys({ generation, keys }), task.cdb.allocationLength)
}

export function readReservation(task: Task<typeof CDB.PERSISTENT_RESERVE_IN_READ_RESERVATION>): void {
  const { generation, registrations, reservation } = stateFor(task)
  if (!reservation) return task.respondWith(encodeReadReservation({ generation }), task.cdb.allocationLength)
  const { type, holder } = reservation
  // Zero where there is no single holder (SPC-4 6.15.3).
  const key = (holder === undefined ? undefined : registrations.get(holder)?.key) ?? 0n
  const data = encodeReadReservation({ generation, reservation: { key, scope: LU_SCOPE, type } })
  task.respondWith(data, task.cdb.allocationLength)
}

export function reportCapabilities(task: Task<typeof CDB.PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES>): void {
  const { aptpl } = stateFor(task)
  const data = encodeReportCapabilities({
    rlrC: false,
    crh: true,
    sipC: true,
    atpC: true,
    ptplC: task.lu.reservations.canPersist,
    tmv: true,
    allowCommands: ALLOWED_THROUGH_WRITE_EXCLUSIVE,
    ptplA: aptpl,
    wrExAr: true,
    exAcRo: true,
    wrExRo: true,
    exAc: true,
    wrEx: true,
    exAcAr: true,
  })
  task.respondWith(data, task.cdb.allocationLength)
}

export function readFullStatus(task: Task<typeof CDB.PERSISTENT_RESERVE_IN_READ_FULL_STATUS>): void {
  const state = stateFor(task)
  const registrations = [...state.registrations].map(([name, { key, relativeTargetPort, initiatorPort }]) => {
    const rHolder = holds(state, name)
    const type = rHolder ? (state.reservation?.type ?? 0) : 0
    // One registration an I_T nexus, so that ALL_TG_PT is zero also of what was registered with it.
    const common = { key, relativeTargetPort, allTgPt: false, scope: LU_SCOPE }
    return { ...common, rHolder, type, transportId: transportIdOf(initiatorPort) }
  })
  task.respondWith(encodeReadFullStatus({ generation: state.generation, registrations }), task.cdb.allocationLength)
}
