// The session beside the fuzzed ones: it writes and reads a logical unit of its own all the while, knows what every block must
// hold, and takes every status but GOOD, every lost connection and every answer that is late for a fault of the array.

import { setTimeout as delay } from 'node:timers/promises'
import { READ_16, STATUS, TEST_UNIT_READY, WRITE_16 } from '../../protocol/index.ts'
import { connect, type InitiatorSession, type ScsiCommand } from '../../src/host/index.ts'
import { Random } from './random.ts'

const BLOCK = 512
const WORKERS = 4
/** Small ones mostly; 2,048 blocks take several R2Ts. */
const LENGTHS = [1, 1, 1, 8, 8, 64, 600, 2048]
const LATE_MS = 30_000
/** After each command: the array belongs to the others. */
const PAUSE_MS = 2
const CHECK_BLOCKS = 2048

export interface HonestOptions {
  readonly port: number
  readonly targetName: string
  readonly initiatorName: string
  readonly blocks: number
  /** Takes what is wrong, once. */
  readonly complain: (what: string) => void
}

export class HonestSession {
  /** Bytes that were read and held what they must. */
  verifiedBytes = 0
  commands = 0
  slowestMs = 0
  readonly #session: InitiatorSession
  readonly #complain: (what: string) => void
  /** How often each block was written. */
  readonly #versions: Uint32Array
  #stopped = false
  #working: Promise<unknown> = Promise.resolve()

  private constructor(session: InitiatorSession, { blocks, complain }: HonestOptions) {
    this.#session = session
    this.#complain = complain
    this.#versions = new Uint32Array(blocks)
    void session.closed.then((error) => {
      if (error) complain(`the honest session has lost its connection: ${error.message}`)
    })
  }

  static async open(options: HonestOptions): Promise<HonestSession> {
    const { port, targetName, initiatorName } = options
    const digests = { header: true, data: true }
    const session = await connect({ host: '127.0.0.1', port, targetName, initiatorName, digests })
    const ready = { lun: 0, cdb: TEST_UNIT_READY.encode({}) }
    while ((await session.execute(ready)).status !== STATUS.GOOD);
    return new HonestSession(session, options)
  }

  start(): void {
    const share = Math.floor(this.#versions.length / WORKERS)
    const workers = Array.from({ length: WORKERS }, (_, i) => this.#work(new Random(1, i), i * share, share))
    this.#working = Promise.all(workers).catch((error: unknown) => {
      this.#stopped = true
      this.#complain(`the honest session: ${(error as Error).message}`)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#working
  }

  /** Reads all of it, and leaves. */
  async finish(): Promise<void> {
    const { length } = this.#versions
    for (let lba = 0; lba < length; lba += CHECK_BLOCKS) await this.#verify(lba, Math.min(CHECK_BLOCKS, length - lba))
    await this.#session.logout()
  }

  destroy(): void {
    this.#stopped = true
    this.#session.destroy()
  }

  async #work(random: Random, first: number, count: number): Promise<void> {
    while (!this.#stopped) {
      const blocks = random.pick(LENGTHS)
      const lba = first + random.below(count - blocks)
      if (random.chance(0.5)) await this.#write(lba, blocks)
      else await this.#verify(lba, blocks)
      await delay(PAUSE_MS)
    }
  }

  async #write(lba: number, blocks: number): Promise<void> {
    for (let block = lba; block < lba + blocks; block++) this.#versions[block]!++
    const dataOut = this.#content(lba, blocks)
    await this.#execute({ lun: 0, cdb: WRITE_16.encode({ lba: BigInt(lba), blocks }), dataOut })
  }

  async #verify(lba: number, blocks: number): Promise<void> {
    const cdb = READ_16.encode({ lba: BigInt(lba), blocks })
    const { data } = await this.#execute({ lun: 0, cdb, dataInLength: blocks * BLOCK })
    if (!data.equals(this.#content(lba, blocks))) throw new Error(`wrong data in the ${blocks} blocks from LBA ${lba}`)
    this.verifiedBytes += data.length
  }

  async #execute(command: ScsiCommand) {
    const started = performance.now()
    const late = new AbortController()
    const result = await Promise.race([
      this.#session.execute(command),
      delay(LATE_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ])
    late.abort()
    if (!result) throw new Error(`no answer within ${LATE_MS / 1000} s to ${command.cdb.toString('hex')}`)
    this.commands++
    this.slowestMs = Math.max(this.slowestMs, performance.now() - started)
    if (result.status !== STATUS.GOOD)
      throw new Error(
        `status ${result.status}, sense ${JSON.stringify(result.sense)} to ${command.cdb.toString('hex')}`,
      )
    return result
  }

  /** A block says which it is, and which write it is of. */
  #content(lba: number, blocks: number): Buffer {
    const content = Buffer.alloc(blocks * BLOCK)
    const mark = Buffer.alloc(8)
    for (let i = 0; i < blocks; i++) {
      const version = this.#versions[lba + i]!
      if (version === 0) continue
      mark.writeUInt32BE(lba + i, 0)
      mark.writeUInt32BE(version, 4)
      content.fill(mark, i * BLOCK, (i + 1) * BLOCK)
    }
    return content
  }
}
