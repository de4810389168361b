// Session reinstatement (RFC 7143 6.3.5) and connection reinstatement (6.3.4), under load: it neither hangs nor leaks, and what
// the old one had asked for never happens late.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  LOGIN_STAGE,
  READ_16,
  RESERVE_6,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
  WRITE_16,
} from '../../protocol/index.ts'
import { ConnectionLostError, type InitiatorSession } from '../../src/host/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { Disk, expectGood, expectSense, pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { type RawInitiator, text } from './raw.ts'

const ISID = Buffer.from('800000c0ffee', 'hex')
const tur = (disk: Disk) => disk.run(TEST_UNIT_READY, {})
const toFull = {
  transit: true,
  currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
  nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE,
}

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory()])
  return () => array.close()
})

describe('session reinstatement (RFC 7143 6.3.5)', () => {
  test('the old session ends without a word, the new one has a TSIH of its own and I_T NEXUS LOSS', async () => {
    const first = await array.connect({ isid: ISID })
    const second = await array.connect({ isid: ISID })
    expect(await first.closed).toBeInstanceOf(ConnectionLostError)
    expect(second.tsih).not.toBe(first.tsih)
    expectSense(await tur(new Disk(second)), SENSE.I_T_NEXUS_LOSS_OCCURRED)
  })

  test('another ISID, another name: another session, and the first one stays', async () => {
    const first = await array.connect({ isid: ISID, initiatorName: 'iqn.2026-11.io.lunette:a' })
    await array.connect({ isid: Buffer.from('800000c0ffef', 'hex'), initiatorName: 'iqn.2026-11.io.lunette:a' })
    await array.connect({ isid: ISID, initiatorName: 'iqn.2026-11.io.lunette:b' })
    await first.nop()
  })

  test('100 times under load: no hang, every login succeeds, no session is left behind', async () => {
    const built = await handBuilt([new HeldStore()])
    const other = await built.disk()
    const data = pattern(64 * 512, 1)
    let session: InitiatorSession = await built.connect({ isid: ISID })
    let answered = 0
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 16; i++) {
        const lba = BigInt(64 * i)
        const io =
          i % 2 === 0
            ? { cdb: WRITE_16.encode({ lba, blocks: 64 }), dataOut: data }
            : { cdb: READ_16.encode({ lba, blocks: 64 }), dataInLength: data.length }
        session.execute({ lun: 0, ...io }).then(
          () => answered++,
          () => {},
        )
      }
      session = await built.connect({ isid: ISID })
      if (round % 10 === 0) await other.write(5000, Buffer.alloc(512, round))
    }
    await session.nop()
    expect(built.target.sessions.size).toBe(2)
    expect(answered).toBeLessThanOrEqual(1600)
    await session.logout()
    await other.session.logout()
    await built.close()
    expect(built.host.pool.used).toBe(0)
  })

  test('two logins of one port at the same time: one session is left, and it works', async () => {
    const built = await handBuilt([new HeldStore()])
    for (let round = 0; round < 10; round++) {
      const both = await Promise.allSettled([1, 2, 3].map(() => built.connect({ isid: ISID })))
      const sessions = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      expect(sessions.length).toBeGreaterThan(0)
      const pings = await Promise.allSettled(sessions.map((session) => session.nop()))
      expect(pings.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(built.target.sessions.size).toBe(1)
    }
  })

  test('three logins of one port while a write of the old session runs: one session is left', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const old = await built.disk(0, { isid: ISID })
    store.hold()
    old.run(WRITE_16, { lba: 0n, blocks: 1 }, { dataOut: Buffer.alloc(512, 1) }).catch(() => {})
    await store.untilWaiting(1)
    const logins = Promise.allSettled([1, 2, 3].map(() => built.connect({ isid: ISID })))
    await new Promise((resolve) => setTimeout(resolve, 60))
    store.release()
    await logins
    expect(built.target.sessions.size).toBe(1)
  })

  test('a write that runs: the new session begins when it has ended, and nothing of the old one comes after', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const old = await built.disk(0, { isid: ISID })
    store.hold()
    old.run(WRITE_16, { lba: 0n, blocks: 1 }, { dataOut: Buffer.alloc(512, 1) }).catch(() => {})
    await store.untilWaiting(1)
    let established = false
    const connecting = built.disk(0, { isid: ISID }).then((disk) => {
      established = true
      return disk
    })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(established).toBe(false)
    store.release()
    const disk = await connecting
    const writes = store.writes.length
    await disk.write(0, Buffer.alloc(512, 2))
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(store.writes.length).toBe(writes + 1)
    expect(await disk.read(0, 1)).toEqual(Buffer.alloc(512, 2))
  })

  test('a write that waits for its data is never carried out', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await built.raw()
    await raw.login(built.target.iqn, { ImmediateData: 'No', InitialR2T: 'Yes' })
    raw.command(TEST_UNIT_READY.encode({}))
    await raw.response()
    const initiatorTaskTag = raw.command(WRITE_10.encode({ blocks: 2 }), {
      write: true,
      expectedDataTransferLength: 1024,
    })
    const { targetTransferTag } = (await raw.take(TARGET_OPCODE.R2T)).header
    raw.dataOut({ initiatorTaskTag, targetTransferTag, final: false }, Buffer.alloc(512, 1))
    const disk = await built.disk(0, { isid: raw.isid, initiatorName: raw.initiatorName })
    await raw.expectClosed()
    expect(await disk.read(0, 2)).toEqual(Buffer.alloc(1024))
    expect(store.writes).toEqual([])
  })
})

