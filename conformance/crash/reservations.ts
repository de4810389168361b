// PERSISTENT RESERVE OUT with APTPL (SPC-4 5.13.5): after a crash registrations and reservation are those before or after the
// command, and nothing at all where the last APTPL was zero.

import {
  decodeReadFullStatus,
  encodePersistentReserveOut,
  PERSISTENT_RESERVE_IN_READ_FULL_STATUS,
  PERSISTENT_RESERVE_OUT_CLEAR,
  PERSISTENT_RESERVE_OUT_LIST,
  PERSISTENT_RESERVE_OUT_PREEMPT,
  PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  PERSISTENT_RESERVE_OUT_RELEASE,
  PERSISTENT_RESERVE_OUT_RESERVE,
} from '../../protocol/index.ts'
import type { Random } from './random.ts'
import {
  after,
  chooseCommand,
  describe,
  NOTHING,
  type ReservationCommand,
  type ReservationState,
  restarted,
} from './reservation-model.ts'
import { type HostName, type Hosts, type Subject, Tally, Violation } from './subject.ts'

const ALLOCATION_LENGTH = 4096
const parameterListLength = PERSISTENT_RESERVE_OUT_LIST.size

export class Reservations implements Subject {
  readonly name = 'PERSISTENT RESERVE OUT with APTPL'
  readonly tally = new Tally()
  readonly #lun: number
  readonly #random: Random
  #state: ReservationState = NOTHING
  #underWay: ReservationCommand | undefined

  constructor(lun: number, random: Random) {
    this.#lun = lun
    this.#random = random
  }

  async verify(hosts: Hosts): Promise<void> {
    const seen = await this.#read(hosts)
    const command = this.#underWay
    const may = [this.#state, ...(command === undefined ? [] : [after(this.#state, command)])].map(restarted)
    const found = may.find((state) => describe(state) === seen)
    if (found === undefined) {
      const wanted = [...new Set(may.map(describe))].join('" or "')
      throw new Violation(`it should be "${wanted}" and is "${seen}"${command ? ` after ${command.action}` : ''}`)
    }
    if (command !== undefined) this.tally[found === may[0] ? 'notDone' : 'done'] += 1
    this.#state = found
    this.#underWay = undefined
  }

  async step(hosts: Hosts): Promise<void> {
    const command = chooseCommand(this.#state, this.#random)
    this.#underWay = command
    await hosts[command.host].good(command.action, { lun: this.#lun, ...outCommand(command, this.#state) })
    this.#state = after(this.#state, command)
    this.#underWay = undefined
    this.tally.answered += 1
  }

  async #read(hosts: Hosts): Promise<string> {
    const cdb = PERSISTENT_RESERVE_IN_READ_FULL_STATUS.encode({ allocationLength: ALLOCATION_LENGTH })
    const data = await hosts.one.good('READ FULL STATUS', { lun: this.#lun, cdb, dataInLength: ALLOCATION_LENGTH })
    const { registrations } = decodeReadFullStatus(data)
    const keys: Partial<Record<HostName, bigint>> = {}
    let holder: ReservationState['holder']
    for (const { key, rHolder, type, transportId } of registrations) {
      const host: HostName = transportId.initiatorName === hosts.one.initiatorName ? 'one' : 'two'
      keys[host] = key
      if (rHolder) holder = { host, type }
    }
    return describe({ aptpl: true, keys, ...(holder && { holder }) })
  }
}

function outCommand(command: ReservationCommand, { keys }: ReservationState): { cdb: Buffer; dataOut: Buffer } {
  const reservationKey = keys[command.host] ?? 0n
  switch (command.action) {
    case 'register':
      return {
        cdb: PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY.encode({ parameterListLength }),
        dataOut: encodePersistentReserveOut({ serviceActionReservationKey: command.key, aptpl: command.aptpl }),
      }
    case 'reserve':
      return {
        cdb: PERSISTENT_RESERVE_OUT_RESERVE.encode({ type: command.type, parameterListLength }),
        dataOut: encodePersistentReserveOut({ reservationKey }),
      }
    case 'release':
      return {
        cdb: PERSISTENT_RESERVE_OUT_RELEASE.encode({ type: command.type, parameterListLength }),
        dataOut: encodePersistentReserveOut({ reservationKey }),
      }
    case 'clear':
      return {
        cdb: PERSISTENT_RESERVE_OUT_CLEAR.encode({ parameterListLength }),
        dataOut: encodePersistentReserveOut({ reservationKey }),
      }
    case 'preempt':
      return {
        cdb: PERSISTENT_RESERVE_OUT_PREEMPT.encode({ type: command.type, parameterListLength }),
        dataOut: encodePersistentReserveOut({ reservationKey, serviceActionReservationKey: command.victim }),
      }
  }
}
