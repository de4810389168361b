// CHAP on the wire (RFC 7143 6.3.2, 9.2.1, 12.1), said by a scripted initiator: what is answered to the right thing, and that
// every wrong thing, and every way around it, ends with 0201 and one line in the log.

import { createHash, randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { LOGIN_STAGE, STATUS, TARGET_OPCODE, TEST_UNIT_READY } from '../../protocol/index.ts'
import { alice, array, bob, ChapArray, FAILURE, iqn, MUTUAL, ONE_WAY, OPEN, STRICT } from './chap-array.ts'
import { keysOf, type LoginFields, type LoginResponse, type RawInitiator, text } from './raw.ts'

const ME = iqn('raw')
const {
  SECURITY_NEGOTIATION: SECURITY,
  LOGIN_OPERATIONAL_NEGOTIATION: OPERATIONAL,
  FULL_FEATURE_PHASE: FULL,
} = LOGIN_STAGE

let lunette: ChapArray

beforeAll(async () => {
  lunette = await ChapArray.open()
  return () => lunette.close()
})
beforeEach(() => void lunette.refusals())

const stay: LoginFields = { transit: false, currentStage: SECURITY, nextStage: 0 }
const leave: LoginFields = { transit: true, currentStage: SECURITY, nextStage: OPERATIONAL }
const names = (target: string) => ({ InitiatorName: ME, TargetName: target, SessionType: 'Normal' })

/** The response of RFC 1994, computed apart from the code under test. */
function responseTo(data: Buffer, secret = alice.secret, hash = 'md5'): string {
  const { CHAP_I = '', CHAP_C = '' } = keysOf(data)
  const challenge = Buffer.from(CHAP_C.slice(2), 'hex')
  return createHash(hash)
    .update(Buffer.of(Number(CHAP_I)))
    .update(secret)
    .update(challenge)
    .digest('hex')
}

interface Asked {
  readonly raw: RawInitiator
  readonly challenge: LoginResponse
}

/** Up to the target's challenge. */
async function asked(target = ONE_WAY, algorithms = '5'): Promise<Asked> {
  const raw = await lunette.raw()
  const first = await raw.loginStep(text({ ...names(target), AuthMethod: 'CHAP,None' }), stay)
  expect(first.header).toMatchObject({ statusClass: 0, transit: false, currentStage: SECURITY })
  expect(keysOf(first.data)).toEqual({ AuthMethod: 'CHAP', TargetPortalGroupTag: '1' })
  const challenge = await raw.loginStep(text({ CHAP_A: algorithms }), stay)
  expect(challenge.header).toMatchObject({ statusClass: 0, transit: false })
  return { raw, challenge }
}

async function refused(raw: RawInitiator, { header }: LoginResponse): Promise<void> {
  expect(header).toMatchObject({ ...FAILURE, transit: false })
  await raw.expectClosed()
  expect(raw.received).toEqual([])
  expect(lunette.refusals()).toHaveLength(1)
}

describe('the exchange on the wire (RFC 7143 12.1.3)', () => {
  test('the challenge of each login is another one (RFC 7143 9.2.1)', async () => {
    const challenges = new Set<string>()
    for (let i = 0; i < 8; i++) challenges.add(keysOf((await asked()).challenge.data).CHAP_C ?? '')
    expect(challenges.size).toBe(8)
  })

  test.each(['hexadecimal', 'base64'])('one-way, the response in %s', async (form) => {
    const { raw, challenge } = await asked(ONE_WAY, '7,5')
    expect(keysOf(challenge.data).CHAP_A).toBe('7')
    const response = responseTo(challenge.data, alice.secret, 'sha256')
    const value = form === 'base64' ? `0b${Buffer.from(response, 'hex').toString('base64')}` : `0x${response}`
    const last = await raw.loginStep(text({ CHAP_N: 'alice', CHAP_R: value }), leave)
    expect(last.header).toMatchObject({ statusClass: 0, transit: true, nextStage: OPERATIONAL })
    expect(last.data.length).toBe(0)
    const up = await raw.loginStep(Buffer.alloc(0), { transit: true, currentStage: OPERATIONAL, nextStage: FULL })
    expect(up.header).toMatchObject({ statusClass: 0, transit: true, nextStage: FULL })
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION)
  })

  test.each(['0x', '0b'])('mutual, the initiator’s challenge in %s; straight to full feature phase', async (prefix) => {
    const { raw, challenge } = await asked(MUTUAL)
    const mine = randomBytes(16)
    const CHAP_C = prefix === '0x' ? `0x${mine.toString('hex')}` : `0b${mine.toString('base64')}`
    const keys = { CHAP_N: 'alice', CHAP_R: `0x${responseTo(challenge.data)}`, CHAP_I: '200', CHAP_C }
    const { header, data } = await raw.loginStep(text(keys), { ...leave, nextStage: FULL })
    const proof = createHash('md5').update(Buffer.of(200)).update(array.secret).update(mine).digest('hex')
    expect(keysOf(data)).toEqual({ CHAP_N: 'array', CHAP_R: `0x${proof}` })
    expect(header).toMatchObject({ statusClass: 0, transit: true, nextStage: FULL })
  })

  test('a login with many keys in the security stage, and the first of CHAP with AuthMethod', async () => {
    const raw = await lunette.raw()
    const keys = { ...names(ONE_WAY), InitiatorAlias: 'DESKTOP-1', AuthMethod: 'KRB5,CHAP', CHAP_A: '5', 'X-a': '1' }
    const { header, data } = await raw.loginStep(text(keys), stay)
    expect(header.statusClass).toBe(0)
    expect(keysOf(data)).toMatchObject({ AuthMethod: 'CHAP', CHAP_A: '5', 'X-a': 'NotUnderstood' })
    const response = `0x${responseTo(data)}`
    const last = await raw.loginStep(text({ CHAP_N: 'alice', CHAP_R: response, 'X-b': '1' }), leave)
    expect(last.header).toMatchObject({ statusClass: 0, transit: true })
    expect(keysOf(last.data)).toEqual({ 'X-b': 'NotUnderstood' })
  })

  test('AuthMethod in a text of its own, after the names', async () => {
    const raw = await lunette.raw()
    expect((await raw.loginStep(text(names(ONE_WAY)), stay)).header.statusClass).toBe(0)
    expect(keysOf((await raw.loginStep(text({ AuthMethod: 'CHAP' }), stay)).data)).toEqual({ AuthMethod: 'CHAP' })
  })

  test('T bits that come too early are not answered, and nobody gets further with them', async () => {
    const raw = await lunette.raw()
    const first = await raw.loginStep(text({ ...names(ONE_WAY), AuthMethod: 'CHAP' }), { ...leave, nextStage: FULL })
    expect(first.header).toMatchObject({ statusClass: 0, transit: false, currentStage: SECURITY, tsih: 0 })
    const second = await raw.loginStep(text({ CHAP_A: '5' }), leave)
    expect(second.header).toMatchObject({ statusClass: 0, transit: false, currentStage: SECURITY })
    await refused(raw, await raw.loginStep(Buffer.alloc(0), leave))
  })

  test('a T bit that came too early may be sent again when it is time', async () => {
    const { raw, challenge } = await asked()
    const keys = { CHAP_N: 'alice', CHAP_R: `0x${responseTo(challenge.data)}` }
    expect((await raw.loginStep(text(keys), stay)).header).toMatchObject({ statusClass: 0, transit: false })
    expect((await raw.loginStep(Buffer.alloc(0), leave)).header).toMatchObject({ transit: true, statusClass: 0 })
  })

  test('the response over two PDUs (C bit)', async () => {
    const { raw, challenge } = await asked()
    const whole = text({ CHAP_N: 'alice', CHAP_R: `0x${responseTo(challenge.data)}` })
    const half = await raw.loginStep(whole.subarray(0, 20), { ...stay, continue: true })
    expect(half.header).toMatchObject({ statusClass: 0, transit: false })
    expect((await raw.loginStep(whole.subarray(20), leave)).header).toMatchObject({ statusClass: 0, transit: true })
  })
})

