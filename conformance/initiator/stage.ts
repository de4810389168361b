// Where the initiator is tried: the running array, and logical units of it that are closed when a check has ended.

import {
  type BesideUrl,
  type ConnectOptions,
  connect,
  type InitiatorSession,
  type LogicalUnit,
  openLogicalUnit,
} from '../../src/host/index.ts'
import type { RunningArray } from '../targets/array.ts'

export const OPEN = 'iqn.2026-11.io.lunette:initiator'
export const CHAP = 'iqn.2026-11.io.lunette:initiator-chap'
export const MUTUAL = 'iqn.2026-11.io.lunette:initiator-mutual'
export const ALICE = { user: 'alice', secret: 'alices-secret-16' }
export const ARRAY = { user: 'array', secret: 'arrays-secret-of-24-byte' }
export const BLOCK_BYTES = 512

class CheckFailed extends Error {}

export function requireThat(condition: boolean, wanted: string): asserts condition {
  if (!condition) throw new CheckFailed(wanted)
}

/** Runs what must be rejected, and returns the error. */
export async function rejection(promise: Promise<unknown>, wanted: string): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: Error) => reason,
  )
  if (!error) throw new CheckFailed(`${wanted}, but it succeeded`)
  return error
}

export class Stage {
  readonly array: RunningArray
  readonly host: string
  readonly port: number
  readonly #open: { close(): Promise<void> }[] = []

  constructor(array: RunningArray) {
    this.array = array
    const portal = array.portals[0]!
    const at = portal.lastIndexOf(':')
    this.host = portal.slice(0, at)
    this.port = Number(portal.slice(at + 1))
  }

  /** Logical unit `id` through a session of its own, as a host of this name. */
  async unit(id = 0, host = 'one', options: BesideUrl = {}, iqn = OPEN): Promise<LogicalUnit> {
    const initiatorName = `iqn.2026-11.io.lunette:host-${host}`
    const unit = await openLogicalUnit(this.array.url(iqn, id), { initiatorName, ...options })
    this.#open.push(unit)
    return unit
  }

  /** A session without recovery. */
  async session(options: Partial<ConnectOptions> = {}): Promise<InitiatorSession> {
    const session = await connect({ host: this.host, port: this.port, targetName: OPEN, ...options })
    this.#open.push({ close: async () => session.destroy() })
    return session
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((each) => each.close()))
  }
}
