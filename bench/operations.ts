// The operations that the hot path is made of, one row each. Rows of one group are alternatives: the first is what the
// others are compared with.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { crc32c } from '@node-rs/crc32'
import type { StoreSpec } from '../luns/stores/index.ts'
import { DATA_IN } from '../protocol/iscsi/data-in.ts'
import { Framer } from '../protocol/iscsi/framer.ts'
import { TARGET_OPCODE } from '../protocol/iscsi/opcodes.ts'
import { encodePdu } from '../protocol/iscsi/pdu.ts'
import { SCSI_COMMAND } from '../protocol/iscsi/scsi-command.ts'
import { READ_10 } from '../protocol/scsi/commands/read.ts'
import { SENSE } from '../protocol/scsi/sense.ts'
import { decodeSense, encodeSense } from '../protocol/scsi/sense-data.ts'
import {
  type Chunk,
  chunkOf,
  type Loopback,
  MEDIUM_BYTES,
  openLoopback,
  readAnswerBytes,
  readCommand,
  WRITE_ANSWER_BYTES,
  writeCommand,
} from './loopback.ts'

const KIB = 1024
const COMMANDS_A_CHUNK = 32

export interface Operation {
  readonly group: string
  readonly name: string
  /** How often one `run` does it. */
  readonly count: number
  /** What it gives is looked at by nobody; it keeps the work from being optimized away. */
  run(): unknown
}

type Row = readonly [name: string, run: () => unknown, count?: number]

const group = (name: string, rows: readonly Row[]): Operation[] =>
  rows.map(([operation, run, count = 1]) => ({ group: name, name: operation, count, run }))

export interface Operations {
  readonly all: readonly Operation[]
  close(): Promise<void>
}

/** `image` is a path where a file may be made. */
export async function openOperations(image: string): Promise<Operations> {
  writeFileSync(image, randomBytes(MEDIUM_BYTES))
  const loopbacks = await Promise.all(
    ([{ type: 'null' }, { type: 'memory' }, { type: 'file', path: image }] as const).map(
      async (spec: StoreSpec) => [spec.type, await openLoopback(spec)] as const,
    ),
  )
  const all = [...headers(), ...framer(), ...sense(), ...digests(), ...dispatch(loopbacks)]
  return { all, close: async () => void (await Promise.all(loopbacks.map(([, loopback]) => loopback.close()))) }
}

function headers(): Operation[] {
  const header = readCommand(4711, 8)
  const cdb = SCSI_COMMAND.at('cdb').byte
  const at = {
    tag: SCSI_COMMAND.at('initiatorTaskTag').byte,
    edtl: SCSI_COMMAND.at('expectedDataTransferLength').byte,
    cmdSn: SCSI_COMMAND.at('cmdSn').byte,
    lun: SCSI_COMMAND.at('lun').byte,
    lba: cdb + READ_10.at('lba').byte,
    blocks: cdb + READ_10.at('blocks').byte,
  }
  const dataIn = {
    final: true,
    hasStatus: true,
    lun: Buffer.alloc(8),
    statSn: 1,
    maxCmdSn: 128,
    dataSegmentLength: 4096,
  }
  const target = Buffer.alloc(DATA_IN.size)
  return [
    ...group('SCSI Command header', [
      ['decode', () => SCSI_COMMAND.decode(header)],
      [
        'read five fields in place',
        () =>
          header[1]! +
          header.readUInt32BE(at.tag) +
          header.readUInt32BE(at.edtl) +
          header.readUInt32BE(at.cmdSn) +
          header.readUInt32BE(at.lun),
      ],
    ]),
    ...group('READ(10) CDB', [
      ['decode', () => READ_10.decode(header, cdb)],
      ['read LBA and length in place', () => header.readUInt32BE(at.lba) + header.readUInt16BE(at.blocks)],
    ]),
    ...group('READ(10) CDB, check', [['look for reserved bits', () => READ_10.reservedBit(header, cdb)]]),
    ...group('Data-In header', [
      ['encode', () => DATA_IN.encode(dataIn)],
      ['encode into a buffer that is there', () => DATA_IN.encode(dataIn, target)],
      ['encode as a whole PDU', () => encodePdu(TARGET_OPCODE.DATA_IN, dataIn)],
    ]),
  ]
}

