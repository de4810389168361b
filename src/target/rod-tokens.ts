// The ROD tokens of a target (SPC-4 5.17.6, SBC-3 4.28): what each stands for and how long. A token is known by an identifier
// and 256 random bytes, so that none can be made up and none can be altered. A point in time copy is kept by watching the
// data: the first change of it revokes the token, and none is ever used for data that are not those of its making.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { WriteWatch } from '../../luns/write-watch.ts'
import { decodeRodToken, ROD_TOKEN_LENGTH } from '../../protocol/scsi/rod-token.ts'
import { SENSE, type Sense } from '../../protocol/scsi/sense.ts'
import { USABLE_ROD_TYPES } from './copy-parameters.ts'
import type { LogicalUnit } from './logical-unit.ts'

/** Bounds of the table: tokens that live, and those of which it is remembered why they do not. */
const LIVING = 1024
const DEAD = 1024
const IDENTIFIER_AT = 8
const IDENTIFIER_BYTES = 8

/** A run of bytes of the medium. */
export interface RodRun {
  readonly offset: number
  readonly length: number
}

export interface Rod {
  readonly lu: LogicalUnit
  readonly runs: readonly RodRun[]
  readonly bytes: number
  readonly timeoutMs: number
  readonly watch: WriteWatch
}

export class LivingToken implements Rod {
  readonly token: Buffer
  readonly lu: LogicalUnit
  readonly runs: readonly RodRun[]
  readonly bytes: number
  readonly timeoutMs: number
  readonly watch: WriteWatch
  usedAt: number
  /** Copies under way: while there is one, it does not expire. */
  users = 0

  constructor(token: Buffer, rod: Rod, now: number) {
    this.token = token
    this.lu = rod.lu
    this.runs = rod.runs
    this.bytes = rod.bytes
    this.timeoutMs = rod.timeoutMs
    this.watch = rod.watch
    this.usedAt = now
  }

  /** Something was written where its data are. */
  get revoked(): boolean {
    return this.watch.changed
  }
}

interface DeadToken {
  readonly token: Buffer
  readonly reason: Sense
}

export class RodTokens {
  readonly #now: () => number
  /** In the order of their last use. */
  readonly #living = new Map<string, LivingToken>()
  /** In the order of their ends. */
  readonly #dead = new Map<string, DeadToken>()

  /** `now` counts milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether one more has its place: the one that has not been used for longest makes it. */
  makeRoom(): boolean {
    this.sweep()
    if (this.#living.size < LIVING) return true
    for (const living of this.#living.values()) {
      if (living.users > 0) continue
      this.#kill(living, SENSE.TOKEN_CANCELLED)
      return true
    }
    return false
  }

  /** `encode` makes the token around an identifier that no other has. */
  add(rod: Rod, encode: (identifier: Buffer) => Buffer): Buffer {
    const token = encode(randomBytes(IDENTIFIER_BYTES))
    this.#living.set(keyOf(token), new LivingToken(token, rod, this.#now()))
    return token
  }

  /** What a token stands for, or why it stands for nothing. `units` are those of the target. */
  find(token: Buffer, units: readonly LogicalUnit[]): LivingToken | Sense {
    this.sweep()
    const key = keyOf(token)
    const dead = this.#dead.get(key)
    if (dead) return timingSafeEqual(dead.token, token) ? dead.reason : SENSE.TOKEN_CORRUPT
    const living = this.#living.get(key)
    if (!living) return strange(token)
    if (!timingSafeEqual(living.token, token)) return SENSE.TOKEN_CORRUPT
    return this.#endOf(living, units) ?? living
  }

  /** Tokens that can be used, of these logical units. */
  of(units: readonly LogicalUnit[]): LivingToken[] {
    this.sweep()
    return [...this.#living.values()].filter((living) => units.includes(living.lu))
  }

  begin(living: LivingToken): void {
    living.users++
  }

  end(living: LivingToken): void {
    living.users--
    living.usedAt = this.#now()
    if (this.#living.delete(keyOf(living.token))) this.#living.set(keyOf(living.token), living)
    else unwatch(living)
  }

  /** DEL_TKN (SBC-3 5.46.2). */
  delete(living: LivingToken): void {
    this.#kill(living, SENSE.TOKEN_DELETED)
  }

  /** Ends those whose time is over, and those whose data have changed. */
  sweep(): void {
    if (this.#living.size === 0) return
    const now = this.#now()
    for (const living of this.#living.values()) {
      if (living.revoked) this.#kill(living, SENSE.TOKEN_REVOKED)
      else if (living.users === 0 && now - living.usedAt > living.timeoutMs) this.#kill(living, SENSE.TOKEN_EXPIRED)
    }
  }

  /** Its logical unit may be gone, or smaller than it was. */
  #endOf(living: LivingToken, units: readonly LogicalUnit[]): Sense | undefined {
    const { lu, runs } = living
    const end = lu.blocks * lu.blockSize
    if (units.includes(lu) && runs.every(({ offset, length }) => offset + length <= end)) return undefined
    this.#kill(living, SENSE.TOKEN_CANCELLED)
    return SENSE.TOKEN_CANCELLED
  }

  #kill(living: LivingToken, reason: Sense): void {
    const { token } = living
    const key = keyOf(token)
    if (!this.#living.delete(key)) return
    unwatch(living)
    this.#dead.set(key, { token, reason })
    for (const oldest of this.#dead.keys()) {
      if (this.#dead.size <= DEAD) return
      this.#dead.delete(oldest)
    }
  }
}

/** Of a token that has ended, once no copy depends on its data any more. */
function unwatch({ users, watch }: LivingToken): void {
  if (users === 0) watch.stop()
}

const keyOf = (token: Buffer): string => token.toString('latin1', IDENTIFIER_AT, IDENTIFIER_AT + IDENTIFIER_BYTES)

/** A token that was not made here, or so long ago that nothing of it is known. */
function strange(token: Buffer): Sense {
  const { type, length } = decodeRodToken(token)
  if (!USABLE_ROD_TYPES.has(type)) return SENSE.UNSUPPORTED_TOKEN_TYPE
  return length === ROD_TOKEN_LENGTH ? SENSE.TOKEN_UNKNOWN : SENSE.INVALID_TOKEN_LENGTH
}
