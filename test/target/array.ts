// An array for a test, on a free port of 127.0.0.1, gone when the test or its file ends.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { STATUS, TEST_UNIT_READY } from '../../protocol/index.ts'
import { type ConnectOptions, connect, type InitiatorSession } from '../../src/host/index.ts'
import { type ArrayInput, type ArrayOptions, type RunningArray, startArray } from '../../src/index.ts'
import { Disk } from './disk.ts'
import { RawInitiator } from './raw.ts'

type TargetInput = NonNullable<ArrayInput['targets']>[number]
export type LunInput = NonNullable<NonNullable<TargetInput>['luns']>[number]

export const MIB = 1024 * 1024
export const SIZE = 8 * MIB

/** A thin LUN in memory. */
export const memory = (lun: LunInput = {}): LunInput => ({ store: { type: 'memory' }, size: SIZE, ...lun })

export class TestArray {
  readonly running: RunningArray
  readonly port: number
  readonly iqn: string
  readonly data: string
  readonly #sessions: InitiatorSession[] = []
  readonly #raws: RawInitiator[] = []

  constructor(running: RunningArray, data: string) {
    this.running = running
    this.data = data
    this.port = Number(running.portals[0]!.split(':').at(-1))
    this.iqn = running.targets[0]!
  }

  async connect(options: Partial<ConnectOptions> = {}): Promise<InitiatorSession> {
    const session = await connect({ host: '127.0.0.1', port: this.port, targetName: this.iqn, ...options })
    this.#sessions.push(session)
    return session
  }

  /** A session's view of one LUN, its unit attentions taken. */
  async disk(lun = 0, options: Partial<ConnectOptions> = {}): Promise<Disk> {
    const disk = new Disk(await this.connect(options), lun)
    await drainUnitAttentions(disk)
    return disk
  }

  async raw(host?: string): Promise<RawInitiator> {
    const raw = await RawInitiator.open(this.port, host)
    this.#raws.push(raw)
    return raw
  }

  /** Logged in, its unit attentions taken. */
  async rawSession(keys: Readonly<Record<string, string>> = {}): Promise<RawInitiator> {
    const raw = await this.raw()
    await raw.login(this.iqn, keys)
    await untilGood(async () => {
      raw.command(TEST_UNIT_READY.encode({}))
      return (await raw.response()).header.status
    })
    return raw
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    for (const raw of this.#raws) raw.destroy()
    await this.running.close()
    await rm(this.data, { recursive: true, force: true })
  }
}

export const drainUnitAttentions = (disk: Disk): Promise<void> =>
  untilGood(async () => (await disk.run(TEST_UNIT_READY, {})).status)

/** A target that never stops to report unit attentions is wrong. */
async function untilGood(testUnitReady: () => Promise<number>): Promise<void> {
  for (let tries = 0; tries < 10; tries++) if ((await testUnitReady()) === STATUS.GOOD) return
  throw new Error('TEST UNIT READY does not end GOOD')
}

/** Its owner closes it: `beforeAll(async () => { array = await openArray(); return () => array.close() })`. */
export async function openArray(
  luns: LunInput[] = [memory()],
  target: TargetInput = {},
  array: ArrayInput = {},
  options: ArrayOptions = {},
): Promise<TestArray> {
  const data = await mkdtemp(join(tmpdir(), 'lunette-target-'))
  const input: ArrayInput = { data, portals: ['127.0.0.1:0'], targets: [{ ...target, luns }], ...array }
  return new TestArray(await startArray(input, options), data)
}

/** Closed when the test that calls this has ended. */
export async function arrayForTest(...input: Parameters<typeof openArray>): Promise<TestArray> {
  const array = await openArray(...input)
  onTestFinished(() => array.close())
  return array
}
