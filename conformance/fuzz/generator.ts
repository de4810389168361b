// What an initiator in full feature phase sends, PDU by PDU: valid most of the time, so that a session lives and the array
// has work, and wrong in every way now and then. It follows what the target says: numbers that are due, data it waits for.

import {
  BHS_LENGTH,
  decodeRodTokenInformation,
  encodeLun,
  encodePdu,
  type HeaderFields,
  INITIATOR_OPCODE,
  next as nextNumber,
  type Opcode,
  PDU_LAYOUTS,
  type Pdu,
  type PduHeader,
  RESERVED_TAG,
  SNACK_TYPE,
  TARGET_OPCODE,
  TASK_MANAGEMENT_FUNCTION as TMF,
} from '../../protocol/index.ts'
import type { Layout } from '../../protocol/wire/layout.ts'
import { type FuzzedCommand, fuzzedCommand, repairs } from './commands.ts'
import { mutateHeader, seal } from './mutation.ts'
import type { Random } from './random.ts'
import { remember, type Settled, type World } from './world.ts'

/** A run of Data-Out PDUs: what an R2T asks for, or what follows a command unasked. */
interface Sequence {
  readonly lun: Buffer
  readonly initiatorTaskTag: number
  readonly targetTransferTag: number
  at: number
  readonly end: number
  dataSn: number
}

type R2T = HeaderFields<typeof TARGET_OPCODE.R2T>

const MAX_SEQUENCES = 24
/** As many tags as a connection has used, at the most. */
const PDUS_OF_A_CONNECTION = 250
const DATA = Buffer.alloc(256 * 1024, 0x5a)
const EDGES = [0, 1, 512, 4096, 2 ** 20, 2 ** 31, 2 ** 32 - 1]
const TEXTS = [
  'SendTargets=All',
  'SendTargets=',
  'SendTargets=iqn.2026-11.io.lunette:none',
  'MaxRecvDataSegmentLength=512',
  'MaxRecvDataSegmentLength=65536',
  'MaxRecvDataSegmentLength=0',
  'HeaderDigest=CRC32C',
  'X-com.example=1',
  '=',
  'key',
  'InitiatorName=iqn.2026-11.io.lunette:again',
]
/** Resets of the whole target end all sessions at once, or make them start over: rarely. */
const FUNCTIONS = [
  ...[TMF.ABORT_TASK, TMF.ABORT_TASK, TMF.ABORT_TASK, TMF.ABORT_TASK_SET, TMF.CLEAR_ACA, TMF.CLEAR_TASK_SET],
  ...[TMF.LOGICAL_UNIT_RESET, TMF.TASK_REASSIGN, TMF.QUERY_TASK, TMF.QUERY_TASK_SET, TMF.I_T_NEXUS_RESET, 0, 12, 100],
]

export class Generator {
  readonly #random: Random
  readonly #world: World
  readonly #settled: Settled
  #tag = 1
  #sequences: Sequence[] = []
  #due: FuzzedCommand[] = []
  /** Tasks whose data may bring a ROD token. */
  readonly #tokenTasks = new Set<number>()
  #dataIn = { targetTransferTag: RESERVED_TAG, initiatorTaskTag: RESERVED_TAG }
  #cmdSn: number
  #expStatSn: number

  constructor(random: Random, world: World, settled: Settled, first: { cmdSn: number; expStatSn: number }) {
    this.#random = random
    this.#world = world
    this.#settled = settled
    this.#cmdSn = first.cmdSn
    this.#expStatSn = first.expStatSn
  }

