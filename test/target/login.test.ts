// The login phase of the target (RFC 7143 6.3, 11.12, 11.13): stages, text over PDUs, and every way of being refused.

import { beforeAll, describe, expect, test } from 'vitest'
import { INITIATOR_OPCODE, LOGIN_STAGE, STATUS, TARGET_OPCODE, TEST_UNIT_READY } from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { keysOf, type LoginFields, type LoginResponse, type RawInitiator, text } from './raw.ts'

const ME = 'iqn.2026-11.io.lunette:raw'
const {
  SECURITY_NEGOTIATION: SECURITY,
  LOGIN_OPERATIONAL_NEGOTIATION: OPERATIONAL,
  FULL_FEATURE_PHASE: FULL,
} = LOGIN_STAGE

let array: TestArray
let closed: TestArray

beforeAll(async () => {
  array = await openArray([memory()])
  closed = await openArray([memory()], { initiators: ['iqn.2026-11.io.lunette:friend'] })
  return async () => {
    await array.close()
    await closed.close()
  }
})

const names = () => ({ InitiatorName: ME, TargetName: array.iqn })
const toFull: LoginFields = { transit: true, currentStage: OPERATIONAL, nextStage: FULL }

async function refused(raw: RawInitiator, response: LoginResponse, status: string): Promise<void> {
  const { statusClass, statusDetail, transit } = response.header
  expect(`0${statusClass}${statusDetail.toString(16).padStart(2, '0')}`).toBe(status)
  expect(transit).toBe(false)
  await raw.expectClosed()
  expect(raw.received).toEqual([])
}

/** Full feature phase works. */
async function expectUp(raw: RawInitiator): Promise<void> {
  raw.command(TEST_UNIT_READY.encode({}))
  expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION) // the unit attention of a new nexus
  raw.command(TEST_UNIT_READY.encode({}))
  expect((await raw.response()).header.status).toBe(STATUS.GOOD)
}

describe('stages (RFC 7143 6.3)', () => {
  test('security, operational, full feature: each transit is answered with the stage asked for', async () => {
    const raw = await array.raw()
    const first = await raw.loginStep(text({ ...names(), AuthMethod: 'None' }), {
      transit: true,
      currentStage: SECURITY,
      nextStage: OPERATIONAL,
    })
    expect(first.header).toMatchObject({
      transit: true,
      currentStage: SECURITY,
      nextStage: OPERATIONAL,
      tsih: 0,
      statusClass: 0,
    })
    expect(keysOf(first.data)).toMatchObject({ AuthMethod: 'None', TargetPortalGroupTag: '1' })
    const second = await raw.loginStep(text({ MaxRecvDataSegmentLength: '65536' }), toFull)
    expect(second.header).toMatchObject({ transit: true, currentStage: OPERATIONAL, nextStage: FULL, statusClass: 0 })
    expect(second.header.tsih).not.toBe(0)
    expect(second.header.statSn).toBe(first.header.statSn + 1)
    await expectUp(raw)
  })

  test('security straight to full feature phase', async () => {
    const raw = await array.raw()
    const { header } = await raw.loginStep(text({ ...names(), AuthMethod: 'None' }), {
      transit: true,
      currentStage: SECURITY,
      nextStage: FULL,
    })
    expect(header).toMatchObject({ transit: true, nextStage: FULL })
    await expectUp(raw)
  })

  test('operational only, with the portal group tag in the first response (RFC 7143 13.9)', async () => {
    const raw = await array.raw()
    const { header, data } = await raw.loginStep(text(names()), toFull)
    expect(header).toMatchObject({ transit: true, versionMax: 0, versionActive: 0, initiatorTaskTag: 7 })
    expect(header.isid).toEqual(raw.isid)
    expect(keysOf(data).TargetPortalGroupTag).toBe('1')
    await expectUp(raw)
  })

  test('no transit asked for: none given, the stage goes on', async () => {
    const raw = await array.raw()
    const stay = { transit: false, currentStage: OPERATIONAL, nextStage: 0 }
    expect((await raw.loginStep(text(names()), stay)).header).toMatchObject({
      transit: false,
      currentStage: OPERATIONAL,
    })
    expect((await raw.loginStep(Buffer.alloc(0), stay)).header.transit).toBe(false)
    const { data } = await raw.loginStep(text({ MaxBurstLength: '1024' }), stay)
    expect(keysOf(data).MaxBurstLength).toBe('1024')
    expect((await raw.loginStep(Buffer.alloc(0), toFull)).header).toMatchObject({ transit: true, nextStage: FULL })
    await expectUp(raw)
  })

  test.each<[string, LoginFields]>([
    ['current stage 2, reserved', { transit: true, currentStage: 2, nextStage: FULL }],
    ['current stage 3', { transit: true, currentStage: FULL, nextStage: FULL }],
    ['next stage 2, reserved', { transit: true, currentStage: OPERATIONAL, nextStage: 2 }],
    ['next stage before the current one', { transit: true, currentStage: OPERATIONAL, nextStage: SECURITY }],
    ['next stage the current one', { transit: true, currentStage: OPERATIONAL, nextStage: OPERATIONAL }],
    ['T and C bits', { ...toFull, continue: true }],
  ])('%s: initiator error', async (_, fields) => {
    const raw = await array.raw()
    await refused(raw, await raw.loginStep(text(names()), fields), '0200')
  })

  test('a stage that goes back, another ISID, TSIH, CID or task tag in the middle: initiator error (RFC 7143 11.12.5)', async () => {
    const changes: LoginFields[] = [
      { transit: true, currentStage: SECURITY, nextStage: OPERATIONAL },
      { ...toFull, isid: Buffer.alloc(6, 9) },
      { ...toFull, tsih: 5 },
      { ...toFull, cid: 5 },
      { ...toFull, initiatorTaskTag: 99 },
    ]
    for (const fields of changes) {
      const raw = await array.raw()
      await raw.loginStep(text(names()), { currentStage: OPERATIONAL })
      await refused(raw, await raw.loginStep(Buffer.alloc(0), fields), '0200')
    }
  })
})