function framer(): Operation[] {
  const reads = Buffer.concat(Array.from({ length: COMMANDS_A_CHUNK }, (_, tag) => readCommand(8 * tag, 8, tag)))
  const write = writeCommand(0, Buffer.alloc(256 * KIB))
  const chunks = Array.from({ length: Math.ceil(write.length / (64 * KIB)) }, (_, i) =>
    write.subarray(64 * KIB * i, 64 * KIB * (i + 1)),
  )
  const buffer = Buffer.alloc(256 * KIB)
  const own = new Framer({ maxDataSegmentLength: 256 * KIB })
  const placing = new Framer({ maxDataSegmentLength: 256 * KIB, place: () => buffer })
  return [
    ...group('framer', [[`a PDU of a chunk of ${COMMANDS_A_CHUNK} READs`, () => cut(own, [reads]), COMMANDS_A_CHUNK]]),
    ...group('framer, 256 KiB write in chunks of 64 KiB', [
      ['into a new buffer', () => cut(own, chunks)],
      ['into one that is there', () => cut(placing, chunks)],
    ]),
  ]
}

/** The bytes of data in the PDUs of the chunks. */
function cut(framer: Framer, chunks: readonly Buffer[]): number {
  let bytes = 0
  for (const chunk of chunks) {
    framer.push(chunk)
    while (framer.next()) bytes += framer.dataLength
  }
  return bytes
}

function sense(): Operation[] {
  const data = { sense: SENSE.INVALID_FIELD_IN_CDB, field: { in: 'cdb', byte: 1, bit: 4 } } as const
  const [fixed, descriptor] = [encodeSense(data, 'fixed'), encodeSense(data, 'descriptor')]
  return [
    ...group('sense data, encode', [
      ['fixed format', () => encodeSense(data, 'fixed')],
      ['descriptor format', () => encodeSense(data, 'descriptor')],
    ]),
    ...group('sense data, decode', [
      ['fixed format', () => decodeSense(fixed)],
      ['descriptor format', () => decodeSense(descriptor)],
    ]),
  ]
}

function digests(): Operation[] {
  const [header, data] = [Buffer.alloc(48, 1), Buffer.alloc(4 * KIB, 2)]
  return [
    ...group('CRC32C of a header', [['48 bytes', () => crc32c(header)]]),
    ...group('CRC32C of data', [['4 KiB', () => crc32c(data)]]),
  ]
}

/** From the chunk of the socket to the bytes for the socket, a command's share. */
function dispatch(loopbacks: readonly (readonly [string, Loopback])[]): Operation[] {
  const tags = Array.from({ length: COMMANDS_A_CHUNK }, (_, tag) => tag)
  const reads = chunkOf(tags.map((tag) => readCommand(8 * tag, 8, tag)))
  const writes = chunkOf(tags.map((tag) => writeCommand(8 * tag, Buffer.alloc(4 * KIB, tag + 1), tag)))
  const answersAtOnce = ({ exchange }: Loopback, chunk: Chunk, answer: number) =>
    exchange(chunk) === chunk.starts.length * answer
  const rows = (chunk: Chunk, answer: number, stores: readonly (readonly [string, Loopback])[]): Row[] =>
    stores
      // a file system that cannot be asked for cached data alone takes the thread pool, which is not measured here
      .filter(([, loopback]) => answersAtOnce(loopback, chunk, answer))
      .map(([store, loopback]): Row => {
        const run = () => {
          if (!answersAtOnce(loopback, chunk, answer)) throw new Error(`the ${store} store has kept a command waiting`)
        }
        return [`${store} store`, run, chunk.starts.length]
      })
  const inMemory = loopbacks.filter(([store]) => store !== 'file')
  return [
    ...group('4 KiB WRITE(10), chunk to response', rows(writes, WRITE_ANSWER_BYTES, inMemory)),
    ...group('4 KiB READ(10), chunk to response', rows(reads, readAnswerBytes(4 * KIB), loopbacks)),
  ]
}