  /** The next PDU, right or a little wrong. */
  next(): Buffer {
    const random = this.#random
    const make = random.weighted([
      [this.#settled.discovery ? 1 : 60, this.#command],
      [this.#sequences.length > 0 ? 60 : 4, this.#dataOut],
      [6, this.#management],
      [4, this.#nop],
      [3, this.#text],
      [this.#settled.errorRecoveryLevel > 0 ? 8 : 2, this.#snack],
      [this.#settled.errorRecoveryLevel > 1 ? 3 : 0.1, this.#reassign],
      [0.2, this.#other],
    ])
    return this.#seal(make.call(this), 0.12)
  }

  /** A ping, right in every bit. */
  ping(initiatorTaskTag: number): Buffer {
    const fields = { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn: this.#cmdSn }
    return this.#seal(encodePdu(INITIATOR_OPCODE.NOP_OUT, { ...fields, expStatSn: this.#expStatSn }), 0)
  }

  logout(): Buffer {
    const { cid } = this.#settled
    const fields = {
      immediate: true,
      initiatorTaskTag: this.#tag++,
      cid,
      cmdSn: this.#cmdSn,
      reason: this.#random.below(4),
    }
    return this.#seal(encodePdu(INITIATOR_OPCODE.LOGOUT_REQUEST, { ...fields, expStatSn: this.#expStatSn }), 0.05)
  }

  /** What comes next brings back a logical unit that earlier connections have spoilt. */
  repair(): void {
    this.#due = repairs(this.#random, this.#world)
  }

  /** Takes what the target has said. */
  follow({ header, data }: Pdu): void {
    if ('maxCmdSn' in header) this.#cmdSn = header.expCmdSn
    if ('statSn' in header && hasStatus(header)) this.#expStatSn = nextNumber(header.statSn)
    if (header.opcode === TARGET_OPCODE.R2T) this.#answer(header)
    if (header.opcode !== TARGET_OPCODE.DATA_IN) return
    this.#dataIn = { targetTransferTag: header.targetTransferTag, initiatorTaskTag: header.initiatorTaskTag }
    if (this.#tokenTasks.delete(header.initiatorTaskTag)) this.#keepToken(data)
  }

  #answer({ initiatorTaskTag, targetTransferTag, bufferOffset, desiredDataTransferLength, lun }: R2T): void {
    const end = bufferOffset + desiredDataTransferLength
    const sequence = { lun: Buffer.from(lun), initiatorTaskTag, targetTransferTag, at: bufferOffset, end, dataSn: 0 }
    this.#sequences = [...this.#sequences, sequence].slice(-MAX_SEQUENCES)
  }

  #keepToken(data: Buffer): void {
    try {
      for (const token of decodeRodTokenInformation(Buffer.from(data)).tokens) remember(this.#world.tokens, token)
    } catch {
      // the operation made none
    }
  }

  #command(): Buffer {
    const random = this.#random
    const { name, unit, cdb, dataOut, dataIn } = this.#due.shift() ?? fuzzedCommand(random, this.#world)
    const initiatorTaskTag = this.#takeTag()
    if (name.startsWith('RECEIVE ROD')) this.#tokenTasks.add(initiatorTaskTag)
    const wrongWay = random.chance(0.02)
    const write = dataOut.length > 0 !== wrongWay
    const expected = write ? dataOut.length : dataIn
    const expectedDataTransferLength = random.chance(0.93) ? expected : random.pick(EDGES)
    const burst = Math.min(this.#settled.firstBurstLength, expectedDataTransferLength)
    const immediate = write && this.#settled.immediateData ? this.#immediateLength(dataOut.length, burst) : 0
    const lun = this.#lun(unit.lun)
    const unsolicited = write && !this.#settled.initialR2T && immediate < burst && random.chance(0.5)
    const rushed = random.chance(0.05)
    const sequence = { lun, initiatorTaskTag, targetTransferTag: RESERVED_TAG, at: immediate, end: burst, dataSn: 0 }
    if (unsolicited) this.#sequences = [...this.#sequences, sequence].slice(-MAX_SEQUENCES)
    return encodePdu(
      INITIATOR_OPCODE.SCSI_COMMAND,
      {
        immediate: rushed,
        final: !unsolicited,
        read: !write && expected > 0,
        write,
        attributes: random.weighted([
          [20, 1],
          [4, 0],
          [2, 2],
          [2, 3],
          [1, random.below(8)],
        ]),
        lun,
        initiatorTaskTag,
        expectedDataTransferLength,
        cmdSn: this.#takeCmdSn(rushed),
        expStatSn: this.#expStatSn,
        cdb,
      },
      {
        data: dataOut.subarray(0, immediate),
        ...(random.chance(0.01) && { ahs: [{ kind: 'extended CDB', cdb: random.bytes(1 + random.below(200)) }] }),
      },
    )
  }

  #immediateLength(length: number, burst: number): number {
    const random = this.#random
    const most = Math.min(length, burst, this.#settled.maxRecvDataSegmentLength)
    return random.weighted([
      [5, most],
      [3, 0],
      [2, random.below(most + 1)],
      [0.1, Math.min(length, 8192)],
    ])
  }

  /** The next of a sequence, mostly in its order; now and then of no task at all. */
  #dataOut(): Buffer {
    const random = this.#random
    const index = random.chance(0.9) ? 0 : random.below(this.#sequences.length)
    const sequence = this.#sequences[index]
    if (!sequence || random.chance(0.02)) return this.#strayDataOut()
    const most = Math.min(this.#settled.maxRecvDataSegmentLength, DATA.length, Math.max(0, sequence.end - sequence.at))
    const length = random.chance(0.7) ? most : random.below(most + 1) & ~3
    const last = sequence.at + length >= sequence.end
    if (last || random.chance(0.01)) this.#sequences.splice(index, 1)
    const { lun, initiatorTaskTag, targetTransferTag } = sequence
    const bufferOffset = random.chance(0.99) ? sequence.at : random.pick(EDGES)
    const dataSn = random.chance(0.99) ? sequence.dataSn : random.below(4)
    sequence.at += length
    sequence.dataSn++
    const final = random.chance(0.99) ? last : !last
    const fields = { final, lun, initiatorTaskTag, targetTransferTag, bufferOffset, dataSn, expStatSn: this.#expStatSn }
    return encodePdu(INITIATOR_OPCODE.DATA_OUT, fields, { data: DATA.subarray(0, length) })
  }

  #strayDataOut(): Buffer {
    const random = this.#random
    const fields = {
      final: random.chance(0.5),
      lun: this.#lun(0),
      initiatorTaskTag: random.below(this.#tag + 2),
      targetTransferTag: random.chance(0.5) ? RESERVED_TAG : random.below(8),
      dataSn: random.below(3),
      bufferOffset: random.pick(EDGES),
      expStatSn: this.#expStatSn,
    }
    return encodePdu(INITIATOR_OPCODE.DATA_OUT, fields, { data: random.bytes(random.pick([0, 4, 512, 1000])) })
  }

  #management(): Buffer {
    const random = this.#random
    const whole = random.pick([TMF.TARGET_WARM_RESET, TMF.TARGET_WARM_RESET, TMF.TARGET_COLD_RESET])
    return encodePdu(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, {
      ...this.#request(0.8),
      function: random.chance(0.01) ? whole : random.pick(FUNCTIONS),
      referencedTaskTag: Math.max(0, this.#tag - random.below(12)),
      refCmdSn: (this.#cmdSn - random.below(12) + 2) >>> 0,
      expDataSn: random.below(4),
    })
  }

  /** Of a task of another connection, as likely as not: where one was lost, its tags are those that were used before. */
  #reassign(): Buffer {
    const random = this.#random
    return encodePdu(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, {
      ...this.#request(1),
      function: TMF.TASK_REASSIGN,
      referencedTaskTag: random.below(random.chance(0.5) ? PDUS_OF_A_CONNECTION : this.#tag + 1),
      expDataSn: random.pick([0, 0, 1, 2, 8, 2 ** 32 - 1]),
    })
  }

  #nop(): Buffer {
    const random = this.#random
    const request = this.#request(0.5)
    const initiatorTaskTag = random.chance(0.1) ? RESERVED_TAG : request.initiatorTaskTag
    const targetTransferTag = random.chance(0.9) ? RESERVED_TAG : random.below(4)
    const data = random.bytes(random.pick([0, 0, 1, 60, 4096]))
    return encodePdu(INITIATOR_OPCODE.NOP_OUT, { ...request, initiatorTaskTag, targetTransferTag }, { data })
  }

  #text(): Buffer {
    const random = this.#random
    const targetTransferTag = random.chance(0.8) ? RESERVED_TAG : random.below(4)
    const [final, more] = random.chance(0.8) ? [true, false] : [random.chance(0.3), random.chance(0.8)]
    const data = Buffer.from(random.some(3, () => `${random.pick(TEXTS)}\0`).join(''))
    return encodePdu(
      INITIATOR_OPCODE.TEXT_REQUEST,
      { ...this.#request(0.7), final, continue: more, targetTransferTag },
      { data },
    )
  }

  #snack(): Buffer {
    const random = this.#random
    return encodePdu(INITIATOR_OPCODE.SNACK_REQUEST, {
      type: random.chance(0.95) ? random.pick(Object.values(SNACK_TYPE)) : random.below(16),
      lun: this.#lun(0),
      ...(random.chance(0.7) ? this.#dataIn : { initiatorTaskTag: Math.max(0, this.#tag - random.below(8)) }),
      expStatSn: this.#expStatSn,
      begRun: random.pick([0, 0, 1, 2, this.#expStatSn, this.#expStatSn - 1, 2 ** 32 - 1]) >>> 0,
      runLength: random.pick([0, 0, 1, 2, 1000, 2 ** 32 - 1]),
    })
  }

  /** What a session in full feature phase does not send, or ends with. */
  #other(): Buffer {
    const random = this.#random
    const opcode = random.pick(Object.keys(PDU_LAYOUTS)) as unknown as Opcode
    const fields = random.chance(0.5) ? { initiatorTaskTag: this.#takeTag() } : {}
    const layout: Layout = PDU_LAYOUTS[opcode]
    const known = layout.find('initiatorTaskTag') ? fields : {}
    return encodePdu(Number(opcode) as Opcode, known as never, { data: random.bytes(random.below(60)) })
  }

  #request(rushed: number) {
    const immediate = this.#random.chance(rushed)
    const numbers = { cmdSn: this.#takeCmdSn(immediate), expStatSn: this.#expStatSn }
    const lun = this.#lun(this.#random.pick(this.#world.units).lun)
    return { immediate, lun, initiatorTaskTag: this.#takeTag(), ...numbers }
  }

  #lun(lun: number): Buffer {
    const random = this.#random
    if (random.chance(0.97)) return encodeLun(lun)
    return random.chance(0.5) ? random.bytes(8) : encodeLun(random.below(256))
  }

  #takeTag(): number {
    return this.#random.chance(0.97) ? this.#tag++ : this.#random.below(this.#tag)
  }

  /** Mostly the next number; now and then one that is too low, too high, or early. */
  #takeCmdSn(immediate: boolean): number {
    if (!this.#random.chance(0.98)) return (this.#cmdSn + this.#random.below(300) - 100) >>> 0
    const cmdSn = this.#cmdSn
    if (!immediate) this.#cmdSn = nextNumber(cmdSn)
    return cmdSn
  }

  #seal(pdu: Buffer, wrong: number): Buffer {
    const random = this.#random
    const headLength = BHS_LENGTH + 4 * pdu[4]!
    if (random.chance(wrong)) mutateHeader(pdu, random)
    const sealed = seal(pdu, headLength, this.#settled.digests)
    // Bytes that change on their way: with digests they are found out, without they are a mutation like others.
    if (wrong > 0 && random.chance(0.003)) sealed[random.below(sealed.length)]! ^= 1 << random.below(8)
    return wrong > 0 && random.chance(0.002) ? sealed.subarray(0, random.below(sealed.length)) : sealed
  }
}

/** Whether the PDU takes a StatSN: R2T, Data-In without status and a target's own pings do not (RFC 7143 11). */
function hasStatus(header: PduHeader): boolean {
  if (header.opcode === TARGET_OPCODE.R2T) return false
  if (header.opcode === TARGET_OPCODE.DATA_IN) return header.hasStatus
  return header.opcode !== TARGET_OPCODE.NOP_IN || header.initiatorTaskTag !== RESERVED_TAG
}
