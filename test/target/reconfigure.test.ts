// The inventory of a running array: logical units and targets that are added, removed, and hidden from initiators while
// sessions go on, and who is told of it (SPC-4 6.33).

import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import {
  INQUIRY,
  LOGIN_STAGE,
  LOGIN_STATUS,
  READ_16,
  RESERVE_6,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
  WRITE_16,
} from '../../protocol/index.ts'
import { discover, LoginRefusedError } from '../../src/host/index.ts'
import { arrayForTest, type LunInput, MIB, memory } from './array.ts'
import { Disk, expectGood, expectSense, pattern } from './disk.ts'
import { text } from './raw.ts'
import { change, news, quiet, reported, sees } from './reconfiguring.ts'

const OTHER = 'iqn.2026-11.io.lunette:array2'
const ALICE = 'iqn.2026-11.com.example:alice'
const BOB = 'iqn.2026-11.com.example:bob'
const LUNS_CHANGED = [SENSE.REPORTED_LUNS_DATA_HAS_CHANGED]
const POWER_ON = [SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED]

const tur = (disk: Disk) => disk.run(TEST_UNIT_READY, {})
const image = (lun: LunInput): LunInput => ({ store: { type: 'sparse' }, size: MIB, ...lun })

describe('a LUN that is added', () => {
  test('is there at once, and every other one of the target says 3Fh/0Eh to every nexus', async () => {
    const array = await arrayForTest([memory(), memory({ id: 2 })])
    const disks = [await quiet(array, [0, 2]), await quiet(array, [0, 2])]
    expect(await change(array, [memory(), memory({ id: 1, size: 2 * MIB }), memory({ id: 2 })])).toEqual([
      `${array.iqn} LUN 1: added, 2MiB, memory`,
    ])
    for (const disk of disks) {
      expect(await news(disk)).toEqual(LUNS_CHANGED)
      expect(await news(sees(disk, 2))).toEqual(LUNS_CHANGED)
      expect(await reported(disk)).toEqual([0, 1, 2])
      expect(await news(sees(disk, 1))).toEqual(POWER_ON)
    }
    const [one, other] = disks.map((disk) => sees(disk, 1)) as [Disk, Disk]
    await one.write(0, pattern(512, 3))
    expect(await other.read(0, 1)).toEqual(pattern(512, 3))
  })

  test('REPORT LUNS clears the condition on all of them', async () => {
    const array = await arrayForTest([memory(), memory({ id: 2 })])
    const disk = await quiet(array, [0, 2])
    await change(array, [memory(), memory({ id: 1 }), memory({ id: 2 })])
    expect(await reported(disk)).toEqual([0, 1, 2])
    expect(await news(disk)).toEqual([])
    expect(await news(sees(disk, 2))).toEqual([])
  })

  test('to a target that had none', async () => {
    const array = await arrayForTest([])
    const disk = new Disk(await array.connect())
    expectSense(await tur(disk), SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    await change(array, [memory()])
    expect(await news(disk)).toEqual(POWER_ON)
  })

  test('keeps its names over being removed and added again: they are in the state', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    await change(array, [memory(), image({ id: 1 })])
    const names = async () => {
      const cdb = { evpd: true, pageCode: 0x83, allocationLength: 255 }
      return (await sees(disk, 1).run(INQUIRY, cdb, { dataInLength: 255 })).data.toString('hex')
    }
    const before = await names()
    expect((await readdir(array.data)).sort()).toEqual(['lun1.img', 'state.json'])
    await change(array, [memory()])
    expect((await readdir(array.data)).sort()).toEqual(['lun1.img', 'state.json'])
    await change(array, [memory(), image({ id: 1 })])
    expect(await names()).toBe(before)
  })
})