describe('nobody gets around it (RFC 7143 6.3.2)', () => {
  test.each<[string, Record<string, string>, LoginFields]>([
    ['a login that begins in the operational stage', {}, { transit: true, currentStage: OPERATIONAL, nextStage: FULL }],
    ['the same without a transit', {}, { transit: false, currentStage: OPERATIONAL, nextStage: 0 }],
    ['no AuthMethod', {}, leave],
    ['AuthMethod=None', { AuthMethod: 'None' }, leave],
    ['AuthMethod=None without a transit', { AuthMethod: 'None' }, stay],
    ['methods that are not there', { AuthMethod: 'SRP,KRB5' }, stay],
  ])('%s', async (_, keys, fields) => {
    for (const target of [ONE_WAY, MUTUAL]) {
      const raw = await lunette.raw()
      await refused(raw, await raw.loginStep(text({ ...names(target), ...keys }), fields))
    }
  })

  test('discovery', async () => {
    for (const fields of [leave, { transit: true, currentStage: OPERATIONAL, nextStage: FULL }]) {
      const raw = await lunette.raw()
      await refused(raw, await raw.loginStep(text({ InitiatorName: ME, SessionType: 'Discovery' }), fields))
    }
  })

  test('None and CHAP offered: CHAP it is', async () => {
    const raw = await lunette.raw()
    const { data } = await raw.loginStep(text({ ...names(ONE_WAY), AuthMethod: 'None,CHAP' }), stay)
    expect(keysOf(data).AuthMethod).toBe('CHAP')
  })

  test('the stage is left by nobody who offers nothing: a request without keys that asks for the next one', async () => {
    const raw = await lunette.raw()
    await raw.loginStep(text(names(ONE_WAY)), stay)
    await refused(raw, await raw.loginStep(Buffer.alloc(0), { ...leave, nextStage: FULL }))
  })

  test('an operational stage that was not given', async () => {
    const { raw } = await asked()
    const fields = { transit: true, currentStage: OPERATIONAL, nextStage: FULL }
    await refused(raw, await raw.loginStep(Buffer.alloc(0), fields))
  })

  test('a session that stands is not reinstated without a proof, and stays', async () => {
    const session = await lunette.connect({ targetName: ONE_WAY, auth: { chap: alice }, initiatorName: ME })
    const raw = await lunette.raw()
    raw.isid = Buffer.from(session.isid)
    for (const tsih of [0, session.tsih]) {
      const again = tsih === 0 ? raw : await lunette.raw()
      again.isid = Buffer.from(session.isid)
      const fields = { transit: true, currentStage: OPERATIONAL, nextStage: FULL, tsih }
      const keys = { InitiatorName: ME, TargetName: ONE_WAY }
      expect((await again.loginStep(text(keys), fields)).header).toMatchObject(FAILURE)
    }
    await session.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })
    await session.logout()
  })
})

