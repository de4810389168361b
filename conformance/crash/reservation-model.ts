// A model of persistent reservations (SPC-4 5.13) as far as the crash suite commands them: two registrants, the types that one
// of them holds alone.

import type { Random } from './random.ts'
import type { HostName } from './subject.ts'

export interface ReservationState {
  /** APTPL of the last REGISTER: without it the death of the array forgets everything. */
  readonly aptpl: boolean
  readonly keys: Readonly<Partial<Record<HostName, bigint>>>
  readonly holder?: { readonly host: HostName; readonly type: number }
}

export const NOTHING: ReservationState = { aptpl: false, keys: {} }

export type ReservationCommand =
  | { readonly action: 'register'; readonly host: HostName; readonly key: bigint; readonly aptpl: boolean }
  | { readonly action: 'reserve'; readonly host: HostName; readonly type: number }
  | { readonly action: 'release'; readonly host: HostName; readonly type: number }
  | { readonly action: 'clear'; readonly host: HostName }
  | { readonly action: 'preempt'; readonly host: HostName; readonly type: number; readonly victim: bigint }

const HOSTS: readonly HostName[] = ['one', 'two']
const TYPES = [1, 3, 5, 6]
const other = (host: HostName): HostName => (host === 'one' ? 'two' : 'one')

/** A command that the state admits. */
export function chooseCommand({ keys, holder }: ReservationState, random: Random): ReservationCommand {
  const host = random.pick(HOSTS)
  const victim = keys[other(host)]
  const type = random.pick(TYPES)
  const commands: ReservationCommand[] = [
    { action: 'register', host, key: BigInt(random.next()) + 1n, aptpl: random.below(6) > 0 },
  ]
  if (keys[host] !== undefined) {
    commands.push({ action: 'register', host, key: 0n, aptpl: true }, { action: 'clear', host })
    if (holder === undefined) commands.push({ action: 'reserve', host, type }, { action: 'reserve', host, type })
    if (victim !== undefined && victim !== keys[host]) commands.push({ action: 'preempt', host, type, victim })
  }
  if (holder?.host === host) commands.push({ action: 'release', host, type: holder.type })
  return random.pick(commands)
}

export function after(state: ReservationState, command: ReservationCommand): ReservationState {
  const { keys, holder, ...rest } = state
  const held = holder === undefined ? {} : { holder }
  switch (command.action) {
    case 'register': {
      const { [command.host]: _, ...left } = keys
      if (command.key !== 0n) return { ...held, aptpl: command.aptpl, keys: { ...left, [command.host]: command.key } }
      return { ...(holder?.host === command.host ? {} : held), aptpl: command.aptpl, keys: left }
    }
    case 'reserve':
      return { ...rest, keys, holder: { host: command.host, type: command.type } }
    case 'release':
      return { ...rest, keys }
    case 'clear':
      return { ...rest, keys: {} }
    case 'preempt': {
      const { [other(command.host)]: _, ...left } = keys
      const taken = holder?.host === other(command.host) ? { holder: { host: command.host, type: command.type } } : held
      return { ...rest, ...taken, keys: left }
    }
  }
}

/** What a restart finds. */
export const restarted = (state: ReservationState): ReservationState => (state.aptpl ? state : NOTHING)

/** What can be seen of it. */
export function describe({ keys, holder }: ReservationState): string {
  const registrations = HOSTS.flatMap((host) =>
    keys[host] === undefined ? [] : [`${host} ${keys[host].toString(16)}`],
  )
  const held = holder === undefined ? 'no reservation' : `type ${holder.type} held by ${holder.host}`
  return `${registrations.join(', ') || 'no registration'}; ${held}`
}
