// Does once more what a recording says, against an array that may be another one by now: bytes that name what an array has
// given out, such as a TSIH, may be wrong today. Every wait has an end; what did not come is told.

import {
  type Digests,
  encodePdu,
  INITIATOR_OPCODE,
  LOGIN_STAGE,
  type Pdu,
  type PduHeader,
  parseText,
  TARGET_OPCODE,
} from '../../protocol/iscsi/index.ts'
import type { Recording, Step } from './recording.ts'
import { FuzzStream } from './stream.ts'

const WAIT_MS = 5_000
const NO_DIGESTS: Digests = { header: false, data: false }

/** A medium that can be made to wait. */
export interface HeldMedium {
  hold(): void
  release(): void
  untilWaiting(count: number): Promise<void>
  /** What has been written to it. */
  readonly writes: readonly unknown[]
}

export interface Replayed {
  /** What was waited for and did not come. */
  readonly missing: readonly string[]
  /** What the array said. */
  readonly received: readonly Pdu[]
}

/** `medium`: that of LUN 0, where the recording asks for it. */
export async function replay({ steps }: Recording, port: number, medium?: HeldMedium): Promise<Replayed> {
  const player = new Player(port, medium)
  try {
    for (const [at, step] of steps.entries()) await player.take(step, at)
  } finally {
    player.end()
  }
  return player
}

class Player implements Replayed {
  readonly missing: string[] = []
  readonly received: Pdu[] = []
  readonly #port: number
  readonly #medium: HeldMedium | undefined
  readonly #connections = new Map<number, Connection>()
  #final: number | undefined

  constructor(port: number, medium: HeldMedium | undefined) {
    this.#port = port
    this.#medium = medium
  }

  async take(step: Step, at: number): Promise<void> {
    if ('medium' in step) return this.#takeMedium(step)
    const connection = await this.#connection(step.on)
    if ('send' in step) connection.stream.send(step.send)
    else if ('answer' in step) await this.#expect(await connection.answerR2T(this.received), `R2T for step ${at}`)
    else if ('await' in step)
      await this.#expect(await connection.until(step.await, this.received), `${step.await} of step ${at}`)
    else if ('absent' in step) this.#expect(!connection.hasCome(step.absent), `a later ${step.absent} in step ${at}`)
    else if (step.end === 'fin') connection.stream.finish()
    else connection.stream.destroy()
  }

  /** Nothing is held any more, and no connection is left. */
  end(): void {
    this.#medium?.release()
    for (const { stream } of this.#connections.values()) {
      if (stream.complaint) this.missing.push(stream.complaint)
      stream.destroy()
    }
    if (this.#final !== undefined && this.#medium?.writes.length !== this.#final)
      this.missing.push('an end of the writes')
  }

  async #takeMedium(step: Extract<Step, { medium: string }>): Promise<void> {
    const medium = this.#medium
    if (!medium) return
    if (step.medium === 'hold') medium.hold()
    else if (step.medium === 'release') medium.release()
    else if (step.medium === 'waiting') await medium.untilWaiting(step.count)
    else this.#final = medium.writes.length
  }

  #expect(came: boolean, what: string): void {
    if (!came) this.missing.push(what)
  }

  async #connection(on: number): Promise<Connection> {
    const found = this.#connections.get(on)
    if (found) return found
    const connection = new Connection(await FuzzStream.open({ index: on, port: this.#port, record: () => {} }))
    this.#connections.set(on, connection)
    return connection
  }
}

const opcodeOf = (name: string): number | undefined => (TARGET_OPCODE as Readonly<Record<string, number>>)[name]

type R2T = Extract<PduHeader, { opcode: typeof TARGET_OPCODE.R2T }>

class Connection {
  readonly stream: FuzzStream
  #r2ts: R2T[] = []
  /** Of PDUs that have come and were not waited for yet. */
  #unclaimed: number[] = []
  #agreed = NO_DIGESTS

  constructor(stream: FuzzStream) {
    this.stream = stream
  }

  hasCome(name: string): boolean {
    return this.#unclaimed.includes(opcodeOf(name) ?? -1)
  }

  /** Whether a PDU of this name came, or the target closed. */
  async until(name: string, received: Pdu[]): Promise<boolean> {
    const opcode = opcodeOf(name)
    const index = opcode === undefined ? -1 : this.#unclaimed.indexOf(opcode)
    if (index >= 0) {
      this.#unclaimed.splice(index, 1)
      return true
    }
    for (const deadline = performance.now() + WAIT_MS; performance.now() < deadline; ) {
      const pdu = await this.stream.take(deadline - performance.now())
      if (pdu) {
        received.push(pdu)
        this.#follow(pdu)
        if (pdu.header.opcode === opcode) return true
        this.#unclaimed.push(pdu.header.opcode)
      } else if (this.stream.closed) return name === 'CLOSE'
    }
    return false
  }

  /** Sends what an R2T asks for, in one PDU. */
  async answerR2T(received: Pdu[]): Promise<boolean> {
    if (this.#r2ts.length === 0 && !(await this.until('R2T', received))) return false
    const { lun, initiatorTaskTag, targetTransferTag, bufferOffset, desiredDataTransferLength } = this.#r2ts.shift()!
    const fields = { final: true, lun, initiatorTaskTag, targetTransferTag, bufferOffset }
    const data = Buffer.alloc(desiredDataTransferLength, 0x5a)
    this.stream.send(encodePdu(INITIATOR_OPCODE.DATA_OUT, fields, { data, digests: this.stream.digests }))
    return true
  }

  #follow({ header, data }: Pdu): void {
    if (header.opcode === TARGET_OPCODE.R2T) this.#r2ts.push(header)
    if (header.opcode !== TARGET_OPCODE.LOGIN_RESPONSE || header.statusClass !== 0) return
    const has = (key: string) => parseText(data).some((pair) => pair.key === key && pair.value === 'CRC32C')
    const { header: head, data: body } = this.#agreed
    this.#agreed = { header: head || has('HeaderDigest'), data: body || has('DataDigest') }
    if (header.transit && header.nextStage === LOGIN_STAGE.FULL_FEATURE_PHASE) this.stream.digests = this.#agreed
  }
}
