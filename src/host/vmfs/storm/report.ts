// What a storm has measured: of each host, and of all together.

import type { LockMode } from '../lock-mode.ts'
import type { LockingCounts } from '../locking/counters.ts'
import { Latencies, type LatencySummary } from './latency.ts'
import type { StormLocking } from './options.ts'
import { OPERATIONS, type Outcomes, PLACES, type StormKind } from './worker.ts'

/** What the hosts have sent for their locks and heartbeats while it was measured. */
export interface StormCommands {
  /** COMPARE AND WRITEs, and those of them that wrote nothing: a miscompare is another host that was faster. */
  readonly ats: number
  readonly atsFailed: number
  readonly reserves: number
  /** RESERVATION CONFLICTs of commands of any kind, each of them tried again ("CR retries"). */
  readonly conflicts: number
  readonly plainHeartbeats: number
}

export interface StormRates extends LatencySummary, StormCommands {
  readonly perSecond: number
  readonly refused: number
}

export interface StormKindRates extends LatencySummary {
  readonly kind: StormKind
  readonly perSecond: number
  /** Since another host had the file open, or made or removed it first. */
  readonly refused: number
}

export interface StormReport {
  readonly volume: { readonly label: string; readonly uuid: string; readonly version: number }
  readonly locking: StormLocking
  readonly mode: LockMode
  readonly seconds: number
  readonly interrupted: boolean
  readonly total: StormRates
  readonly kinds: readonly StormKindRates[]
  readonly hosts: readonly (StormRates & { readonly host: number; readonly uuid: string; readonly error?: string })[]
  /** Of opening and of cleaning as well. */
  readonly errors: readonly { readonly host?: number; readonly message: string }[]
}

/** What one host tells. */
export interface HostResult {
  readonly host: number
  readonly uuid: string
  readonly outcomes: ReadonlyMap<StormKind, Outcomes>
  readonly commands: StormCommands
  readonly error?: string
}

const KINDS = PLACES.flatMap((place) => OPERATIONS.map((operation): StormKind => `${place} ${operation}`))

const NO_COMMANDS: StormCommands = { ats: 0, atsFailed: 0, reserves: 0, conflicts: 0, plainHeartbeats: 0 }

/** `deviceConflicts` are those of plain reads and writes. */
export function commandsOf(counts: LockingCounts, deviceConflicts: number): StormCommands {
  const sum = (name: keyof LockingCounts[keyof LockingCounts]) =>
    Object.values(counts).reduce((total, each) => total + each[name], 0)
  return {
    ...{ ats: sum('ats'), atsFailed: sum('atsFailed'), reserves: sum('reserve') },
    ...{ conflicts: sum('conflicts') + deviceConflicts, plainHeartbeats: counts['maintain heartbeat'].plainWrites },
  }
}

/** Each of the numbers by `add`: a difference, or a sum. */
export function combine(a: StormCommands, b: StormCommands, add: (a: number, b: number) => number): StormCommands {
  const names = Object.keys(NO_COMMANDS) as (keyof StormCommands)[]
  return Object.fromEntries(names.map((name) => [name, add(a[name], b[name])])) as Record<keyof StormCommands, number>
}

export function summarize(
  results: readonly HostResult[],
  seconds: number,
): Pick<StormReport, 'total' | 'kinds' | 'hosts'> {
  const commands = results.reduce((sum, each) => combine(sum, each.commands, (a, b) => a + b), NO_COMMANDS)
  const outcomes = results.flatMap((each) => [...each.outcomes.values()])
  const kinds = KINDS.map((kind) => {
    const ofKind = results.flatMap((each) => each.outcomes.get(kind) ?? [])
    return { kind, ...ratesOf(ofKind, seconds) }
  })
  const hosts = results.map(({ host, uuid, error, ...each }) => ({
    ...{ host, uuid, ...ratesOf([...each.outcomes.values()], seconds), ...each.commands },
    ...(error !== undefined && { error }),
  }))
  return { total: { ...ratesOf(outcomes, seconds), ...commands }, kinds, hosts }
}

function ratesOf(outcomes: readonly Outcomes[], seconds: number) {
  const all = new Latencies()
  for (const { latencies } of outcomes) all.add(latencies)
  const refused = outcomes.reduce((sum, each) => sum + each.refused, 0)
  return { ...all.summary(), perSecond: seconds > 0 ? all.count / seconds : 0, refused }
}