describe('text over several PDUs (C bit) (RFC 7143 11.12.2)', () => {
  test.each([1, 10, 100])('a request in pieces of %i bytes: empty answers until its end', async (size) => {
    const raw = await array.raw()
    const whole = text({ ...names(), MaxBurstLength: '4096' })
    let response: LoginResponse | undefined
    for (let at = 0; at < whole.length; at += size) {
      const last = at + size >= whole.length
      const fields = last ? toFull : { continue: true, currentStage: OPERATIONAL }
      response = await raw.loginStep(whole.subarray(at, at + size), fields)
      if (!last) {
        expect(response.header).toMatchObject({ transit: false, continue: false, statusClass: 0 })
        expect(response.data.length).toBe(0)
      }
    }
    expect(response?.header).toMatchObject({ transit: true, nextStage: FULL })
    expect(keysOf(response!.data).MaxBurstLength).toBe('4096')
    await expectUp(raw)
  })

  const many = (count: number) => Array.from({ length: count }, (_, i): [string, string] => [`X-${i}`, '1'])

  test('an answer longer than 8,192 bytes comes in pieces, and only the last may end the stage', async () => {
    const raw = await array.raw()
    const whole = text([...Object.entries(names()), ...many(700)])
    expect(whole.length).toBeLessThanOrEqual(8192)
    const pieces: Buffer[] = []
    let { header, data } = await raw.loginStep(whole, toFull)
    for (; header.continue; { header, data } = await raw.loginStep(Buffer.alloc(0), toFull)) {
      expect(header.transit).toBe(false)
      expect(data.length).toBeLessThanOrEqual(8192)
      pieces.push(data)
    }
    const answers = keysOf(Buffer.concat([...pieces, data]))
    expect(pieces.length).toBeGreaterThan(0)
    for (const [key] of many(700)) expect(answers[key]).toBe('NotUnderstood')
    expect(header).toMatchObject({ transit: true, nextStage: FULL })
    await expectUp(raw)
  })

  test('the T bit is not set in an answer to a request without it (RFC 7143 11.13.6)', async () => {
    const raw = await array.raw()
    let { header } = await raw.loginStep(text([...Object.entries(names()), ...many(700)]), toFull)
    while (header.continue) header = (await raw.loginStep(Buffer.alloc(0), { currentStage: OPERATIONAL })).header
    expect(header).toMatchObject({ transit: false, currentStage: OPERATIONAL, statusClass: 0 })
    expect((await raw.loginStep(Buffer.alloc(0), toFull)).header).toMatchObject({ transit: true, nextStage: FULL })
    await expectUp(raw)
  })

  test('8 KiB of keys in one PDU are taken (RFC 7143 6.1)', async () => {
    const raw = await array.raw()
    const start = text(names())
    const fill = 8192 - start.length - 'X-fill=\0'.length
    const response = await raw.loginStep(Buffer.concat([start, text({ 'X-fill': 'f'.repeat(fill) })]), toFull)
    expect(keysOf(response.data)['X-fill']).toBe('NotUnderstood')
    expect(response.header).toMatchObject({ transit: true })
    await expectUp(raw)
  })

  test('a data segment over 8 KiB during login: refused or dropped before it is taken', async () => {
    const raw = await array.raw()
    raw.sendLogin(Buffer.concat([text(names()), text({ 'X-fill': 'f'.repeat(8192) })]), toFull)
    await raw.expectClosed()
    for (const { header } of raw.received)
      expect(header).toMatchObject({ opcode: TARGET_OPCODE.LOGIN_RESPONSE, statusClass: 2 })
  })

  test('text without an end: refused within 64 KiB', async () => {
    const raw = await array.raw()
    let sent = 0
    let response = await raw.loginStep(text(names()), { continue: true, currentStage: OPERATIONAL })
    while (response.header.statusClass === 0 && sent < 1 << 20) {
      response = await raw.loginStep(text({ 'X-fill': 'f'.repeat(8000) }), {
        continue: true,
        currentStage: OPERATIONAL,
      })
      sent += 8000
    }
    expect(sent).toBeLessThanOrEqual(72 * 1024)
    expect(response.header.statusClass).toBeGreaterThanOrEqual(2)
    await raw.expectClosed()
  })
})