describe('wrong inputs', () => {
  test.each<[string, (challenge: Buffer) => Record<string, string> | [string, string][]]>([
    ['a wrong secret', (c) => ({ CHAP_N: 'alice', CHAP_R: `0x${responseTo(c, bob.secret)}` })],
    ['a wrong name', (c) => ({ CHAP_N: 'bob', CHAP_R: `0x${responseTo(c)}` })],
    ['no name', (c) => ({ CHAP_R: `0x${responseTo(c)}` })],
    ['no response', () => ({ CHAP_N: 'alice' })],
    [
      'a response of another algorithm',
      (c) => ({ CHAP_N: 'alice', CHAP_R: `0x${responseTo(c, alice.secret, 'sha1')}` }),
    ],
    ['a response in no form', (c) => ({ CHAP_N: 'alice', CHAP_R: responseTo(c) })],
    [
      'the response twice',
      (c) => [
        ['CHAP_N', 'alice'],
        ['CHAP_R', `0x${responseTo(c)}`],
        ['CHAP_R', `0x${responseTo(c)}`],
      ],
    ],
    ['the algorithms twice', () => ({ CHAP_A: '5' })],
    ['keys out of order', () => ({ CHAP_I: '1', CHAP_C: '0x0102' })],
    ['another AuthMethod', () => ({ AuthMethod: 'None' })],
    ['a reserved word for a name', (c) => ({ CHAP_N: 'NotUnderstood', CHAP_R: `0x${responseTo(c)}` })],
    ['no keys at all', () => ({})],
    ['an operational key', () => ({ MaxBurstLength: '8192' })],
    ['a value of 8 KiB', () => ({ CHAP_N: 'alice', CHAP_R: `0b${'A'.repeat(8000)}` })],
  ])('%s', async (_, keys) => {
    const { raw, challenge } = await asked()
    await refused(raw, await raw.loginStep(text(keys(challenge.data)), leave))
  })

  test.each<[string, (challenge: Record<string, string>) => Record<string, string>]>([
    ['its challenge reflected', ({ CHAP_C = '' }) => ({ CHAP_I: '77', CHAP_C })],
    ['its identifier and challenge reflected', ({ CHAP_I = '', CHAP_C = '' }) => ({ CHAP_I, CHAP_C })],
    [
      'its challenge reflected in base64',
      ({ CHAP_C = '' }) => ({ CHAP_I: '77', CHAP_C: `0b${Buffer.from(CHAP_C.slice(2), 'hex').toString('base64')}` }),
    ],
    ['no challenge for it, which must be mutual', () => ({})],
    ['an identifier alone', () => ({ CHAP_I: '1' })],
    ['a challenge that is too long', () => ({ CHAP_I: '1', CHAP_C: `0x${'00'.repeat(1025)}` })],
  ])('mutual, %s (RFC 7143 9.2.1)', async (_, mutual) => {
    const { raw, challenge } = await asked(MUTUAL)
    const keys = { CHAP_N: 'alice', CHAP_R: `0x${responseTo(challenge.data)}`, ...mutual(keysOf(challenge.data)) }
    const response = await raw.loginStep(text(keys), leave)
    expect(response.data.length).toBe(0)
    await refused(raw, response)
  })

  test('CHAP_A twice in one text', async () => {
    const raw = await lunette.raw()
    await raw.loginStep(text({ ...names(ONE_WAY), AuthMethod: 'CHAP' }), stay)
    await raw.loginStep(Buffer.from('CHAP_A=5\0'), { ...stay, continue: true })
    await refused(raw, await raw.loginStep(Buffer.from('CHAP_A=5\0'), stay))
  })

  test('no common algorithm', async () => {
    const raw = await lunette.raw()
    await raw.loginStep(text({ ...names(STRICT), AuthMethod: 'CHAP' }), stay)
    await refused(raw, await raw.loginStep(text({ CHAP_A: '5,6,8' }), stay))
  })

  test('text that is malformed in the middle of the exchange', async () => {
    const { raw } = await asked()
    await refused(raw, await raw.loginStep(Buffer.from('CHAP_N'), leave))
  })

  test('1 MiB of base64 over many PDUs: refused once the limit of text is reached', async () => {
    const { raw } = await asked()
    const piece = Buffer.from('A'.repeat(8000))
    let response = await raw.loginStep(Buffer.from('CHAP_N=alice\0CHAP_R=0b'), { ...stay, continue: true })
    let sent = 0
    for (; response.header.statusClass === 0 && sent < 2 ** 20; sent += piece.length)
      response = await raw.loginStep(piece, { ...stay, continue: true })
    expect(sent).toBeLessThan(80_000)
    await refused(raw, response)
  })

  test('1 MiB of base64 in one PDU: refused before it is taken', async () => {
    const { raw } = await asked()
    raw.sendLogin(Buffer.from(`CHAP_N=alice\0CHAP_R=0b${'A'.repeat(2 ** 20)}\0`), leave)
    await raw.expectClosed()
    for (const { header } of raw.received)
      expect(header).toMatchObject({ opcode: TARGET_OPCODE.LOGIN_RESPONSE, ...FAILURE })
    expect(lunette.refusals()).toHaveLength(1)
  })
})

