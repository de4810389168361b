// An array put together by hand, for what no configuration can say: media that wait, connections without a socket, and a look
// at what the array holds.

import { onTestFinished } from 'vitest'
import { Gate } from '../../luns/gate.ts'
import type { Extent, Store } from '../../luns/store.ts'
import { MemoryStore } from '../../luns/stores/memory.ts'
import { parseConfig } from '../../src/config/parse.ts'
import type { ArrayInput, TargetConfig } from '../../src/config/schema.ts'
import { NO_UNIT_STATE } from '../../src/config/unit-state.ts'
import { type ConnectOptions, connect, type InitiatorSession } from '../../src/host/index.ts'
import { type Logger, silentLogger } from '../../src/log.ts'
import { ArrayHost } from '../../src/target/array-host.ts'
import { CommandTable } from '../../src/target/command-table.ts'
import { COMMANDS } from '../../src/target/commands/index.ts'
import { LogicalUnit } from '../../src/target/logical-unit.ts'
import { listen } from '../../src/target/server.ts'
import { Target } from '../../src/target/target.ts'
import { drainUnitAttentions, type LunInput, memory, SIZE } from './array.ts'
import { Disk } from './disk.ts'
import { RawInitiator } from './raw.ts'

/** A medium in memory that can be told to wait: what is asked of it while it is held is done when it is let go. */
export class HeldStore implements Store {
  readonly length: number
  readonly #medium: MemoryStore
  readonly #heldBytes: number
  #held: Promise<void> | undefined
  #letGo: () => void = () => {}
  /** Operations that wait. */
  waiting = 0
  /** Writes that have been done, in their order. */
  readonly writes: { readonly offset: number; readonly length: number }[] = []

  /** While it is held, what begins in the first `heldBytes` waits; the rest is done at once. */
  constructor(length = SIZE, heldBytes = length) {
    this.length = length
    this.#heldBytes = heldBytes
    this.#medium = new MemoryStore(length, false)
  }

  hold(): void {
    this.#held ??= new Promise((resolve) => {
      this.#letGo = resolve
    })
  }

  release(): void {
    this.#held = undefined
    this.#letGo()
  }

  /** Resolves when so many operations wait. */
  async untilWaiting(count: number): Promise<void> {
    for (let tries = 0; this.waiting < count; tries++) {
      if (tries > 2000) throw new Error(`${this.waiting} operations wait, not ${count}`)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  readNow(target: Buffer, at: number, length: number, offset: number): boolean {
    return !this.#holds(offset) && this.#medium.readNow(target, at, length, offset)
  }

  async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    await this.#wait(offset)
    await this.#medium.read(target, at, length, offset)
  }

  writeNow(source: Buffer, at: number, length: number, offset: number): boolean {
    if (this.#holds(offset) || !this.#medium.writeNow(source, at, length, offset)) return false
    this.writes.push({ offset, length })
    return true
  }

  async write(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    await this.#wait(offset)
    await this.#medium.write(source, at, length, offset)
    this.writes.push({ offset, length })
  }

  async flush(): Promise<void> {
    await this.#wait(0)
  }

  async unmap(offset: number, length: number): Promise<void> {
    await this.#wait(offset)
    await this.#medium.unmap(offset, length)
  }

  extent(offset: number, length: number): Promise<Extent> {
    return this.#medium.extent(offset, length)
  }

  async close(): Promise<void> {
    await this.#medium.close()
  }

  #holds(offset: number): boolean {
    return this.#held !== undefined && offset < this.#heldBytes
  }

  async #wait(offset: number): Promise<void> {
    if (!this.#holds(offset)) return
    this.waiting++
    await this.#held
    this.waiting--
  }
}

export interface HandBuilt {
  readonly host: ArrayHost
  readonly target: Target
  readonly config: TargetConfig
  readonly units: readonly LogicalUnit[]
  readonly port: number
  connect(options?: Partial<ConnectOptions>): Promise<InitiatorSession>
  disk(lun?: number, options?: Partial<ConnectOptions>): Promise<Disk>
  raw(): Promise<RawInitiator>
  /** Without it the array is closed when the test has ended. */
  close(): Promise<void>
}

type TargetInput = NonNullable<ArrayInput['targets']>[number]

/** One logical unit a store, LUN 0 and on. `now` is the target's clock. */
export async function handBuilt(
  stores: readonly Store[],
  lun: LunInput = {},
  target: TargetInput = {},
  now?: () => number,
  array: { limits?: ArrayInput['limits']; log?: Logger } = {},
): Promise<HandBuilt> {
  const luns = stores.map((store, id) => memory({ ...lun, id, size: store.length }))
  const { limits, targets } = parseConfig({ limits: array.limits, targets: [{ ...target, luns }] })
  const config = targets[0]!
  const units = config.luns.map((one, index) => {
    const gate = new Gate(stores[index]!, { writeThrough: !one.writeCache })
    const identity = { naa: `6024c55${String(index).padStart(25, '0')}`, serial: `S${index}` }
    return new LogicalUnit(one, identity, gate, NO_UNIT_STATE)
  })
  const built = new Target(config, units, new CommandTable(COMMANDS), 1, { now })
  const host = new ArrayHost([built], limits, array.log ?? silentLogger())
  const portal = await listen(
    { host: '127.0.0.1', port: 0, ipv6Only: false },
    (socket) => host.accept(socket, 0),
    (error) => {
      throw error
    },
  )
  const port = Number(portal.address.split(':')[1])
  host.open([{ listens: { host: '127.0.0.1', port }, dual: false, told: undefined }])
  const ends: { destroy(): void }[] = []
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      for (const end of ends) end.destroy()
      const stopped = portal.stop()
      await host.close()
      await stopped
      await Promise.all(units.map(({ gate }) => gate.close()))
    })()
    return closing
  }
  onTestFinished(close)
  const open = async (options: Partial<ConnectOptions> = {}): Promise<InitiatorSession> => {
    const session = await connect({ host: '127.0.0.1', port, targetName: built.iqn, ...options })
    ends.push(session)
    return session
  }
  return {
    host,
    target: built,
    config,
    units,
    port,
    connect: open,
    close,
    async disk(lun = 0, options = {}) {
      const disk = new Disk(await open(options), lun)
      await drainUnitAttentions(disk)
      return disk
    },
    async raw() {
      const raw = await RawInitiator.open(port)
      ends.push(raw)
      return raw
    },
  }
}