describe('refused (RFC 7143 11.13.5, 13.4, 13.5)', () => {
  const attempt = async (keys: Record<string, string>, fields: LoginFields = toFull, on = array) => {
    const raw = await on.raw()
    return [raw, await raw.loginStep(text(keys), fields)] as const
  }

  test.each<[string, () => Record<string, string>, LoginFields, string]>([
    ['version 1 at least', names, { ...toFull, versionMin: 1, versionMax: 1 }, '0205'],
    ['no InitiatorName', () => ({ TargetName: array.iqn }), toFull, '0207'],
    ['no TargetName in a normal session', () => ({ InitiatorName: ME }), toFull, '0207'],
    ['no keys at all', () => ({}), toFull, '0207'],
    ['a target that is not there', () => ({ InitiatorName: ME, TargetName: `${array.iqn}x` }), toFull, '0203'],
    ['a session that does not exist', names, { ...toFull, tsih: 0xfffe }, '020a'],
    ['a session type that is none', () => ({ ...names(), SessionType: 'Strange' }), toFull, '0209'],
    ['AuthMethod in the operational stage', () => ({ ...names(), AuthMethod: 'None' }), toFull, '0200'],
    [
      'an operational key in the security stage',
      () => ({ ...names(), MaxBurstLength: '512' }),
      { transit: true, currentStage: SECURITY, nextStage: FULL },
      '0200',
    ],
    ['a key that only targets send', () => ({ ...names(), TargetPortalGroupTag: '1' }), toFull, '0200'],
    ['a key of full feature phase', () => ({ ...names(), SendTargets: 'All' }), toFull, '0200'],
    ['a reserved answer as an offer', () => ({ ...names(), MaxBurstLength: 'Reject' }), toFull, '0200'],
  ])('%s', async (_, keys, fields, status) => {
    const [raw, response] = await attempt(keys(), fields)
    await refused(raw, response, status)
  })

  test.each(['a b', 'a\u00a0b', 'iqn.2026-11.io.lunette:a,i,0x1', 'iqn.2026-11.io.lunette:\u0007', ''])(
    'InitiatorName=%j, which no port name could be made of',
    async (InitiatorName) => {
      const [raw, response] = await attempt({ ...names(), InitiatorName })
      await refused(raw, response, '0200')
    },
  )

  test('CHAP alone, where there is none: AuthMethod=Reject (RFC 7143 6.3.2) or authentication failure', async () => {
    const fields = { transit: true, currentStage: SECURITY, nextStage: OPERATIONAL }
    const [, { header, data }] = await attempt({ ...names(), AuthMethod: 'CHAP' }, fields)
    if (header.statusClass === 0) expect(keysOf(data).AuthMethod).toBe('Reject')
    else expect(header).toMatchObject({ statusClass: 2, statusDetail: 1 })
  })

  test('an initiator that is not among those of the target: authorization failure', async () => {
    const [raw, response] = await attempt({ InitiatorName: ME, TargetName: closed.iqn }, toFull, closed)
    await refused(raw, response, '0202')
    const friend = await attempt(
      { InitiatorName: 'iqn.2026-11.io.lunette:friend', TargetName: closed.iqn },
      toFull,
      closed,
    )
    expect(friend[1].header.statusClass).toBe(0)
  })

  test('a second connection for a session that has one: too many connections', async () => {
    const first = await array.rawSession()
    const raw = await array.raw()
    const fields = { ...toFull, tsih: first.tsih, isid: first.isid, cid: first.cid + 1 }
    await refused(raw, await raw.loginStep(text(names()), fields), '0206')
    await expectStillUp(first)
  })

  test('a TSIH with the ISID of another: the session does not exist', async () => {
    const first = await array.rawSession()
    const raw = await array.raw()
    await refused(raw, await raw.loginStep(text(names()), { ...toFull, tsih: first.tsih }), '020a')
    await expectStillUp(first)
  })

  test('a key twice, in one PDU and in two: initiator error (RFC 7143 6.2)', async () => {
    const one = await array.raw()
    const twice = text([...Object.entries(names()), ['MaxBurstLength', '512'], ['MaxBurstLength', '512']])
    await refused(one, await one.loginStep(twice, toFull), '0200')
    const two = await array.raw()
    await two.loginStep(text({ ...names(), MaxBurstLength: '512' }), { currentStage: OPERATIONAL })
    await refused(two, await two.loginStep(text({ MaxBurstLength: '512' }), toFull), '0200')
    const three = await array.raw()
    await refused(
      three,
      await three.loginStep(text([...Object.entries(names()), ['X-a', '1'], ['X-a', '1']]), toFull),
      '0200',
    )
  })

  test.each([
    ['no equals sign', 'InitiatorName\0'],
    ['no zero byte at the end', 'InitiatorName=iqn.2026-11.a:b'],
    ['a key of 64 characters', `${'K'.repeat(64)}=1\0`],
    ['a key with a space', 'Initiator Name=x\0'],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from('X-a='), Buffer.from([0xff, 0xfe, 0])])],
  ])('malformed text, %s: initiator error', async (_, data) => {
    const raw = await array.raw()
    await refused(raw, await raw.loginStep(Buffer.from(data), toFull), '0200')
  })

  test('a Login Request that gives no answer text while answer text waits: initiator error', async () => {
    const raw = await array.raw()
    const keys = Array.from({ length: 700 }, (_, i): [string, string] => [`X-${i}`, '1'])
    expect((await raw.loginStep(text([...Object.entries(names()), ...keys]), toFull)).header.continue).toBe(true)
    await refused(raw, await raw.loginStep(text({ 'X-more': '1' }), toFull), '0200')
  })
})