describe('a target without authentication', () => {
  test.each(['None', 'CHAP,None', 'None,CHAP', 'KRB5,SRP,CHAP,None'])('AuthMethod=%s: None', async (AuthMethod) => {
    const raw = await lunette.raw()
    const { header, data } = await raw.loginStep(text({ ...names(OPEN), AuthMethod }), leave)
    expect(header).toMatchObject({ statusClass: 0, transit: true })
    expect(keysOf(data).AuthMethod).toBe('None')
  })

  test.each(['CHAP', 'SRP', 'CHAP,KRB5'])('AuthMethod=%s alone: Reject, and authentication failure', async (offer) => {
    const raw = await lunette.raw()
    const response = await raw.loginStep(text({ ...names(OPEN), AuthMethod: offer }), leave)
    expect(keysOf(response.data)).toEqual({ AuthMethod: 'Reject' })
    await refused(raw, response)
  })

  test('CHAP keys that nobody asked for: initiator error', async () => {
    for (const [keys, fields] of [
      [{ AuthMethod: 'None', CHAP_A: '5' }, leave],
      [{ CHAP_N: 'alice', CHAP_R: '0x00' }, stay],
      [{ CHAP_A: '5' }, { transit: true, currentStage: OPERATIONAL, nextStage: FULL }],
    ] as const) {
      const raw = await lunette.raw()
      const { header } = await raw.loginStep(text({ ...names(OPEN), ...keys }), fields)
      expect(header).toMatchObject({ statusClass: 2, statusDetail: 0 })
      await raw.expectClosed()
    }
  })
})
