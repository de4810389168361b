// A target that says what a test tells it to, true or not: the other end of the initiator under test.

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import {
  buildText,
  type HeaderFields,
  INITIATOR_OPCODE,
  LOGIN_STAGE,
  type Opcode,
  type PduBody,
  RESERVED_TAG,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import { type ConnectOptions, connect, type InitiatorSession } from '../../src/host/index.ts'
import { type PduOf, PduSocket } from '../target/pdu-socket.ts'

export type LoginRequest = PduOf<typeof INITIATOR_OPCODE.LOGIN_REQUEST>
type Keys = Readonly<Record<string, string>>

export const textOf = (keys: Keys): Buffer => buildText(Object.entries(keys).map(([key, value]) => ({ key, value })))

/** What a target that negotiates nothing answers to the initiator's defaults. */
export const ANSWERS: Keys = {
  HeaderDigest: 'None',
  DataDigest: 'None',
  MaxConnections: '1',
  InitialR2T: 'No',
  ImmediateData: 'Yes',
  MaxBurstLength: '16384',
  FirstBurstLength: '8192',
  DefaultTime2Wait: '2',
  DefaultTime2Retain: '0',
  MaxOutstandingR2T: '1',
  DataPDUInOrder: 'Yes',
  DataSequenceInOrder: 'Yes',
  ErrorRecoveryLevel: '0',
  MaxRecvDataSegmentLength: '4096',
}

export class TargetEnd extends PduSocket {
  statSn = 1
  expCmdSn = 1
  window = 32

  /** With the numbers that every PDU of a target carries; `status`: whether it takes a StatSN. */
  say<O extends Opcode>(opcode: O, fields: Partial<HeaderFields<O>>, body: PduBody & { status?: boolean } = {}): void {
    const { status = true, ...rest } = body
    const counted = { statSn: this.statSn, expCmdSn: this.expCmdSn, maxCmdSn: (this.expCmdSn + this.window - 1) >>> 0 }
    if (status) this.statSn = (this.statSn + 1) >>> 0
    this.send(opcode, { ...counted, ...fields } as Partial<HeaderFields<O>>, rest)
  }

  takeLogin(): Promise<LoginRequest> {
    return this.take(INITIATOR_OPCODE.LOGIN_REQUEST)
  }

  answerLogin(
    { header }: LoginRequest,
    fields: Partial<HeaderFields<typeof TARGET_OPCODE.LOGIN_RESPONSE>> = {},
    data: Buffer = Buffer.alloc(0),
  ): void {
    const { transit, currentStage, nextStage, initiatorTaskTag, isid } = header
    const usual = { transit, currentStage, nextStage, initiatorTaskTag, isid }
    this.say(TARGET_OPCODE.LOGIN_RESPONSE, { ...usual, ...fields }, { data })
  }

  /** Lets the initiator in. */
  async login(answers: Keys = ANSWERS): Promise<void> {
    this.answerLogin(await this.takeLogin(), {}, textOf({ AuthMethod: 'None', TargetPortalGroupTag: '1' }))
    const last = await this.takeLogin()
    if (last.header.nextStage !== LOGIN_STAGE.FULL_FEATURE_PHASE) throw new Error('not the last stage')
    this.answerLogin(last, { tsih: 5 }, textOf(answers))
    this.digests = { header: answers.HeaderDigest === 'CRC32C', data: answers.DataDigest === 'CRC32C' }
  }

  async takeCommand(): Promise<PduOf<typeof INITIATOR_OPCODE.SCSI_COMMAND>> {
    const command = await this.take(INITIATOR_OPCODE.SCSI_COMMAND)
    if (!command.header.immediate) this.expCmdSn = (command.header.cmdSn + 1) >>> 0
    return command
  }

  good(initiatorTaskTag: number): void {
    this.say(TARGET_OPCODE.SCSI_RESPONSE, { initiatorTaskTag, status: 0 })
  }

  dataIn(
    initiatorTaskTag: number,
    dataSn: number,
    bufferOffset: number,
    data: Buffer,
    fields: Partial<HeaderFields<typeof TARGET_OPCODE.DATA_IN>> = {},
  ): void {
    const usual = { initiatorTaskTag, dataSn, bufferOffset, targetTransferTag: RESERVED_TAG }
    const status = fields.hasStatus === true
    this.say(TARGET_OPCODE.DATA_IN, { ...usual, ...fields, ...(!status && { statSn: 0 }) }, { data, status })
  }
}

/** Listens, and gives each connection to the next `accept`. */
export class ScriptedTarget {
  readonly port: number
  readonly #waiting: Socket[]
  readonly #arrived: ((socket: Socket) => void)[]

  constructor(port: number, waiting: Socket[], arrived: ((socket: Socket) => void)[]) {
    this.port = port
    this.#waiting = waiting
    this.#arrived = arrived
  }

  async accept(): Promise<TargetEnd> {
    const socket = this.#waiting.shift() ?? (await new Promise<Socket>((resolve) => this.#arrived.push(resolve)))
    return new TargetEnd(socket)
  }

  static async listen(): Promise<ScriptedTarget> {
    const waiting: Socket[] = []
    const arrived: ((socket: Socket) => void)[] = []
    const sockets: Socket[] = []
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.push(socket)
      const next = arrived.shift()
      if (next) next(socket)
      else waiting.push(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
    return new ScriptedTarget((server.address() as AddressInfo).port, waiting, arrived)
  }
}

export type Opened = [InitiatorSession, TargetEnd]

/** A session in full feature phase, and the other end of it. */
export async function open(answers = ANSWERS, options: Partial<ConnectOptions> = {}, window = 32): Promise<Opened> {
  const server = await ScriptedTarget.listen()
  const session = connect({ host: '127.0.0.1', port: server.port, targetName: 'iqn.2026-11.io.lunette:t', ...options })
  const target = await server.accept()
  target.window = window
  await target.login(answers)
  return [await session, target]
}
