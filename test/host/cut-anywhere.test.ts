// A connection that is cut at every byte of an exchange, in each direction: login, a write that waits for an R2T, a read, a
// COMPARE AND WRITE, logout. Whatever the place, each command is answered once or fails with a named error, and the medium is as
// the answers say.

import { beforeAll, expect, test } from 'vitest'
import {
  type Clock,
  ConnectionLostError,
  type LogicalUnit,
  OutcomeUnknownError,
  openLogicalUnit,
  systemClock,
} from '../../src/host/index.ts'
import { memory, openArray, type TestArray } from '../target/array.ts'
import { type Cut, CuttingProxy } from './cutting-proxy.ts'

const BLOCK = 512
/** Runs at once, each with a block of its own. */
const LANES = 8
const OLD = Buffer.alloc(BLOCK, 0x0f)
const NEW = Buffer.alloc(BLOCK, 0x77)

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory({ blockSize: BLOCK })])
  return () => array.close()
})

/** Time2Wait and backoff pass at once; what is longer never comes: nothing is late. */
const HURRIED_MS = 10_000
const NEVER_MS = 3_600_000

class HurriedClock implements Clock {
  #skippedMs = 0

  now(): number {
    return systemClock.now() + this.#skippedMs
  }

  after(ms: number, callback: () => void): () => void {
    if (ms >= HURRIED_MS) return () => {}
    const immediate = setImmediate(() => {
      this.#skippedMs += ms
      callback()
    })
    return () => clearImmediate(immediate)
  }
}

type Outcome = 'login failed' | 'outcome unknown' | 'done'

async function exchange(proxy: CuttingProxy, lba: number): Promise<Outcome> {
  let unit: LogicalUnit
  try {
    unit = await openLogicalUnit(`iscsi://127.0.0.1:${proxy.port}/${array.iqn}/0`, {
      clock: new HurriedClock(),
      parameters: { immediateData: false, initialR2T: true },
      timeouts: { keepAliveIntervalMs: 0, stableMs: 0, commandMs: NEVER_MS, replacementMs: NEVER_MS },
    })
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectionLostError)
    return 'login failed'
  }
  await unit.write16(lba, OLD)
  expect((await unit.read16(lba, 1)).equals(OLD)).toBe(true)
  const outcome = await unit.compareAndWrite(lba, OLD, NEW).then(
    () => 'done' as const,
    (error) => {
      expect(error).toBeInstanceOf(OutcomeUnknownError)
      return 'outcome unknown' as const
    },
  )
  const after = await unit.read16(lba, 1)
  expect(after.equals(NEW) || (outcome === 'outcome unknown' && after.equals(OLD))).toBe(true)
  await unit.close()
  return outcome
}

async function withProxy<T>(cut: Cut | undefined, run: (proxy: CuttingProxy) => Promise<T>): Promise<T> {
  const proxy = await CuttingProxy.listen(array.port, cut)
  try {
    return await run(proxy)
  } finally {
    await proxy.close()
  }
}

test.each(['to the target', 'to the initiator'] as const)(
  'a cut after each byte %s',
  { timeout: 60_000 },
  async (direction) => {
    const total = await withProxy(undefined, async (proxy) => {
      expect(await exchange(proxy, 0)).toBe('done')
      return proxy.carried[direction]
    })
    const counts: Record<Outcome, number> = { 'login failed': 0, 'outcome unknown': 0, done: 0 }
    const offsets = Array.from({ length: total }, (_, afterBytes) => afterBytes).values()
    const lane = async (lba: number): Promise<void> => {
      for (const afterBytes of offsets) {
        const outcome = await withProxy({ direction, afterBytes }, (proxy) => exchange(proxy, lba))
        counts[outcome]++
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)))
    expect(counts['login failed'] + counts['outcome unknown'] + counts.done).toBe(total)
    for (const outcome of ['login failed', 'outcome unknown', 'done'] as const)
      expect(counts[outcome]).toBeGreaterThan(0)
  },
)
