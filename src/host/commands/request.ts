// One SCSI command as the host asks for it: its CDB from the standard's layout, its data, what its answer means, and whether it
// may be carried out twice. Pure: who sends it, and what is done about a status, is the logical unit's.

import type { Layout } from '../../../protocol/wire/layout.ts'

export interface Request<T> {
  /** The standard's name of the command. */
  readonly name: string
  readonly cdb: Buffer
  /** It may not change until the command has ended. */
  readonly dataOut?: Buffer
  /** Bytes to take at most. */
  readonly dataInLength?: number
  /**
   * Whether a second execution leaves everything as the first did. When the connection is lost such a command is sent again;
   * any other fails with OutcomeUnknownError.
   */
  readonly repeatable: boolean
  /** It may take many times as long as a read: its timeout is longer. */
  readonly slow?: boolean
  /** Asked each time before it leaves: without a yes it fails with NotSentError. */
  readonly mayLeave?: () => boolean
  /** In place of the session's timeout. */
  readonly timeoutMs?: number
  /** From its abort to the end of its connection, when the abort is not answered: nothing of it is carried out later. */
  readonly abortMs?: number
  /** All of the data must be transferred: a residual with GOOD status is an error. */
  readonly exact?: boolean
  /** Reads what came. */
  decode(data: Buffer): T
}

type Values<L> = L extends Layout ? NonNullable<Parameters<L['encode']>[0]> : never

interface Rest<T> {
  readonly dataOut?: Buffer
  readonly dataInLength?: number
  readonly repeatable: boolean
  readonly slow?: boolean
  readonly exact?: boolean
  readonly decode: (data: Buffer) => T
}

/** A request whose CDB is `layout` with `values`. Throws a RangeError for a value that its field cannot hold. */
export function request<L extends Layout, T>(layout: L, values: Values<L>, rest: Rest<T>): Request<T> {
  return { name: layout.name, cdb: layout.encode(values as never), ...rest }
}

/** What an answer without data means. */
export const nothing = (): void => {}

/** The answer as it came. */
export const asItIs = (data: Buffer): Buffer => data

/** 64-bit fields take either; what is no integer from zero on is a RangeError. */
export function wide(name: string, value: bigint | number): bigint {
  if (value < 0 || (typeof value === 'number' && !Number.isSafeInteger(value)))
    throw new RangeError(`${name}: ${value} is no integer from zero on`)
  const result = BigInt(value)
  if (result > MAX_64) throw new RangeError(`${name}: ${value} does not fit in 64 bits`)
  return result
}

const MAX_64 = 2n ** 64n - 1n
