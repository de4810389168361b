// Connections of ErrorRecoveryLevel 2 that are cut anywhere, again and again, while a read and a write are under way
// (RFC 7143 7.1.4.3): an initiator that reassigns what was not answered ends with every byte right, and the array with nothing kept.

import { describe, expect, test } from 'vitest'
import {
  encodeLun,
  INITIATOR_OPCODE,
  type Pdu,
  READ_10,
  STATUS,
  TARGET_OPCODE,
  TASK_MANAGEMENT_FUNCTION,
  TASK_MANAGEMENT_RESPONSE_CODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { join } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { until } from './recovering.ts'

const BLOCK = 512
const BLOCKS = 200
const LENGTH = BLOCKS * BLOCK
const READ_LBA = 1000
const PDU_LENGTHS = [512, 2048, 8192]
const KEYS = {
  ErrorRecoveryLevel: '2',
  ImmediateData: 'No',
  InitialR2T: 'Yes',
  MaxBurstLength: '16384',
  MaxOutstandingR2T: '2',
}

/** The same for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >>> 8) % below
  }
}

class Command {
  readonly tag: number
  /** The Data-In or R2T that comes next. */
  expDataSn = 0
  isDone = false

  constructor(tag: number) {
    this.tag = tag
  }
}

class Initiator {
  readonly written: Buffer
  readonly found = Buffer.alloc(LENGTH)
  readonly read: Command
  readonly write: Command

  constructor(lead: RawInitiator, seed: number) {
    this.written = pattern(LENGTH, seed)
    const expected = { expectedDataTransferLength: LENGTH }
    this.read = new Command(
      lead.command(READ_10.encode({ lba: READ_LBA, blocks: BLOCKS }), { read: true, ...expected }),
    )
    this.write = new Command(lead.command(WRITE_10.encode({ lba: 0, blocks: BLOCKS }), { write: true, ...expected }))
  }

  get isDone(): boolean {
    return this.read.isDone && this.write.isDone
  }

  reassign(raw: RawInitiator): void {
    for (const { tag, expDataSn, isDone } of [this.read, this.write]) {
      if (isDone) continue
      raw.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, {
        immediate: true,
        function: TASK_MANAGEMENT_FUNCTION.TASK_REASSIGN,
        initiatorTaskTag: raw.takeTag(),
        referencedTaskTag: tag,
        cmdSn: raw.cmdSn,
        expStatSn: raw.expStatSn,
        expDataSn,
      })
    }
  }

  /** `room`: so many PDUs of an answer to an R2T leave. */
  take(raw: RawInitiator, { header, data }: Pdu, room: number): void {
    if (header.opcode === TARGET_OPCODE.DATA_IN) {
      expect(header.dataSn).toBe(this.read.expDataSn++)
      data.copy(this.found, header.bufferOffset)
    } else if (header.opcode === TARGET_OPCODE.R2T) {
      expect(header.r2tSn).toBe(this.write.expDataSn++)
      this.#answer(raw, header, room)
    } else if (header.opcode === TARGET_OPCODE.SCSI_RESPONSE) {
      const command = header.initiatorTaskTag === this.read.tag ? this.read : this.write
      expect(header).toMatchObject({ status: STATUS.GOOD, expDataSn: command.expDataSn })
      command.isDone = true
      raw.expStatSn = (header.statSn + 1) >>> 0
    } else if (header.opcode === TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE) {
      expect(header.response).toBe(TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
      raw.expStatSn = (header.statSn + 1) >>> 0
    } else throw new Error(JSON.stringify(header))
  }

  #answer(
    raw: RawInitiator,
    r2t: { targetTransferTag: number; bufferOffset: number; desiredDataTransferLength: number },
    room: number,
  ): void {
    const { targetTransferTag, bufferOffset: from, desiredDataTransferLength: length } = r2t
    const part = 2048
    for (let at = 0, dataSn = 0; at < length && dataSn < room; at += part, dataSn++) {
      const end = Math.min(length, at + part)
      const numbers = { targetTransferTag, bufferOffset: from + at, dataSn, final: end === length, lun: encodeLun(0) }
      raw.dataOut({ initiatorTaskTag: this.write.tag, ...numbers }, this.written.subarray(from + at, from + end))
    }
  }
}

describe.each([1, 2, 3, 4])('seed %i', (seed) => {
  test('a read and a write, cut up to six times (RFC 7143 7.1.4.3)', async () => {
    const random = randomOf(seed)
    const store = new HeldStore()
    const built = await handBuilt([store])
    const medium = pattern(LENGTH, 99)
    await store.write(medium, 0, LENGTH, READ_LBA * BLOCK)
    const lead = await built.raw()
    const limit = (): Record<string, string> => ({ MaxRecvDataSegmentLength: `${PDU_LENGTHS[random(3)]}` })
    await lead.login(built.target.iqn, { ...KEYS, ...limit() })
    lead.command(TEST_UNIT_READY.encode({}))
    await lead.response()
    for (let round = 0, raw = lead; round < 12; round++) {
      const initiator = new Initiator(raw, seed * 100 + round)
      let cuts = 1 + random(6)
      let left = random(40)
      while (!initiator.isDone) {
        if (cuts > 0 && left-- === 0) {
          cuts--
          left = random(40)
          raw.destroy()
          raw = await join(built, lead, built.target.iqn, 0, limit())
          initiator.reassign(raw)
        } else initiator.take(raw, await raw.takeAny(), left === 0 ? random(8) : Number.POSITIVE_INFINITY)
      }
      expect(initiator.found.equals(medium)).toBe(true)
      const onMedium = Buffer.alloc(LENGTH)
      await store.read(onMedium, 0, LENGTH, 0)
      expect(onMedium.equals(initiator.written)).toBe(true)
    }
    for (let second = 0; second < 30; second++) built.host.tick()
    expect(built.target.sessions.size).toBe(1)
    const [session] = built.target.sessions
    expect(session?.tasks.size).toBe(0)
    await built.close()
    await until(() => built.host.retained.used === 0 && built.host.pool.used === 0)
  })
})
