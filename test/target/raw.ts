// A scripted initiator on a socket: logs in, or not, and then sends whatever a test wants, rules or no rules.

import { connect } from 'node:net'
import {
  buildText,
  encodeLun,
  type HeaderFields,
  INITIATOR_OPCODE,
  LOGIN_STAGE,
  type PduBody,
  parseText,
  RESERVED_TAG,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import { type PduOf, PduSocket } from './pdu-socket.ts'

const { LOGIN_REQUEST, SCSI_COMMAND, DATA_OUT } = INITIATOR_OPCODE

export type Keys = Readonly<Record<string, string>>
export type LoginFields = Partial<HeaderFields<typeof LOGIN_REQUEST>>
export type LoginResponse = PduOf<typeof TARGET_OPCODE.LOGIN_RESPONSE>
type CommandFields = Partial<Omit<HeaderFields<typeof SCSI_COMMAND>, 'lun'>> & { readonly lun?: number }

export const text = (keys: Keys | readonly (readonly [string, string])[]): Buffer =>
  buildText((Array.isArray(keys) ? keys : Object.entries(keys)).map(([key, value]) => ({ key, value })))

/** Text as an object; a key that comes twice is an error of the test. */
export function keysOf(data: Buffer): Record<string, string> {
  const pairs = parseText(data).map(({ key, value }) => [key, value])
  return Object.fromEntries(pairs)
}

let ports = 0

export class RawInitiator extends PduSocket {
  readonly initiatorName = 'iqn.2026-11.io.lunette:raw'
  /** A port of its own for every connection: nothing is reinstated by accident. */
  isid = Buffer.from([0x80, 0, 0, 0, ++ports >> 8, ports & 0xff])
  cid = 0
  tsih = 0
  /** The next command's number. */
  cmdSn = 1
  expStatSn = 0
  #tag = 100

  static open(port: number, host = '127.0.0.1'): Promise<RawInitiator> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true })
      socket.once('error', reject).once('connect', () => resolve(new RawInitiator(socket)))
    })
  }

  takeTag(): number {
    return ++this.#tag
  }

  /** One Login Request, with the header's usual fields where `fields` says nothing else. */
  sendLogin(data: Buffer, fields: LoginFields = {}): void {
    const { isid, tsih, cid, cmdSn, expStatSn } = this
    const usual = { immediate: true, isid, tsih, cid, initiatorTaskTag: 7, cmdSn, expStatSn }
    this.send(LOGIN_REQUEST, { ...usual, ...fields }, { data })
  }

  async loginStep(data: Buffer, fields: LoginFields = {}): Promise<LoginResponse> {
    this.sendLogin(data, fields)
    const response = await this.take(TARGET_OPCODE.LOGIN_RESPONSE)
    this.expStatSn = (response.header.statSn + 1) >>> 0
    return response
  }

  /** Straight from the operational stage to full feature phase; throws when the target does not go along. */
  async login(targetName: string | undefined, keys: Keys = {}): Promise<Record<string, string>> {
    const names: Keys = targetName === undefined ? { SessionType: 'Discovery' } : { TargetName: targetName }
    const response = await this.loginStep(text({ InitiatorName: this.initiatorName, ...names, ...keys }), {
      transit: true,
      currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
      nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE,
    })
    const { header } = response
    if (header.statusClass !== 0 || !header.transit || header.nextStage !== LOGIN_STAGE.FULL_FEATURE_PHASE)
      throw new Error(`login: ${JSON.stringify(header)}`)
    this.tsih = header.tsih
    const settled = keysOf(response.data)
    this.digests = { header: settled.HeaderDigest === 'CRC32C', data: settled.DataDigest === 'CRC32C' }
    return settled
  }

  /** A SCSI Command with the next number; its task tag. */
  command(cdb: Buffer, { lun = 0, ...fields }: CommandFields = {}, body: PduBody = {}): number {
    const initiatorTaskTag = fields.initiatorTaskTag ?? this.takeTag()
    const cmdSn = fields.cmdSn ?? this.cmdSn
    if (fields.cmdSn === undefined && !fields.immediate) this.cmdSn = (this.cmdSn + 1) >>> 0
    const padded = Buffer.alloc(16)
    cdb.copy(padded)
    const usual = { final: true, attributes: 1, expStatSn: this.expStatSn }
    this.send(SCSI_COMMAND, { ...usual, ...fields, lun: encodeLun(lun), cdb: padded, cmdSn, initiatorTaskTag }, body)
    return initiatorTaskTag
  }

  /** The text that answers this text, where it fits into one PDU each way. */
  async text(keys: Keys): Promise<Buffer> {
    const initiatorTaskTag = this.takeTag()
    const usual = { immediate: true, final: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn: this.cmdSn }
    this.send(INITIATOR_OPCODE.TEXT_REQUEST, usual, { data: text(keys) })
    const { header, data } = await this.take(TARGET_OPCODE.TEXT_RESPONSE)
    this.expStatSn = (header.statSn + 1) >>> 0
    return data
  }

  dataOut(fields: Partial<HeaderFields<typeof DATA_OUT>>, data: Buffer): void {
    const usual = { final: true, targetTransferTag: RESERVED_TAG, expStatSn: this.expStatSn, lun: encodeLun(0) }
    this.send(DATA_OUT, { ...usual, ...fields }, { data })
  }

  /** The SCSI Response that is due next. */
  async response(): Promise<PduOf<typeof TARGET_OPCODE.SCSI_RESPONSE>> {
    const response = await this.take(TARGET_OPCODE.SCSI_RESPONSE)
    this.expStatSn = (response.header.statSn + 1) >>> 0
    return response
  }
}
