// REPORT SUPPORTED OPERATION CODES (A3h/0Ch, SPC-4 6.35) against what the device server does: all 256 operation codes and all
// service actions are tried on every kind of LUN. What is reported is accepted, and what is accepted is reported.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  cdbLength,
  type Decoded,
  decodeCommandSupport,
  decodeSupportedCommands,
  decodeSupportedTmfs,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
  REPORTING_OPTIONS,
  REPORT_SUPPORTED_OPERATION_CODES as RSOC,
  SENSE,
  SUPPORT,
  type SupportedCommand,
} from '../../../protocol/index.ts'
import { type LunInput, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood } from '../disk.ts'

const KINDS: [string, LunInput][] = [
  ['thin', {}],
  ['thick', { provisioning: 'thick' }],
  ['without ATS', { vaai: { ats: false } }],
  ['without clone', { vaai: { clone: false } }],
  ['without zero', { vaai: { zero: false } }],
  ['without delete', { vaai: { delete: false } }],
  ['without any primitive', { vaai: { ats: false, clone: false, zero: false, delete: false } }],
  ['SPC-3, no DPOFUA, no anchor', { scsiVersion: 5, dpoFua: false, limits: { anchor: false } }],
  ['read-only', { readOnly: true }],
]
/** Operation codes whose byte 1 holds a service action (SPC-4 4.3.5.2, annex E): those of maintenance, copy and 16-byte actions. */
const WITH_ACTIONS = new Set([0x48, 0x5e, 0x5f, 0x7f, 0x83, 0x84, 0x9d, 0x9e, 0x9f, 0xa3, 0xa4, 0xa9, 0xab])

let array: TestArray

beforeAll(async () => {
  array = await openArray(KINDS.map(([, lun], id) => memory({ ...lun, id })))
  return () => array.close()
})

const ask = (on: Disk, fields: Partial<Decoded<typeof RSOC>>) =>
  on.run(RSOC, { allocationLength: 4096, ...fields }, { dataInLength: 4096 })

const all = async (on: Disk, rctd = false): Promise<SupportedCommand[]> =>
  decodeSupportedCommands(expectGood(await ask(on, { rctd })).data)

const key = ({ opcode, serviceAction }: { opcode: number; serviceAction?: number }): string =>
  `${opcode.toString(16)}${serviceAction === undefined ? '' : `/${serviceAction.toString(16)}`}`

/** Whether the device server knows the command: any end but "no such operation code" or "no such service action". */
async function isAccepted(on: Disk, opcode: number, serviceAction?: number): Promise<boolean> {
  const cdb = Buffer.alloc(16)
  cdb[0] = opcode
  if (serviceAction !== undefined) cdb[1] = serviceAction
  // With NACA set nothing is carried out: the reserved bit is judged once the command is known.
  cdb[(cdbLength(opcode) ?? 16) - 1] = 0x04
  const { sense } = await on.send(cdb)
  if (sense?.sense === SENSE.INVALID_COMMAND_OPERATION_CODE) return false
  expect(sense?.sense).toEqual(SENSE.INVALID_FIELD_IN_CDB)
  return sense?.field?.byte !== 1 || serviceAction === undefined
}

describe.each(KINDS.map(([name], lun) => ({ name, lun })))('REPORT SUPPORTED OPERATION CODES, $name', ({ lun }) => {
  test('all 256 operation codes and service actions: reported if and only if accepted', async () => {
    const on = await array.disk(lun)
    const reported = (await all(on)).map(key)
    const accepted: string[] = []
    for (let opcode = 0; opcode < 256; opcode++) {
      const actions = WITH_ACTIONS.has(opcode) ? [...Array(32).keys()] : [undefined]
      for (const serviceAction of actions) {
        const command = { opcode, ...(serviceAction !== undefined && { serviceAction }) }
        if (await isAccepted(on, opcode, serviceAction)) accepted.push(key(command))
      }
    }
    expect(reported).toEqual(accepted)
  })

  test('one command: the option that fits is GOOD with usage data, the one that does not is refused with a pointer', async () => {
    const on = await array.disk(lun)
    for (const { opcode, serviceAction, cdbLength: length } of await all(on)) {
      const hasActions = serviceAction !== undefined
      const asked = { requestedOperationCode: opcode, requestedServiceAction: serviceAction ?? 0 }
      const { ONE_COMMAND, ONE_COMMAND_SERVICE_ACTION, ONE_COMMAND_EITHER } = REPORTING_OPTIONS
      const [right, wrong] = hasActions
        ? [ONE_COMMAND_SERVICE_ACTION, ONE_COMMAND]
        : [ONE_COMMAND, ONE_COMMAND_SERVICE_ACTION]
      for (const reportingOptions of [right, ONE_COMMAND_EITHER]) {
        const { support, usage } = decodeCommandSupport(expectGood(await ask(on, { ...asked, reportingOptions })).data)
        expect(support).toBe(SUPPORT.STANDARD)
        expect(usage.length).toBe(length)
        expect(usage[0]).toBe(opcode)
        if (hasActions) expect(usage[1]! & 0x1f).toBe(serviceAction)
      }
      expectCdbField(await ask(on, { ...asked, reportingOptions: wrong }), RSOC, 'reportingOptions')
    }
  })

  test('one command that is not there: NOT SUPPORTED', async () => {
    const on = await array.disk(lun)
    const there = new Set((await all(on)).map(({ opcode }) => opcode))
    for (const opcode of [0x04, 0x42, 0x83, 0x89, 0x93, 0xff]) {
      if (there.has(opcode)) continue
      for (const reportingOptions of [REPORTING_OPTIONS.ONE_COMMAND, REPORTING_OPTIONS.ONE_COMMAND_EITHER]) {
        const { data } = expectGood(await ask(on, { reportingOptions, requestedOperationCode: opcode }))
        expect(decodeCommandSupport(data)).toMatchObject({ support: SUPPORT.NOT_SUPPORTED })
      }
    }
  })
})

