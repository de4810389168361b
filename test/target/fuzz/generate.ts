// Seeded nonsense in the shape of iSCSI: PDUs that are nearly right, and bytes that are not. The same seed gives the same
// stream, so that what failed once can be sent again.

import {
  encodePdu,
  type HeaderFields,
  INITIATOR_OPCODE,
  type Opcode,
  type PduHeader,
  RESERVED_TAG,
  TARGET_OPCODE,
} from '../../../protocol/iscsi/index.ts'
import { PDU_LAYOUTS } from '../../../protocol/iscsi/pdu.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'

/** Mulberry32: 32 bits of state, the same on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }
}

const CDBS = Object.values(CDB).filter((value) => typeof value === 'object' && 'usage' in value) as readonly Layout[]
const LAYOUTS: Readonly<Record<number, Layout>> = PDU_LAYOUTS
const NUMBERS = [0, 1, 7, 8, 255, 256, 512, 4096, 65535, 65536, 2 ** 31, 2 ** 32 - 1]
const TEXTS = [
  'SendTargets=All',
  'SendTargets=',
  'SendTargets=iqn.2026-11.io.lunette:none',
  'MaxRecvDataSegmentLength=512',
  'MaxRecvDataSegmentLength=0',
  'HeaderDigest=CRC32C',
  'X-com.example=1',
  '=',
  'key',
  'InitiatorName=iqn.2026-11.io.lunette:again',
]

/** Data that the target has asked for and not got. */
type R2T = HeaderFields<typeof TARGET_OPCODE.R2T>
const REMEMBERED_R2TS = 16

export class Generator {
  readonly #random: Random
  #tag = 1
  #r2ts: R2T[] = []
  cmdSn = 1
  expStatSn = 1

  constructor(random: Random) {
    this.#random = random
  }

  /** One PDU for a session in full feature phase, right or a little wrong. */
  pdu(): Buffer {
    const random = this.#random
    const bytes = random.pick([this.#command, this.#command, this.#command, this.#dataOut, this.#other]).call(this)
    return random.chance(0.3) ? this.#mutated(bytes) : bytes
  }

  /** Takes what the target has said: which number is due, which data it waits for. Without it all but a few were dropped. */
  follow(header: PduHeader): void {
    if ('maxCmdSn' in header) this.cmdSn = header.expCmdSn
    if (header.opcode === TARGET_OPCODE.R2T) this.#r2ts = [...this.#r2ts, header].slice(-REMEMBERED_R2TS)
  }

  /** A ping, right in every bit. */
  ping(initiatorTaskTag: number): Buffer {
    const fields = { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn: this.cmdSn }
    return encodePdu(INITIATOR_OPCODE.NOP_OUT, fields)
  }

  /** What may come before a login: requests with wrong fields, other PDUs, noise. */
  beforeLogin(): Buffer {
    const random = this.#random
    if (random.chance(0.2)) return random.bytes(random.below(600))
    if (random.chance(0.3)) return this.pdu()
    const keys = Array.from({ length: random.below(5) }, () => random.pick(TEXTS))
    if (random.chance(0.5)) keys.push('InitiatorName=iqn.2026-11.io.lunette:fuzz', 'SessionType=Discovery')
    const fields = {
      immediate: true,
      transit: random.chance(0.5),
      continue: random.chance(0.2),
      currentStage: random.below(4),
      nextStage: random.below(4),
      versionMin: random.chance(0.1) ? random.below(256) : 0,
      isid: random.bytes(6),
      tsih: random.chance(0.2) ? random.below(65536) : 0,
      cid: random.below(3),
      cmdSn: random.pick(NUMBERS),
    }
    const data = Buffer.from(keys.map((key) => `${key}\0`).join(''))
    const login = encodePdu(INITIATOR_OPCODE.LOGIN_REQUEST, fields, { data })
    return random.chance(0.3) ? this.#mutated(login) : login
  }

  #command(): Buffer {
    const random = this.#random
    if (random.chance(0.4)) return this.#transfer()
    let layout = random.pick(CDBS)
    // A logical unit that is reserved most of the time has little to do.
    if (layout.name.startsWith('RESERVE') && random.chance(0.9)) layout = random.pick(CDBS)
    const cdb = Buffer.alloc(16)
    layout.encode({}, cdb)
    for (let i = 1; i < layout.size; i++)
      if (layout.usage[i] !== 0 && random.chance(0.3)) cdb[i]! |= random.below(256) & layout.usage[i]!
    // LBAs and lengths that exist are the interesting ones: clear the high bytes most of the time.
    const lba = layout.find('lba')
    if (lba && random.chance(0.8)) cdb.fill(0, lba.byte, lba.byte + (lba.bits >> 3) - 1)
    const blocks = layout.find('blocks')
    if (blocks && blocks.bits > 8 && random.chance(0.8)) cdb.fill(0, blocks.byte, blocks.byte + (blocks.bits >> 3) - 1)
    const write = random.chance(0.4)
    const data = write && random.chance(0.7) ? random.bytes(random.pick([0, 8, 24, 512, 1024, 2000])) : Buffer.alloc(0)
    const fields = {
      immediate: random.chance(0.1),
      final: random.chance(0.85),
      read: random.chance(0.5),
      write,
      attributes: random.below(6),
      lun: lun(random),
      initiatorTaskTag: this.#takeTag(),
      expectedDataTransferLength: random.chance(0.5)
        ? data.length
        : random.pick([0, 8, 200, 512, 1024, 4096, 65536, 2 ** 20]),
      cmdSn: this.#takeCmdSn(),
      expStatSn: this.expStatSn,
      cdb,
    }
    return encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, fields, { data })
  }

