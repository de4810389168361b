// Every row of the command table, from the CDB layouts of the standards alone: each reserved bit, protection bit and NACA is
// refused with INVALID FIELD IN CDB and a pointer to it, in fixed and in descriptor format (SPC-4 4.5.2.4.2); each opcode
// that is none with INVALID COMMAND OPERATION CODE.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  CONTROL,
  encodeModeSelectList,
  type Layout,
  MODE_SELECT_6,
  operationCode,
  SENSE,
  STATUS,
  TARGET_OPCODE,
} from '../../../protocol/index.ts'
import * as PROTOCOL from '../../../protocol/scsi/commands/index.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectPointer, expectSense } from '../disk.ts'

const COMMANDS: readonly Layout[] = Object.values(PROTOCOL)

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

/** Each bit that the layout reserves, the service action's and NACA's among them. */
function reservedBits(cdb: Layout): { byte: number; bit: number }[] {
  const found: { byte: number; bit: number }[] = []
  let at = 0
  for (const { kind, bits } of cdb.fields) {
    for (let i = at; kind === 'reserved' && i < at + bits; i++) found.push({ byte: i >> 3, bit: 7 - (i & 7) })
    at += bits
  }
  return found
}

describe.each(COMMANDS.map((cdb) => ({ name: cdb.name, cdb })))('$name', ({ cdb }) => {
  test('each reserved bit: INVALID FIELD IN CDB, pointer to the bit', async () => {
    const bits = reservedBits(cdb)
    const naca = cdb.size * 8 - 3
    expect(bits).toContainEqual({ byte: naca >> 3, bit: 7 - (naca & 7) })
    for (const { byte, bit } of bits) {
      const bytes = cdb.encode({})
      bytes[byte]! |= 1 << bit
      const result = await disk.send(bytes)
      expectSense(result, SENSE.INVALID_FIELD_IN_CDB)
      expectPointer(result, 'cdb', byte, bit)
    }
  })

  test('protection fields: INVALID FIELD IN CDB, pointer to byte 1 bit 7', async () => {
    for (const name of ['rdprotect', 'wrprotect', 'vrprotect'])
      if (cdb.find(name))
        for (let value = 1; value < 8; value++)
          expectCdbField(await disk.run(cdb, { [name]: value } as never), cdb, name)
  })

  test('a CDB with every ignored bit set is as good as one without', async () => {
    const ignored = Buffer.alloc(cdb.size)
    let at = 0
    for (const { kind, bits } of cdb.fields) {
      for (let i = at; kind === 'ignored' && i < at + bits; i++) ignored[i >> 3]! |= 0x80 >> (i & 7)
      at += bits
    }
    const without = cdb.encode({})
    const withBits = Buffer.from(without.map((byte, index) => byte | ignored[index]!))
    const [plain, set] = [await disk.send(without), await disk.send(withBits)]
    expect({ status: set.status, sense: set.sense }).toEqual({ status: plain.status, sense: plain.sense })
    expectGood(await disk.run(PROTOCOL.RELEASE_6, {}))
  })
})

describe('sense data on the wire', () => {
  const naca = Buffer.from([0x00, 0, 0, 0, 0, 0x04])
  const dpo = Buffer.from([0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0])

  async function sensed(cdb: Buffer): Promise<Buffer> {
    const raw = await array.rawSession()
    raw.command(cdb)
    const response = await raw.take(TARGET_OPCODE.SCSI_RESPONSE)
    expect(response.header).toMatchObject({ status: STATUS.CHECK_CONDITION, response: 0 })
    expect(response.data.readUInt16BE(0)).toBe(response.data.length - 2)
    raw.destroy()
    return response.data.subarray(2)
  }

  test('fixed format (SPC-4 4.5.3): 70h, key, ASC/ASCQ at 12, SKSV, C/D, BPV, bit and field pointer at 15', async () => {
    expect((await sensed(naca)).toString('hex')).toBe('700005000000000a00000000240000ca0005')
  })

  test('descriptor format (SPC-4 4.5.2): 72h, the pointer in a sense key specific descriptor', async () => {
    const page = CONTROL.encode({ dSense: true, queueAlgorithmModifier: 1 })
    const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [page])
    expectGood(await disk.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length }, { dataOut: list }))
    expect((await sensed(dpo)).toString('hex')).toBe('720524000000000802060000cf000100')
    const back = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [
      CONTROL.encode({ queueAlgorithmModifier: 1 }),
    ])
    expectGood(await disk.run(MODE_SELECT_6, { pf: true, parameterListLength: back.length }, { dataOut: back }))
  })
})

describe('operation codes', () => {
  const known = new Set(COMMANDS.map(operationCode))

  test('each of the 256 that is no command: INVALID COMMAND OPERATION CODE', async () => {
    for (let opcode = 0; opcode < 256; opcode++) {
      if (known.has(opcode)) continue
      const cdb = Buffer.alloc(16)
      cdb[0] = opcode
      const { status, sense } = await disk.send(cdb)
      expect({ opcode, status, sense: sense?.sense }).toEqual({
        opcode,
        status: STATUS.CHECK_CONDITION,
        sense: SENSE.INVALID_COMMAND_OPERATION_CODE,
      })
    }
  })

  test('service actions that are none: INVALID FIELD IN CDB, pointer to byte 1 bit 4', async () => {
    for (const opcode of [0x83, 0x84, 0x9e, 0xa3, 0xa4]) {
      const actions = COMMANDS.filter((cdb) => operationCode(cdb) === opcode).map((cdb) => cdb.encode({})[1]! & 0x1f)
      for (let action = 0; action < 32; action++) {
        if (actions.includes(action)) continue
        const cdb = Buffer.alloc(16)
        cdb[0] = opcode
        cdb[1] = action
        const result = await disk.send(cdb)
        expectSense(result, SENSE.INVALID_FIELD_IN_CDB)
        expectPointer(result, 'cdb', 1, 4)
      }
    }
  })
})
