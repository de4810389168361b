// An array in this process behind a socket that leads nowhere: what a chunk from the network costs from the framer to the
// bytes that the kernel would be given, without the kernel's share.

import { Gate } from '../luns/gate.ts'
import { openStore, type StoreSpec } from '../luns/stores/index.ts'
import { LOGIN_STAGE } from '../protocol/iscsi/login-request.ts'
import { BHS_LENGTH, INITIATOR_OPCODE } from '../protocol/iscsi/opcodes.ts'
import { encodePdu } from '../protocol/iscsi/pdu.ts'
import { SCSI_COMMAND } from '../protocol/iscsi/scsi-command.ts'
import { buildText } from '../protocol/iscsi/text.ts'
import { READ_10 } from '../protocol/scsi/commands/read.ts'
import { WRITE_10 } from '../protocol/scsi/commands/write.ts'
import { derivedIdentity } from '../src/config/identity.ts'
import { parseConfig } from '../src/config/parse.ts'
import { NO_UNIT_STATE } from '../src/config/unit-state.ts'
import { silentLogger } from '../src/log.ts'
import { ArrayHost } from '../src/target/array-host.ts'
import { CommandTable } from '../src/target/command-table.ts'
import { COMMANDS } from '../src/target/commands/index.ts'
import type { Connection } from '../src/target/connection.ts'
import { LogicalUnit } from '../src/target/logical-unit.ts'
import type { ConnectionSocket } from '../src/target/server.ts'
import { Target } from '../src/target/target.ts'

/** The size of the store. */
export const MEDIUM_BYTES = 1024 * 1024
/** Of the event loop. */
const LOGIN_TURNS = 100
const CMD_SN = SCSI_COMMAND.at('cmdSn').byte

/** Commands as one chunk from the network, and where each of them begins. */
export interface Chunk {
  readonly bytes: Buffer
  readonly starts: readonly number[]
}

export function chunkOf(commands: readonly Buffer[]): Chunk {
  let start = 0
  const starts = commands.map(({ length }) => {
    start += length
    return start - length
  })
  return { bytes: Buffer.concat(commands), starts }
}

/** A logged-in session; close() lets go of its store. */
export interface Loopback {
  /** Sends commands in one chunk, numbered on from the last; returns how many bytes were answered at once. */
  exchange(chunk: Chunk): number
  close(): Promise<void>
}

export async function openLoopback(store: StoreSpec): Promise<Loopback> {
  const gate = new Gate(await openStore(store, { length: MEDIUM_BYTES, readOnly: false }), { writeThrough: false })
  const { limits, targets } = parseConfig({ targets: [{ luns: [{ id: 0, size: MEDIUM_BYTES }] }] })
  const config = targets[0]!
  const unit = new LogicalUnit(config.luns[0]!, derivedIdentity(config.iqn, 0), gate, NO_UNIT_STATE)
  const target = new Target(config, [unit], new CommandTable(COMMANDS), 1)
  const host = new ArrayHost([target], limits, silentLogger())
  host.open([{ listens: { host: '127.0.0.1', port: 3260 }, dual: false, told: undefined }])
  const socket = new NowhereSocket()
  const connection = host.accept(socket, 0) as Connection
  connection.receive(loginRequest(config.iqn))
  for (let turn = 0; socket.bytes === 0; turn++) {
    if (turn === LOGIN_TURNS) throw new Error('the array refuses the login')
    await new Promise((resolve) => setImmediate(resolve))
  }
  let cmdSn = 1
  const exchange = ({ bytes, starts }: Chunk): number => {
    for (const start of starts) bytes.writeUInt32BE(cmdSn++ >>> 0, start + CMD_SN)
    const before = socket.bytes
    connection.receive(bytes)
    return socket.bytes - before
  }
  exchange(chunkOf([readCommand(0, 8)])) // takes the unit attention that greets every nexus
  return {
    exchange,
    async close() {
      connection.closed('done')
      await host.close()
      await gate.close()
    },
  }
}

/** A READ(10) for `blocks` of 512 bytes. */
export function readCommand(lba: number, blocks: number, initiatorTaskTag = 1): Buffer {
  return command(READ_10.encode({ lba, blocks }), { read: true }, 512 * blocks, initiatorTaskTag)
}

/** A WRITE(10) with all of its data at once. */
export function writeCommand(lba: number, data: Buffer, initiatorTaskTag = 1): Buffer {
  const cdb = WRITE_10.encode({ lba, blocks: data.length / 512 })
  return command(cdb, { write: true }, data.length, initiatorTaskTag, data)
}

function command(
  cdb: Buffer,
  direction: { read: true } | { write: true },
  expectedDataTransferLength: number,
  initiatorTaskTag: number,
  data: Buffer = Buffer.alloc(0),
): Buffer {
  const padded = Buffer.alloc(SCSI_COMMAND.at('cdb').bits / 8)
  cdb.copy(padded)
  const lun = Buffer.alloc(SCSI_COMMAND.at('lun').bits / 8)
  const fields = { final: true, ...direction, attributes: 1, lun, initiatorTaskTag, expectedDataTransferLength }
  return encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, { ...fields, cdb: padded }, { data })
}

function loginRequest(targetName: string): Buffer {
  const pairs = {
    InitiatorName: 'iqn.2026-11.io.lunette:bench',
    TargetName: targetName,
    SessionType: 'Normal',
    InitialR2T: 'No',
    ImmediateData: 'Yes',
    MaxRecvDataSegmentLength: '262144',
  }
  const stages = {
    currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
    nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE,
  }
  const fields = { immediate: true, transit: true, ...stages, isid: Buffer.alloc(6), cmdSn: 1 }
  const data = buildText(Object.entries(pairs).map(([key, value]) => ({ key, value })))
  return encodePdu(INITIATOR_OPCODE.LOGIN_REQUEST, fields, { data })
}

/** Takes everything at once. */
class NowhereSocket implements ConnectionSocket {
  readonly remote = '127.0.0.1:0'
  readonly localAddress = '127.0.0.1'
  readonly remoteAddress = '127.0.0.1'
  readonly localPort = 0
  bytes = 0

  write(bytes: Buffer, written: () => void): void {
    this.bytes += bytes.length
    written()
  }

  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** The bytes of an answer to a read of `length` bytes that ended well. */
export const readAnswerBytes = (length: number): number => BHS_LENGTH + length
/** The bytes of an answer to a write that ended well. */
export const WRITE_ANSWER_BYTES = BHS_LENGTH
