// Who may send what while the unit is persistently reserved: every command, all six types, from the holder, from another
// registered nexus, from one that is not registered, and from the holder's initiator through another target port. The table
// is in reservation-classes.ts; SPC-4 table 66 for PERSISTENT RESERVE OUT.

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Layout, READ_10, STATUS, WRITE_10 } from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import { COMMANDS } from '../../../src/target/commands/index.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectGood } from '../disk.ts'
import {
  afterNews,
  diskOf,
  expectConflict,
  host,
  outBytes,
  preempt,
  readKeys,
  register,
  registerAndIgnore,
  release,
  reserve,
  TWO_PORTALS,
  TYPES,
} from './persistent-reserve.ts'
import { RESERVATION_CLASSES, type ReservationClass } from './reservation-classes.ts'

type Role = 'holder' | 'registered' | 'unregistered' | 'holder by another port'
const ROLES: readonly Role[] = ['holder', 'registered', 'unregistered', 'holder by another port']
const KEY = 0xabcn

let array: TestArray
let disks: Record<Role, Disk>

beforeEach(async () => {
  array = await openArray([memory()], {}, TWO_PORTALS)
  disks = {
    holder: await diskOf(array, host('a')),
    registered: await diskOf(array, host('b'), 1),
    unregistered: await diskOf(array, host('c')),
    'holder by another port': await diskOf(array, host('a'), 1),
  }
  return () => array.close()
})

async function reserved(type: number): Promise<void> {
  expectGood(await register(disks.holder, 0n, KEY))
  expectGood(await register(disks.registered, 0n, KEY))
  expectGood(await reserve(disks.holder, KEY, type))
}

/** SPC-4 table 65. */
function passes(need: ReservationClass, type: string, role: Role): boolean {
  if (need === 'allow' || need === 'legacy' || role === 'holder') return true
  if (role === 'registered' && /RO|AR/.test(type)) return true
  return need === 'read' && type.startsWith('WE')
}

const special = (name: string): boolean => /^(RESERVE|RELEASE|PERSISTENT RESERVE OUT)/.test(name)

/** A CDB that gets as far as it can without data. */
const plain = (cdb: Layout): Buffer => cdb.encode({ allocationLength: 64, pf: true } as never)

test('every command stands in the table', () => {
  expect(COMMANDS.map(({ wire }) => wire.name).filter((name) => !RESERVATION_CLASSES.has(name))).toEqual([])
})

describe.each(TYPES)('$name', ({ name: type, type: code }) => {
  test.each(ROLES)('every command from: %s', async (role) => {
    await reserved(code)
    const wrong: string[] = []
    for (const { wire } of COMMANDS) {
      if (special(wire.name)) continue
      const need = RESERVATION_CLASSES.get(wire.name) as ReservationClass
      const { status } = await afterNews(() => disks[role].send(plain(wire), { dataInLength: 64 }))
      if ((status !== STATUS.RESERVATION_CONFLICT) !== passes(need, type, role)) wrong.push(`${wire.name}: ${status}`)
    }
    expect(wrong).toEqual([])
  })

  test('reads and writes, by whom they are done', async () => {
    await disks.holder.write(0, Buffer.alloc(512, 1))
    await reserved(code)
    let last = 1
    for (const role of ROLES) {
      const disk = disks[role]
      const read = await disk.run(READ_10, { blocks: 1 }, { dataInLength: 512 })
      if (passes('read', type, role)) expect(expectGood(read).data).toEqual(Buffer.alloc(512, last))
      else expectConflict(read)
      const write = await disk.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512, ++last) })
      if (passes('write', type, role)) expectGood(write)
      else expectConflict(write)
      if (!passes('write', type, role)) last--
      expect(await disks.holder.read(0, 1)).toEqual(Buffer.alloc(512, last))
    }
  })

  test('RESERVE and RELEASE(6) and (10): GOOD without effect for whom it holds, else RESERVE is a conflict', async () => {
    await reserved(code)
    for (const role of ROLES) {
      const compatible = role === 'holder' || (role === 'registered' && /RO|AR/.test(type))
      for (const cdb of [CDB.RESERVE_6, CDB.RESERVE_10] as Layout[]) {
        const result = await disks[role].run(cdb, {})
        if (compatible) expectGood(result)
        else expectConflict(result)
      }
      for (const cdb of [CDB.RELEASE_6, CDB.RELEASE_10] as Layout[]) expectGood(await disks[role].run(cdb, {}))
    }
    // Nothing was reserved beside, nothing released.
    expect((await readKeys(disks.unregistered)).keys).toEqual([KEY, KEY])
    expectConflict(await disks.unregistered.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
  })

  // SPC-4 table 66
  test('PERSISTENT RESERVE OUT of the unregistered: only the registering service actions', async () => {
    await reserved(code)
    const disk = disks.unregistered
    for (const cdb of Object.values(CDB) as Layout[]) {
      if (!cdb.name.startsWith('PERSISTENT RESERVE OUT')) continue
      if (/REGISTER( AND IGNORE EXISTING KEY)?$/.test(cdb.name)) continue
      if (cdb === CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE) continue
      for (const key of [0n, KEY]) {
        const list = Buffer.alloc(24)
        list.writeBigUInt64BE(key, 0)
        expectConflict(await outBytes(disk, cdb, list, { type: code }))
      }
    }
    expectGood(await register(disk, 0n, 1n))
    expectGood(await registerAndIgnore(disk, 2n))
  })

  test('PERSISTENT RESERVE OUT of another registrant: RESERVE in conflict unless all hold it, RELEASE without effect', async () => {
    await reserved(code)
    const disk = disks.registered
    const all = type.endsWith('AR')
    for (const { name, type: other } of TYPES) {
      const result = await reserve(disk, KEY, other)
      if (all && name === type) expectGood(result)
      else expectConflict(result)
    }
    if (!all) expectGood(await release(disk, KEY, code))
    expectConflict(await disks.unregistered.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
    expectGood(await preempt(disk, KEY, all ? 0n : KEY, code))
    expectGood(await disk.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
  })
})

test('another logical unit is not touched by it', async () => {
  const two = await openArray([memory(), memory({ id: 1 })])
  onTestFinished(() => two.close())
  const holder = await two.disk()
  expectGood(await register(holder, 0n, KEY))
  expectGood(await reserve(holder, KEY, 3))
  await (await two.disk(1)).write(0, Buffer.alloc(512))
  expectConflict(await (await two.disk()).run(READ_10, { blocks: 1 }, { dataInLength: 512 }))
})
