// PERSISTENT RESERVE as a test's initiators send it: a host with a name of its own, through one portal or another.

import { expect } from 'vitest'
import {
  decodeReadFullStatus,
  decodeReadKeys,
  decodeReadReservation,
  encodePersistentReserveOut,
  encodeRegisterAndMove,
  type Layout,
  type PersistentReserveOutList,
  type ReadFullStatus,
  type ReadKeys,
  type ReadReservation,
  type RegisterAndMoveList,
  STATUS,
  type TransportId,
} from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import type { TestArray } from '../array.ts'
import { type Disk, expectGood } from '../disk.ts'

export const TYPE = { WE: 1, EA: 3, WERO: 5, EARO: 6, WEAR: 7, EAAR: 8 } as const
export const TYPES = Object.entries(TYPE).map(([name, type]) => ({ name, type }))

/** Two portals: two target ports. */
export const TWO_PORTALS = { portals: ['127.0.0.1:0', '127.0.0.1:0'] }

export interface Host extends TransportId {
  readonly isid: string
}
export const host = (name: string, isid = '80a1b2c3d400'): Host => ({
  initiatorName: `iqn.2026-11.io.lunette:${name}`,
  isid,
})

/** Logged in through a portal, unit attentions taken. */
export function diskOf(array: TestArray, { initiatorName, isid }: Host, portal = 0, lun = 0): Promise<Disk> {
  const port = Number(array.running.portals[portal]!.split(':').at(-1))
  return array.disk(lun, { port, initiatorName, isid: Buffer.from(isid, 'hex') })
}

type List = Partial<PersistentReserveOutList<TransportId>>

/** Any service action with the basic parameter list. */
export function out<L extends Layout>(disk: Disk, cdb: L, list: List, fields: Record<string, unknown> = {}) {
  return outBytes(disk, cdb, encodePersistentReserveOut(list), fields)
}

/** The same with a parameter list as bytes. */
export function outBytes(disk: Disk, cdb: Layout, dataOut: Buffer, fields: Record<string, unknown> = {}) {
  return disk.run(cdb, { parameterListLength: dataOut.length, ...fields } as never, { dataOut })
}

export const register = (disk: Disk, key: bigint, newKey: bigint, more: List = {}): Promise<CommandResult> =>
  out(disk, CDB.PERSISTENT_RESERVE_OUT_REGISTER, {
    reservationKey: key,
    serviceActionReservationKey: newKey,
    ...more,
  })

export const registerAndIgnore = (disk: Disk, newKey: bigint, more: List = {}): Promise<CommandResult> =>
  out(disk, CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, {
    serviceActionReservationKey: newKey,
    ...more,
  })

export const reserve = (disk: Disk, key: bigint, type: number, fields = {}): Promise<CommandResult> =>
  out(disk, CDB.PERSISTENT_RESERVE_OUT_RESERVE, { reservationKey: key }, { type, ...fields })

export const release = (disk: Disk, key: bigint, type: number, fields = {}): Promise<CommandResult> =>
  out(disk, CDB.PERSISTENT_RESERVE_OUT_RELEASE, { reservationKey: key }, { type, ...fields })

export const clear = (disk: Disk, key: bigint): Promise<CommandResult> =>
  out(disk, CDB.PERSISTENT_RESERVE_OUT_CLEAR, { reservationKey: key })

export const preempt = (disk: Disk, key: bigint, victim: bigint, type: number, fields = {}): Promise<CommandResult> =>
  preemptBy(CDB.PERSISTENT_RESERVE_OUT_PREEMPT, disk, key, victim, { type, ...fields })

export const preemptAndAbort = (disk: Disk, key: bigint, victim: bigint, type: number): Promise<CommandResult> =>
  preemptBy(CDB.PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT, disk, key, victim, { type })

const preemptBy = (cdb: Layout, disk: Disk, key: bigint, victim: bigint, fields: Record<string, unknown>) =>
  out(disk, cdb, { reservationKey: key, serviceActionReservationKey: victim }, fields)

export function move(disk: Disk, list: Partial<RegisterAndMoveList<TransportId>>): Promise<CommandResult> {
  const usual = { reservationKey: 0n, serviceActionReservationKey: 0n, unreg: false, aptpl: false }
  const to = { relativeTargetPort: 1, transportId: host('nobody') }
  return outBytes(
    disk,
    CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE,
    encodeRegisterAndMove({ ...usual, ...to, ...list }),
  )
}

const ALLOCATION_LENGTH = 0xffff

async function input(disk: Disk, cdb: Layout): Promise<Buffer> {
  const fields = { allocationLength: ALLOCATION_LENGTH } as never
  return expectGood(await disk.run(cdb, fields, { dataInLength: ALLOCATION_LENGTH })).data
}

export const readKeys = async (disk: Disk): Promise<ReadKeys> =>
  decodeReadKeys(await input(disk, CDB.PERSISTENT_RESERVE_IN_READ_KEYS))

export const readReservation = async (disk: Disk): Promise<ReadReservation> =>
  decodeReadReservation(await input(disk, CDB.PERSISTENT_RESERVE_IN_READ_RESERVATION))

export const readFullStatus = async (disk: Disk): Promise<ReadFullStatus> =>
  decodeReadFullStatus(await input(disk, CDB.PERSISTENT_RESERVE_IN_READ_FULL_STATUS))

/** RESERVATION CONFLICT, which has no sense data. */
export function expectConflict(result: CommandResult): void {
  expect({ status: result.status, sense: result.sense }).toEqual({
    status: STATUS.RESERVATION_CONFLICT,
    sense: undefined,
  })
}

const UNIT_ATTENTION = 6

/** A command after the unit attentions that stand before it. */
export async function afterNews(run: () => Promise<CommandResult>): Promise<CommandResult> {
  let result = await run()
  for (let tries = 0; result.sense?.sense.key === UNIT_ATTENTION && tries < 20; tries++) result = await run()
  return result
}