  /** A read or a write of blocks that are there, with all, some or none of its data. */
  #transfer(): Buffer {
    const random = this.#random
    const write = random.chance(0.5)
    const blocks = random.pick([1, 1, 8, 64, 600])
    const cdb = (write ? CDB.WRITE_16 : CDB.READ_16).encode({
      lba: BigInt(random.below(7000)),
      blocks,
      fua: random.chance(0.1),
    })
    const immediate = write ? random.pick([0, 0, 512, Math.min(512 * blocks, 65_536)]) : 0
    const fields = {
      final: !write || random.chance(0.8),
      read: !write,
      write,
      attributes: random.below(4),
      lun: lun(random),
      initiatorTaskTag: this.#takeTag(),
      expectedDataTransferLength: 512 * blocks,
      cmdSn: this.#takeCmdSn(),
      cdb,
    }
    return encodePdu(INITIATOR_OPCODE.SCSI_COMMAND, fields, { data: Buffer.alloc(immediate, 0xa5) })
  }

  #dataOut(): Buffer {
    const random = this.#random
    const r2t = random.chance(0.7) ? this.#r2ts.shift() : undefined
    if (r2t) return this.#answer(r2t)
    const data = random.bytes(random.pick([0, 4, 512, 1000, 4096]))
    const fields = {
      final: random.chance(0.5),
      lun: lun(random),
      initiatorTaskTag: random.below(this.#tag + 2),
      targetTransferTag: random.chance(0.5) ? RESERVED_TAG : random.below(4),
      dataSn: random.below(3),
      bufferOffset: random.pick([0, 0, 512, 4096, 2 ** 20, 2 ** 32 - 1]),
    }
    return encodePdu(INITIATOR_OPCODE.DATA_OUT, fields, { data })
  }

  /** What an R2T asks for, mostly. */
  #answer({ initiatorTaskTag, targetTransferTag, bufferOffset, desiredDataTransferLength: length, lun }: R2T): Buffer {
    const random = this.#random
    const data = Buffer.alloc(random.chance(0.8) ? Math.min(length, 65_536) : random.below(length), 0x5a)
    const final = random.chance(0.9)
    return encodePdu(
      INITIATOR_OPCODE.DATA_OUT,
      { final, initiatorTaskTag, targetTransferTag, bufferOffset, lun },
      { data },
    )
  }

  #other(): Buffer {
    const random = this.#random
    const opcode = random.pick([
      INITIATOR_OPCODE.NOP_OUT,
      INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST,
      INITIATOR_OPCODE.TEXT_REQUEST,
      INITIATOR_OPCODE.SNACK_REQUEST,
    ]) as Opcode
    const data =
      opcode === INITIATOR_OPCODE.TEXT_REQUEST ? Buffer.from(`${random.pick(TEXTS)}\0`) : random.bytes(random.below(60))
    const fields = {
      immediate: random.chance(0.5),
      final: random.chance(0.8),
      lun: lun(random),
      initiatorTaskTag: random.chance(0.1) ? RESERVED_TAG : this.#takeTag(),
      targetTransferTag: random.chance(0.7) ? RESERVED_TAG : random.below(3),
      referencedTaskTag: random.below(this.#tag + 2),
      refCmdSn: random.below(this.cmdSn + 5),
      // Neither of the target resets, which end what the test is about: the session.
      function: random.pick([0, 1, 1, 2, 3, 4, 5, 8, 9, 100]),
      cmdSn: this.#takeCmdSn(),
      expStatSn: this.expStatSn,
    }
    return encodePdu(opcode, only(opcode, fields), { data })
  }

  #takeTag(): number {
    return this.#random.chance(0.95) ? this.#tag++ : this.#random.below(this.#tag)
  }

  /** Mostly the next number; now and then one that is too low, too high, or early. */
  #takeCmdSn(): number {
    if (this.#random.chance(0.97)) return this.cmdSn++
    return (this.cmdSn + this.#random.below(300) - 100) >>> 0
  }

  /** Some bytes of the header changed; the two lengths only rarely, since after that the stream is noise. */
  #mutated(bytes: Buffer): Buffer {
    const random = this.#random
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      const at = random.chance(0.005)
        ? 4 + random.below(4)
        : random.pick([0, 1, 2, 3, ...Array.from({ length: 40 }, (_, i) => 8 + i)])
      if (at < bytes.length) bytes[at] = random.chance(0.5) ? random.below(256) : bytes[at]! ^ (1 << random.below(8))
    }
    if (random.chance(0.003)) return bytes.subarray(0, random.below(bytes.length))
    return bytes
  }
}

const lun = (random: Random): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes[1] = random.chance(0.9) ? random.below(2) : random.below(256)
  if (random.chance(0.03)) random.bytes(8).copy(bytes)
  return bytes
}

/** The fields that the PDU has. */
function only(opcode: Opcode, fields: Record<string, unknown>): Record<string, never> {
  const names = encodableFields(opcode)
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.has(name))) as Record<string, never>
}

function encodableFields(opcode: Opcode): Set<string> {
  return new Set(LAYOUTS[opcode]!.fields.filter((field) => field.kind !== 'fixed').map((field) => field.name))
}
