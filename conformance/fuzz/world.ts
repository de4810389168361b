// What the fuzzed connections share: the target that they may spoil, its logical units, and what they have learned of it.

import { setTimeout as delay } from 'node:timers/promises'
import type { ChapTerms } from '../../protocol/iscsi/chap.ts'
import type { Digests } from '../../protocol/iscsi/index.ts'

export interface FuzzedUnit {
  readonly lun: number
  readonly blockSize: number
  readonly blocks: number
  /** Its NAA designator, by which EXTENDED COPY names it. */
  readonly naa: Buffer
}

/** What the login has settled, as far as it rules what may be sent. */
export interface Settled {
  readonly digests: Digests
  readonly immediateData: boolean
  readonly initialR2T: boolean
  readonly firstBurstLength: number
  readonly errorRecoveryLevel: number
  readonly maxRecvDataSegmentLength: number
  readonly cid: number
  readonly discovery: boolean
}

/** A session that another connection may join, reinstate or mistake for its own. */
export interface LiveSession {
  readonly targetName: string
  readonly initiatorName: string
  readonly isid: Buffer
  readonly tsih: number
  readonly cid: number
  readonly settled: Settled
}

export interface World {
  readonly targetName: string
  /** A target that wants to know who logs in, and how it is told. */
  readonly guarded?: { readonly targetName: string; readonly terms: Omit<ChapTerms, 'algorithms'> }
  readonly initiatorNames: readonly string[]
  readonly units: readonly FuzzedUnit[]
  /** Of a logical unit that these initiators may not reach. */
  readonly foreignNaa: Buffer
  readonly portGroups: readonly number[]
  /** Those that have logged in last. */
  readonly sessions: LiveSession[]
  /** ROD tokens that the array has given out. */
  readonly tokens: Buffer[]
}

const REMEMBERED = 32

/** Keeps the newest. */
export function remember<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > REMEMBERED) list.shift()
}

/** Lets sockets and timers have their turn. */
export const turn = (): Promise<void> => delay(0)