async function expectStillUp(raw: RawInitiator): Promise<void> {
  raw.command(TEST_UNIT_READY.encode({}))
  expect((await raw.response()).header.status).toBe(STATUS.GOOD)
}

describe('PDUs out of place (RFC 7143 7.13)', () => {
  test.each([
    ['SCSI Command', INITIATOR_OPCODE.SCSI_COMMAND],
    ['NOP-Out', INITIATOR_OPCODE.NOP_OUT],
    ['Text Request', INITIATOR_OPCODE.TEXT_REQUEST],
    ['Logout Request', INITIATOR_OPCODE.LOGOUT_REQUEST],
    ['Data-Out', INITIATOR_OPCODE.DATA_OUT],
  ] as const)('%s before login: the connection is dropped without an answer', async (_, opcode) => {
    const raw = await array.raw()
    raw.send(opcode, {})
    await raw.expectClosed()
    expect(raw.received).toEqual([])
  })

  test('another PDU in the middle of a login: invalid during login', async () => {
    const raw = await array.raw()
    await raw.loginStep(text(names()), { currentStage: OPERATIONAL })
    raw.send(INITIATOR_OPCODE.NOP_OUT, { immediate: true })
    await refused(raw, await raw.take(TARGET_OPCODE.LOGIN_RESPONSE), '020b')
  })

  test('bytes that are no PDU', async () => {
    for (const bytes of [
      Buffer.alloc(4096, 0xff),
      Buffer.from(`GET / HTTP/1.1\r\nHost: lunette\r\n${'x'.repeat(100)}\r\n\r\n`),
    ]) {
      const raw = await array.raw()
      raw.sendBytes(bytes)
      await raw.expectClosed()
    }
  })

  test('a Login Request in full feature phase is rejected, the session goes on', async () => {
    const raw = await array.rawSession()
    raw.sendLogin(text(names()), toFull)
    expect((await raw.take(TARGET_OPCODE.REJECT)).data[0]! & 0x3f).toBe(INITIATOR_OPCODE.LOGIN_REQUEST)
    await expectStillUp(raw)
  })
})

describe('numbers', () => {
  test('the first command has the CmdSN of the login, and may wrap (RFC 7143 11.12.8)', async () => {
    const raw = await array.raw()
    raw.cmdSn = 0xffff_fffd
    await raw.login(array.iqn)
    for (let i = 0; i < 8; i++) {
      raw.command(TEST_UNIT_READY.encode({}))
      const { header } = await raw.response()
      expect(header.expCmdSn).toBe(raw.cmdSn)
      expect((header.maxCmdSn - header.expCmdSn) >>> 0).toBeLessThan(1 << 16)
    }
    expect(raw.cmdSn).toBe(5)
  })

  test('every session has a TSIH of its own, never zero (RFC 7143 11.13.3)', async () => {
    const seen = new Set<number>()
    for (let i = 0; i < 20; i++) seen.add((await array.rawSession()).tsih)
    expect(seen.size).toBe(20)
    expect(seen).not.toContain(0)
  })
})