describe('a LUN that is removed', () => {
  test('is not supported any more, and every other one says 3Fh/0Eh', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 }), memory({ id: 2 })])
    const disks = [await quiet(array, [0, 1, 2]), await quiet(array, [0, 1, 2])]
    expect(await change(array, [memory(), memory({ id: 2 })])).toEqual([`${array.iqn} LUN 1: removed`])
    for (const disk of disks) {
      expectSense(await tur(sees(disk, 1)), SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
      expect(await news(disk)).toEqual(LUNS_CHANGED)
      expect(await news(sees(disk, 2))).toEqual(LUNS_CHANGED)
      expect(await reported(disk)).toEqual([0, 2])
    }
  })

  test('has its data on the medium when it is gone, and they are there when it comes back', async () => {
    const array = await arrayForTest([image({ id: 0 })])
    const disk = await array.disk()
    await disk.write(8, pattern(4096, 7))
    await change(array, [])
    expect(await reported(disk)).toEqual([])
    await change(array, [image({ id: 0 })])
    expect(await news(disk)).toEqual(POWER_ON)
    expect(await disk.read(8, 8)).toEqual(pattern(4096, 7))
  })

  test('takes its reservation with it', async () => {
    const array = await arrayForTest([memory()])
    const [holder, other] = [await array.disk(), await array.disk()]
    expectGood(await holder.run(RESERVE_6, {}))
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
    await change(array, [])
    await change(array, [memory()])
    expect(await news(other)).toEqual(POWER_ON)
    await other.write(0, pattern(512, 1))
  })

  test('gives its image to another LUN of the next configuration', async () => {
    const array = await arrayForTest([image({ store: { type: 'sparse', path: 'a.img' } })])
    const disk = await array.disk()
    await disk.write(0, pattern(512, 1))
    await change(array, [])
    await change(array, [image({ id: 5, store: { type: 'sparse', path: 'a.img' } })])
    await news(sees(disk, 5))
    expect(await sees(disk, 5).read(0, 1)).toEqual(pattern(512, 1))
  })
})

describe('a LUN and its initiators', () => {
  const both = { initiators: 'any' } as const
  const alice = { initiators: [ALICE] }

  test('whom it is taken from does not find it and hears 3Fh/0Eh; the others hear nothing', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1, ...both })])
    const [a, b] = [
      await quiet(array, [0, 1], { initiatorName: ALICE }),
      await quiet(array, [0, 1], { initiatorName: BOB }),
    ]
    expectGood(await sees(b, 1).run(RESERVE_6, {}))
    expect(await change(array, [memory(), memory({ id: 1, ...alice })])).toEqual([
      `${array.iqn} LUN 1: initiators "any" -> ["${ALICE}"]`,
    ])
    expectSense(await tur(sees(b, 1)), SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    expect(await news(b)).toEqual(LUNS_CHANGED)
    expect(await reported(b)).toEqual([0])
    expect(await news(a)).toEqual([])
    expect(await news(sees(a, 1))).toEqual([])
    await sees(a, 1).write(0, pattern(512, 1)) // what b had reserved went with b
  })

  test('whom it is given to finds it, and hears 3Fh/0Eh; the others hear nothing', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1, ...alice })])
    const [a, b] = [
      await quiet(array, [0, 1], { initiatorName: ALICE }),
      await quiet(array, [0], { initiatorName: BOB }),
    ]
    await change(array, [memory(), memory({ id: 1, ...both })])
    expect(await news(b)).toEqual(LUNS_CHANGED)
    expect(await reported(b)).toEqual([0, 1])
    expect(await news(sees(b, 1))).toEqual(POWER_ON)
    expect(await news(a)).toEqual([])
    expect(await news(sees(a, 1))).toEqual([])
  })
})

