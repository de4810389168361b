// The limits of the configuration: each is reached, what is beyond it is refused or dropped with one line in the log, and who
// keeps to them does not notice.

import { describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  LOGIN_STAGE,
  LOGIN_STATUS,
  type LoginStatus,
  READ_16,
  REJECT_REASON,
  RESERVED_TAG,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import type { ArrayInput } from '../../src/index.ts'
import { createLogger } from '../../src/log.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { arrayForTest, MIB, memory, SIZE } from './array.ts'
import { pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import { type RawInitiator, text } from './raw.ts'
import { configured } from './reconfiguring.ts'
import { expectUp, loggedIn, OUT, taken, WRITE } from './tasks.ts'

type Limits = NonNullable<ArrayInput['limits']>

const HOST = 'iqn.2026-11.com.example:host'
const OUT_OF_RESOURCES = refused(LOGIN_STATUS.OUT_OF_RESOURCES)
const OPERATIONAL = { currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION }

function refused({ statusClass, statusDetail }: LoginStatus) {
  return { statusClass, statusDetail }
}

interface Limited extends HandBuilt {
  /** What has been logged since, of the levels that are shown by default. */
  lines(): Record<string, unknown>[]
}

async function limited(limits: Limits, store = new HeldStore()): Promise<Limited> {
  let lines: string[] = []
  const log = createLogger('info', { isTTY: false, write: (line: string) => lines.push(line) }, false)
  const built = await handBuilt([store], {}, {}, undefined, { limits, log })
  const taken = () => {
    const all = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    lines = []
    return all
  }
  return { ...built, lines: taken }
}

/** So many connections that say nothing. */
const idle = async (built: HandBuilt, count: number): Promise<RawInitiator[]> => {
  const all: RawInitiator[] = []
  for (let i = 0; i < count; i++) all.push(await built.raw())
  return all
}

const seconds = ({ host }: HandBuilt, count: number): void => {
  for (let second = 0; second < count; second++) host.tick()
}

describe('connections', () => {
  test('before login: the oldest makes room, whoever comes next logs in, sessions are not touched', async () => {
    const built = await limited({ connectionsBeforeLogin: 4 })
    const session = await built.disk()
    built.lines()
    const [first, second, ...rest] = await idle(built, 6)
    await first?.expectClosed()
    await second?.expectClosed()
    const next = await built.disk()
    await rest[0]?.expectClosed()
    await rest.at(-1)?.loginStep(text({ InitiatorName: HOST, TargetName: built.target.iqn }), OPERATIONAL)
    await Promise.all([session.read(0, 1), next.read(0, 1)])
    const dropped = built.lines().filter(({ msg }) => msg === 'dropping connection')
    expect(dropped).toHaveLength(3)
    for (const line of dropped)
      expect(line).toMatchObject({
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        reason: 'too many connections before login: this is the oldest',
      })
  })

  test('a flood of those that say nothing, or half a login, keeps nobody out', async () => {
    const built = await handBuilt([new HeldStore()])
    const half = Buffer.alloc(20, INITIATOR_OPCODE.LOGIN_REQUEST | 0x40)
    for (let batch = 0; batch * 100 < 1.2 * LIMITS.connectionsBeforeLogin; batch++) {
      const raws = await Promise.all(Array.from({ length: 100 }, () => built.raw()))
      for (const [index, raw] of raws.entries()) if (index % 2 === 0) raw.sendBytes(half)
    }
    const disk = await built.disk()
    await disk.write(0, pattern(4096, 1))
    expect((await disk.read(0, 8)).equals(pattern(4096, 1))).toBe(true)
    seconds(built, 15)
    await disk.read(0, 1)
  })

  test.each([
    ['all', { connections: 3 }, '3 connections already'],
    ['of one address', { connectionsPerAddress: 3 }, '3 connections from 127.0.0.1 already'],
  ])(
    '%s: one that has not logged in makes room; where all have, the next one is dropped',
    async (_, limits, reason) => {
      const built = await limited(limits)
      const sessions = [await built.disk(), await built.disk()]
      const [waiting] = await idle(built, 1)
      sessions.push(await built.disk())
      await waiting?.expectClosed()
      built.lines()
      const late = await built.raw()
      await late.expectClosed()
      expect(built.lines()).toMatchObject([{ level: 'warn', msg: 'connection refused', reason }])
      await Promise.all(sessions.map((disk) => disk.read(0, 1)))
      sessions[0]?.session.destroy()
      while (built.target.sessions.size === 3) await new Promise((resolve) => setTimeout(resolve, 1))
      await built.connect()
    },
  )
})

describe('sessions', () => {
  test('in all: out of resources (0302), with one line that says who and why; one that ends makes room', async () => {
    const built = await limited({ sessions: 2 })
    const first = await built.connect()
    await built.connect({ initiatorName: HOST })
    built.lines()
    await expect(built.connect({ initiatorName: `${HOST}2` })).rejects.toMatchObject(OUT_OF_RESOURCES)
    expect(built.lines()).toMatchObject([
      { level: 'warn', msg: 'login refused', initiator: `${HOST}2`, reason: '2 sessions already' },
    ])
    await first.logout()
    await built.connect({ initiatorName: `${HOST}2` })
  })

  test('of one initiator, whatever its ports; others log in, and a session that is reinstated is no other', async () => {
    const built = await limited({ sessionsPerInitiator: 2 })
    const isid = Buffer.from('800000000001', 'hex')
    const one = { initiatorName: HOST }
    await built.connect({ ...one, isid })
    await built.connect(one)
    built.lines()
    await expect(built.connect(one)).rejects.toMatchObject(OUT_OF_RESOURCES)
    expect(built.lines()).toMatchObject([{ reason: `2 sessions of ${HOST} already` }])
    await (await built.connect({ ...one, isid })).nop()
    await built.connect()
  })
})

describe('timers', () => {
  test('a login has its seconds, whatever comes of it', async () => {
    const built = await limited({ loginSeconds: 3 })
    const raw = await built.raw()
    await raw.loginStep(text({ InitiatorName: HOST, TargetName: built.target.iqn }), OPERATIONAL)
    seconds(built, 2)
    await raw.loginStep(Buffer.alloc(0), OPERATIONAL)
    seconds(built, 1)
    await raw.expectClosed()
    expect(built.lines()).toMatchObject([{ msg: 'dropping connection', reason: 'login took too long' }])
  })

  test('a peer that has vanished: asked after a silence, dropped without an answer, nothing is left of it', async () => {
    const built = await limited({ pingAfterSeconds: 3, pingAnswerSeconds: 2 })
    const raw = await loggedIn(built)
    seconds(built, 3)
    await raw.take(TARGET_OPCODE.NOP_IN)
    expect(built.target.sessions.size).toBe(1)
    seconds(built, 2)
    await raw.expectClosed()
    expect(built.target.sessions.size).toBe(0)
    expect([...built.units[0]!.unitAttentions.nexuses]).toEqual([])
    expect(built.host.pool.used).toBe(0)
  })

  test('a slow writer: data of a write, and a PDU, that do not end', async () => {
    const built = await limited({ dataOutSeconds: 3 })
    const announced = await loggedIn(built)
    announced.command(WRITE, OUT)
    await announced.take(TARGET_OPCODE.R2T)
    const partial = await loggedIn(built)
    const immediate = { write: true, expectedDataTransferLength: 512 }
    partial.command(WRITE, immediate, { data: Buffer.alloc(512) })
    await partial.response()
    partial.sendBytes(Buffer.from([INITIATOR_OPCODE.SCSI_COMMAND]))
    await taken(announced)
    seconds(built, 2)
    await taken(announced)
    seconds(built, 1)
    await Promise.all([announced.expectClosed(), partial.expectClosed()])
    expect(built.host.pool.used).toBe(0)
    const reasons = built.lines().filter(({ msg }) => msg === 'dropping connection')
    expect(reasons.map(({ reason }) => reason).sort()).toEqual([
      'a PDU does not end',
      'the data of a write does not come',
    ])
  })

  test('a slow reader: bounded while it is there, gone with everything when it does not read on', async () => {
    const built = await limited({ outputPerConnection: '2MiB', pingAfterSeconds: 3, pingAnswerSeconds: 2 })
    const raw = await loggedIn(built)
    raw.socket.pause()
    const read = { read: true, expectedDataTransferLength: MIB }
    for (let i = 0; i < 60; i++) raw.command(READ_16.encode({ blocks: 2048 }), read)
    let most = 0
    for (let tries = 0; tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      most = Math.max(most, built.host.pool.used)
    }
    expect(most).toBeGreaterThan(MIB)
    expect(most).toBeLessThan(4 * MIB)
    seconds(built, 5)
    expect(built.target.sessions.size).toBe(0)
    for (let tries = 0; built.host.pool.used > 0 && tries < 2000; tries++)
      await new Promise((resolve) => setTimeout(resolve, 1))
    expect(built.host.pool.used).toBe(0)
  })
})

describe('what one session may have under way', () => {
  test('the command window is what MaxCmdSN tells; immediate commands beyond tasksPerSession are rejected', async () => {
    const built = await limited({ commandWindow: 4, tasksPerSession: 6 })
    const raw = await built.raw()
    const { header } = await raw.loginStep(
      text({ InitiatorName: HOST, TargetName: built.target.iqn, InitialR2T: 'Yes' }),
      {
        ...OPERATIONAL,
        transit: true,
        nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE,
      },
    )
    expect(header.maxCmdSn - header.expCmdSn + 1).toBe(4)
    await expectUp(raw).catch(() => expectUp(raw)) // takes the unit attention
    for (let i = 0; i < 6; i++) {
      raw.command(WRITE, { ...OUT, immediate: true })
      await raw.take(TARGET_OPCODE.R2T)
    }
    raw.command(WRITE, { ...OUT, immediate: true })
    expect((await raw.take(TARGET_OPCODE.REJECT)).header.reason).toBe(REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
  })

  test('text of a login, and of full feature phase', async () => {
    const built = await limited({ negotiationText: '8KiB' })
    const raw = await built.raw()
    const part = Buffer.alloc(8192, 'a')
    const more = { ...OPERATIONAL, continue: true }
    expect((await raw.loginStep(part, more)).header.statusClass).toBe(0)
    expect((await raw.loginStep(Buffer.from('a'), more)).header).toMatchObject(OUT_OF_RESOURCES)
    await raw.expectClosed()

    const full = await loggedIn(built)
    const request = { immediate: true, continue: true, initiatorTaskTag: 1, cmdSn: full.cmdSn }
    full.send(INITIATOR_OPCODE.TEXT_REQUEST, { ...request, targetTransferTag: RESERVED_TAG }, { data: part })
    const { targetTransferTag } = (await full.take(TARGET_OPCODE.TEXT_RESPONSE)).header
    full.send(INITIATOR_OPCODE.TEXT_REQUEST, { ...request, targetTransferTag }, { data: Buffer.from('a') })
    expect((await full.take(TARGET_OPCODE.REJECT)).header.reason).toBe(REJECT_REASON.PROTOCOL_ERROR)
  })
})

describe('buffers', () => {
  test.each([
    ['of one connection', { inputPerConnection: '2MiB' }, 1],
    ['of all', { buffers: '16MiB', inputPerConnection: '4MiB' }, 16],
  ] as const)(
    '%s: announced data is asked for as far as there is room; the others write on',
    async (_, limits, clients) => {
      const built = await limited(limits, new HeldStore(SIZE))
      const honest = await built.disk()
      const write = { write: true, expectedDataTransferLength: MIB }
      const cdb = Buffer.from('8a000000000000000000000008000000', 'hex') // WRITE(16) of 2,048 blocks
      for (let client = 0; client < clients; client++) {
        const raw = await built.raw()
        await raw.login(built.target.iqn, { ImmediateData: 'No', InitialR2T: 'Yes' })
        await expectUp(raw).catch(() => expectUp(raw))
        for (let i = 0; i < 20; i++) raw.command(cdb, write)
        await takenAfterAll(raw)
      }
      const guaranteed = 2.1 * MIB * clients
      expect(built.host.pool.used).toBeLessThan(Math.max(guaranteed, 17 * MIB * Math.min(1, clients - 1)) + 2 * MIB)
      await honest.write(0, pattern(MIB, 2))
      expect((await honest.read(0, 2048)).equals(pattern(MIB, 2))).toBe(true)
    },
  )
})

/** Everything sent before has been taken in, whatever else the target says. */
async function takenAfterAll(raw: RawInitiator): Promise<void> {
  raw.send(INITIATOR_OPCODE.NOP_OUT, {
    immediate: true,
    initiatorTaskTag: 1,
    targetTransferTag: RESERVED_TAG,
    cmdSn: raw.cmdSn,
  })
  while ((await raw.takeAny()).header.opcode !== TARGET_OPCODE.NOP_IN);
}

test('limits that change while the array runs hold for what begins', async () => {
  const array = await arrayForTest([memory()])
  const disk = await array.disk()
  const limit = (limits: Limits) => array.running.reconfigure({ ...configured(array, [memory()]), limits })
  expect(await limit({ sessions: 1 })).toEqual(['limits.sessions 4096 -> 1'])
  await expect(array.connect()).rejects.toMatchObject(OUT_OF_RESOURCES)
  await disk.read(0, 1)
  expect(await limit({ connections: 1, buffers: '16MiB' })).toHaveLength(3)
  const raw = await array.raw()
  await raw.expectClosed()
  await limit({})
  await array.connect()
  await disk.write(0, pattern(MIB, 1))
  await expect(limit({ sessions: 0 })).rejects.toThrow(
    'limits.sessions: found 0; allowed: a whole number from 1 to 65535',
  )
})