describe('connection reinstatement: TSIH and CID of a session that stands (RFC 7143 6.3.4)', () => {
  async function again(old: RawInitiator, keys: Record<string, string> = {}): Promise<RawInitiator> {
    const raw = await array.raw()
    Object.assign(raw, { isid: old.isid, tsih: old.tsih, cid: old.cid, cmdSn: old.cmdSn })
    const names = { InitiatorName: raw.initiatorName, TargetName: array.iqn }
    const response = await raw.loginStep(text({ ...names, ...keys }), toFull)
    expect(response.header).toMatchObject({ statusClass: 0, transit: true, tsih: old.tsih })
    raw.digests = { header: keys.HeaderDigest === 'CRC32C', data: keys.DataDigest === 'CRC32C' }
    raw.cmdSn = response.header.expCmdSn
    return raw
  }

  test('the old connection is closed, the I_T nexus stays: no unit attention, a RESERVE is kept', async () => {
    const old = await array.rawSession()
    const other = await array.disk()
    old.command(RESERVE_6.encode({}))
    expect((await old.response()).header.status).toBe(STATUS.GOOD)
    const raw = await again(old)
    await old.expectClosed()
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
    raw.destroy()
    for (let tries = 0; tries < 100 && (await tur(other)).status !== STATUS.GOOD; tries++);
    expectGood(await tur(other))
  })

  test('a command of the old connection has no response on the new one, and is not carried out', async () => {
    const old = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    old.command(WRITE_10.encode({ lba: 70, blocks: 1 }), { write: true, expectedDataTransferLength: 512 })
    await old.take(TARGET_OPCODE.R2T)
    const raw = await again(old)
    await raw.expectSilence(40)
    raw.command(TEST_UNIT_READY.encode({}))
    const { header, data } = await raw.response()
    expect(header.status).toBe(STATUS.CHECK_CONDITION) // RFC 7143 7.6: some of its commands were cleared
    expect([data[2 + 12], data[2 + 13]]).toEqual([0x47, 0x7f])
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    expect(await (await array.disk()).read(70, 1)).toEqual(Buffer.alloc(512))
  })

  test('what is negotiated for a connection is that of the new one: its digests', async () => {
    const raw = await again(await array.rawSession(), { HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' })
    raw.command(READ_16.encode({ lba: 1n, blocks: 1 }), { read: true, expectedDataTransferLength: 512 })
    expect((await raw.take(TARGET_OPCODE.DATA_IN)).data.length).toBe(512)
  })
})