describe('a target', () => {
  const other = (luns: LunInput[] = [memory()]) => ({ iqn: OTHER, luns })
  const names = async (port: number) => (await discover({ host: '127.0.0.1', port })).map(({ name }) => name).sort()

  test('that is added is found and takes logins; sessions of the others hear nothing', async () => {
    const array = await arrayForTest()
    const disk = await array.disk()
    expect(await change(array, [memory()], {}, other())).toEqual([`${OTHER}: added, with 1 LUN`])
    expect(array.running.targets).toEqual([array.iqn, OTHER])
    expect(await names(array.port)).toEqual([array.iqn, OTHER])
    expect(await news(new Disk(await array.connect({ targetName: OTHER })))).toEqual(POWER_ON)
    expect(await news(disk)).toEqual([])
  })

  test('that is removed ends its sessions, after what is under way, and is not found any more', async () => {
    const array = await arrayForTest()
    await change(array, [memory()], {}, other())
    const [disk, kept] = [await array.disk(0, { targetName: OTHER }), await array.disk()]
    const written = Array.from({ length: 20 }, (_, index) =>
      disk.run(WRITE_16, { lba: BigInt(index * 512), blocks: 512 }, { dataOut: pattern(512 * 512, index) }),
    )
    await disk.session.nop() // they have all arrived
    expect(await change(array, [memory()])).toEqual([`${OTHER}: removed`])
    for (const result of await Promise.all(written)) expectGood(result)
    await disk.session.closed
    expect(array.running.targets).toEqual([array.iqn])
    expect(await names(array.port)).toEqual([array.iqn])
    await expect(array.connect({ targetName: OTHER })).rejects.toMatchObject({
      statusDetail: LOGIN_STATUS.NOT_FOUND.statusDetail,
    })
    expect(await news(kept)).toEqual([])
  })

  test('ends the sessions of initiators that it no longer admits', async () => {
    const array = await arrayForTest()
    const [a, b] = [await array.disk(0, { initiatorName: ALICE }), await array.disk(0, { initiatorName: BOB })]
    await change(array, [memory()], { initiators: [ALICE] })
    await b.session.closed
    await expect(array.connect({ initiatorName: BOB })).rejects.toBeInstanceOf(LoginRefusedError)
    await a.write(0, pattern(512, 1))
    await change(array, [memory()])
    expect(await news(new Disk(await array.connect({ initiatorName: BOB })))).toEqual(POWER_ON)
  })

  test('comes and goes while discovery sessions go on', async () => {
    const array = await arrayForTest()
    const discovery = await array.connect({ targetName: undefined as never })
    await change(array, [memory()], {}, other())
    await discovery.nop()
    expect(await discovery.text([{ key: 'SendTargets', value: 'All' }])).toEqual(
      expect.arrayContaining([{ key: 'TargetName', value: OTHER }]),
    )
    await change(array, [memory()])
    await discovery.nop()
  })
})

describe('a login that is under way when', () => {
  const OPERATIONAL = { currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION }
  const toFull = { ...OPERATIONAL, transit: true, nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE }

  test.each([
    ['its target is removed: not found', undefined, LOGIN_STATUS.NOT_FOUND],
    ['its initiator is no longer admitted: authorization failure', [ALICE], LOGIN_STATUS.AUTHORIZATION_FAILURE],
  ])('%s', async (_, initiators, { statusClass, statusDetail }) => {
    const array = await arrayForTest()
    const other = { iqn: OTHER, luns: [memory()] }
    await change(array, [memory()], {}, other)
    const raw = await array.raw()
    const names = text({ InitiatorName: raw.initiatorName, TargetName: OTHER })
    expect((await raw.loginStep(names, OPERATIONAL)).header).toMatchObject({ statusClass: 0, transit: false })
    await change(array, [memory()], {}, ...(initiators ? [{ ...other, initiators }] : []))
    expect((await raw.loginStep(Buffer.alloc(0), toFull)).header).toMatchObject({ statusClass, statusDetail, tsih: 0 })
  })
})

test('the same configuration again changes nothing, and nobody hears of it', async () => {
  const array = await arrayForTest([memory(), memory({ id: 1 })])
  const disk = await quiet(array, [0, 1])
  await disk.write(0, pattern(512, 1))
  expect(await change(array, [memory(), memory({ id: 1 })])).toEqual([])
  expect(await news(disk)).toEqual([])
  const result = await disk.run(READ_16, { blocks: 1 }, { dataInLength: 512 })
  expect(expectGood(result).data).toEqual(pattern(512, 1))
})
