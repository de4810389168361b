// A LUN as a test uses it: commands by their layouts, and the ways in which they should end.

import { expect } from 'vitest'
import {
  type Decoded,
  type FieldPointer,
  type Layout,
  READ_16,
  SENSE,
  type Sense,
  type SenseData,
  STATUS,
  WRITE_16,
} from '../../protocol/index.ts'
import type { CommandResult, InitiatorSession, ScsiCommand } from '../../src/host/index.ts'

type Io = Omit<ScsiCommand, 'lun' | 'cdb'>

export class Disk {
  readonly session: InitiatorSession
  readonly lun: number
  readonly blockSize: number

  constructor(session: InitiatorSession, lun = 0, blockSize = 512) {
    this.session = session
    this.lun = lun
    this.blockSize = blockSize
  }

  run<L extends Layout>(cdb: L, fields: Partial<Decoded<L>>, io: Io = {}): Promise<CommandResult> {
    return this.session.execute({ lun: this.lun, cdb: cdb.encode(fields as never), ...io })
  }

  /** A CDB as bytes. */
  send(cdb: Buffer, io: Io = {}): Promise<CommandResult> {
    return this.session.execute({ lun: this.lun, cdb, ...io })
  }

  async read(lba: number, blocks: number): Promise<Buffer> {
    const length = blocks * this.blockSize
    const result = await this.run(READ_16, { lba: BigInt(lba), blocks }, { dataInLength: length })
    expectGood(result)
    expect(result.data.length).toBe(length)
    return result.data
  }

  async write(lba: number, dataOut: Buffer): Promise<void> {
    const blocks = dataOut.length / this.blockSize
    expectGood(await this.run(WRITE_16, { lba: BigInt(lba), blocks }, { dataOut }))
  }
}

export function expectGood(result: CommandResult): CommandResult {
  expect({ status: result.status, sense: result.sense }).toEqual({ status: STATUS.GOOD, sense: undefined })
  return result
}

type Details = Omit<SenseData, 'sense' | 'field'>

/** CHECK CONDITION with this sense and nothing beside it but `details`. */
export function expectSense(result: CommandResult, sense: Sense, details: Details = {}): void {
  expect(result.status).toBe(STATUS.CHECK_CONDITION)
  const { field: _, ...rest } = result.sense as SenseData
  expect(rest).toEqual({ sense, ...details })
}

/** INVALID FIELD IN CDB that points at this field of the layout (SPC-4 4.5.2.4.2). */
export function expectCdbField(result: CommandResult, cdb: Layout, name: string): void {
  expectSense(result, SENSE.INVALID_FIELD_IN_CDB)
  const position = cdb.find(name)
  if (!position) throw new Error(`${cdb.name} has no field ${name}`)
  const whole = position.bits % 8 === 0
  expectPointer(result, 'cdb', position.byte, whole ? undefined : position.bit)
}

/** INVALID FIELD IN PARAMETER LIST that points at this byte, and this bit if given. */
export function expectParameter(result: CommandResult, byte: number, bit?: number): void {
  expectSense(result, SENSE.INVALID_FIELD_IN_PARAMETER_LIST)
  expectPointer(result, 'parameters', byte, bit)
}

/** A field of whole bytes may be pointed at with or without its most significant bit; one of bits needs it. */
export function expectPointer(result: CommandResult, where: FieldPointer['in'], byte: number, bit?: number): void {
  const { field } = result.sense as SenseData
  const whole = bit === undefined && field?.bit === 7 ? { bit: 7 } : {}
  expect(field).toEqual({ in: where, byte, ...whole, ...(bit !== undefined && { bit }) })
}

/** Data that is different in every block, and from seed to seed. */
export function pattern(length: number, seed: number, blockSize = 512): Buffer {
  const data = Buffer.alloc(length)
  for (let at = 0; at < length; at += 4)
    data.writeUInt32BE((seed * 0x01000193 + Math.floor(at / blockSize) * 31 + at) >>> 0, at)
  return data
}
