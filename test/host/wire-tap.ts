// Between an initiator and a target: passes bytes on, and writes down each SCSI command by the operation code of its CDB as it leaves,
// with the status as it comes back. What neither side says of itself.

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { BHS_LENGTH, INITIATOR_OPCODE, SCSI_COMMAND, TARGET_OPCODE } from '../../protocol/index.ts'

export interface OnWire {
  /** Its standard's name, without the length of the CDB where a command has several that mean the same. */
  readonly command: string
  /** Undefined until it is answered, and for good when it is aborted. */
  status?: number
}

const NAMES: Readonly<Record<number, string>> = {
  ...{ 8: 'READ', 40: 'READ', 136: 'READ', 10: 'WRITE', 42: 'WRITE', 138: 'WRITE' },
  ...{ 22: 'RESERVE(6)', 23: 'RELEASE(6)', 86: 'RESERVE(10)', 87: 'RELEASE(10)', 137: 'COMPARE AND WRITE' },
}
/** Of SCSI Data-In and SCSI Response (RFC 7143 11.4, 11.7). */
const DATA_IN_STATUS = { flags: 1, bit: 0x01, status: 3 }
const OPCODE_BITS = 0x3f
/** The initiator task tag, in either PDU. */
const TAG_AT = 16

export class WireTap {
  readonly commands: OnWire[] = []
  readonly port: number
  /** Ends the connections of now, without a word. */
  readonly cut: () => void
  readonly #waiting = new Map<number, OnWire>()

  constructor(port: number, cut: () => void) {
    this.port = port
    this.cut = cut
  }

  toTarget(pdu: Buffer): void {
    if ((pdu[0]! & OPCODE_BITS) !== INITIATOR_OPCODE.SCSI_COMMAND) return
    const { cdb, initiatorTaskTag } = SCSI_COMMAND.decode(pdu)
    const code = cdb[0]!
    const sent: OnWire = { command: NAMES[code] ?? `${code.toString(16).padStart(2, '0')}h` }
    this.commands.push(sent)
    this.#waiting.set(initiatorTaskTag, sent)
  }

  toInitiator(pdu: Buffer): void {
    const opcode = pdu[0]! & OPCODE_BITS
    const { flags, bit, status } = DATA_IN_STATUS
    const hasStatus = opcode === TARGET_OPCODE.DATA_IN && (pdu[flags]! & bit) !== 0
    if (opcode !== TARGET_OPCODE.SCSI_RESPONSE && !hasStatus) return
    const initiatorTaskTag = pdu.readUInt32BE(TAG_AT)
    const sent = this.#waiting.get(initiatorTaskTag)
    if (sent) sent.status = pdu[status]!
    this.#waiting.delete(initiatorTaskTag)
  }
}

/** A tap in front of a target on this port of 127.0.0.1, gone when the test has ended. The login must not agree on digests. */
export async function wireTap(targetPort: number): Promise<WireTap> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (initiator) => {
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    for (const socket of [initiator, target]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        initiator.destroy()
        target.destroy()
      })
    }
    pass(initiator, target, (pdu) => tap.toTarget(pdu))
    pass(target, initiator, (pdu) => tap.toInitiator(pdu))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tap = new WireTap((server.address() as AddressInfo).port, () => {
    for (const socket of sockets) socket.destroy()
  })
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return tap
}

function pass(from: Socket, to: Socket, tell: (header: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  from.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= BHS_LENGTH) {
      const bytes = BHS_LENGTH + 4 * rest[4]! + 4 * Math.ceil(rest.readUIntBE(5, 3) / 4)
      if (rest.length < bytes) break
      tell(rest.subarray(0, BHS_LENGTH))
      rest = rest.subarray(bytes)
    }
    to.write(chunk)
  })
}