describe('REPORT SUPPORTED OPERATION CODES (A3h/0Ch)', () => {
  test('RCTD = 0: no timeouts descriptor; RCTD = 1: one for every command', async () => {
    const on = await array.disk()
    for (const { timeouts } of await all(on)) expect(timeouts).toBeUndefined()
    for (const { timeouts } of await all(on, true)) expect(timeouts).toBeDefined()
  })

  test('each command once, SERVACTV = 0 with service action 0, CDB lengths of their groups', async () => {
    const commands = await all(await array.disk())
    expect(new Set(commands.map(key)).size).toBe(commands.length)
    for (const { opcode, cdbLength: length } of commands) expect(length).toBe(cdbLength(opcode))
  })

  test('reporting options 4 to 7: INVALID FIELD IN CDB, pointer to byte 2 bit 2', async () => {
    const on = await array.disk()
    for (let reportingOptions = 4; reportingOptions < 8; reportingOptions++)
      expectCdbField(await ask(on, { reportingOptions }), RSOC, 'reportingOptions')
  })

  test('allocation length: cut, the true length told', async () => {
    const on = await array.disk()
    const whole = expectGood(await ask(on, {})).data
    expect(whole.readUInt32BE(0)).toBe(whole.length - 4)
    for (const allocationLength of [0, 4, 12, 100]) {
      const { data } = expectGood(await on.run(RSOC, { allocationLength }, { dataInLength: allocationLength }))
      expect(data).toEqual(whole.subarray(0, allocationLength))
    }
  })

  test('usage data: a field that a LUN refuses is shown as zero', async () => {
    const usage = async (lun: number, requestedOperationCode: number): Promise<Buffer> => {
      const fields = { reportingOptions: REPORTING_OPTIONS.ONE_COMMAND, requestedOperationCode }
      return decodeCommandSupport(expectGood(await ask(await array.disk(lun), fields)).data).usage
    }
    const [thin, thick, bare] = [0, 1, 7]
    expect((await usage(thin, 0x28))[1]).toBe(0x18)
    expect((await usage(bare, 0x28))[1]).toBe(0x00)
    expect((await usage(thin, 0x93))[1]! & 0x18).toBe(0x18)
    expect((await usage(bare, 0x93))[1]! & 0x18).toBe(0x08)
    expect((await usage(thick, 0x93))[1]! & 0x18).toBe(0x00)
    expect((await usage(thin, 0x42))[1]).toBe(0x01)
    expect((await usage(bare, 0x42))[1]).toBe(0x00)
    expect((await usage(thin, 0x2a)).subarray(2)).toEqual(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0]))
  })
})

describe('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (A3h/0Dh)', () => {
  test('both forms name the functions that this target carries out', async () => {
    const on = await array.disk()
    for (const [repd, length] of [
      [false, 4],
      [true, 16],
    ] as const) {
      const fields = { repd, allocationLength: 64 }
      const { data } = expectGood(
        await on.run(REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS, fields, { dataInLength: 64 }),
      )
      expect(data.length).toBe(length)
      expect(decodeSupportedTmfs(data)).toMatchObject({
        abortTask: true,
        abortTaskSet: true,
        clearAca: false,
        clearTaskSet: true,
        logicalUnitReset: true,
        queryTask: false,
        iTNexusReset: false,
      })
    }
  })
})
