// The initiator's side of the login phase (RFC 7143 6.3), against a target that follows the rules and one that does not.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { KEYS, LOGIN_STAGE, parseText, TARGET_OPCODE } from '../../protocol/index.ts'
import {
  AuthenticationError,
  ConnectionLostError,
  type ConnectOptions,
  connect,
  discover,
  type InitiatorSession,
  LoginRefusedError,
  ProtocolError,
  RejectedError,
  UnreachableError,
} from '../../src/host/index.ts'
import { ANSWERS, ScriptedTarget, type TargetEnd, textOf } from './scripted-target.ts'

const TARGET = 'iqn.2026-11.io.lunette:scripted'
const { SECURITY_NEGOTIATION, LOGIN_OPERATIONAL_NEGOTIATION, FULL_FEATURE_PHASE } = LOGIN_STAGE
const pairs = (data: Buffer) => Object.fromEntries(parseText(data).map(({ key, value }) => [key, value]))

interface Attempt {
  readonly target: TargetEnd
  readonly session: Promise<InitiatorSession>
}

async function attempt(options: Partial<ConnectOptions> = {}): Promise<Attempt> {
  const server = await ScriptedTarget.listen()
  const session = connect({ host: '127.0.0.1', port: server.port, targetName: TARGET, ...options })
  session.catch(() => {})
  return { session, target: await server.accept() }
}

describe('login of the initiator', () => {
  test('security stage first: names and AuthMethod=None, then the operational keys, then full feature phase', async () => {
    const { target, session } = await attempt({
      initiatorName: 'iqn.2026-11.io.lunette:me',
      isid: Buffer.from('80aabbccddee', 'hex'),
    })
    const first = await target.takeLogin()
    expect(first.header).toMatchObject({
      immediate: true,
      transit: true,
      continue: false,
      currentStage: SECURITY_NEGOTIATION,
      nextStage: LOGIN_OPERATIONAL_NEGOTIATION,
      versionMax: 0,
      versionMin: 0,
      tsih: 0,
      cid: 0,
    })
    expect(first.header.isid.toString('hex')).toBe('80aabbccddee')
    expect(pairs(first.data)).toEqual({
      InitiatorName: 'iqn.2026-11.io.lunette:me',
      SessionType: 'Normal',
      TargetName: TARGET,
      AuthMethod: 'None',
    })
    target.answerLogin(first, {}, textOf({ AuthMethod: 'None', TargetPortalGroupTag: '1' }))
    const second = await target.takeLogin()
    expect(second.header).toMatchObject({ currentStage: LOGIN_OPERATIONAL_NEGOTIATION, nextStage: FULL_FEATURE_PHASE })
    expect(second.header.expStatSn).toBe(2)
    expect(Object.keys(pairs(second.data)).sort()).toEqual(Object.keys(ANSWERS).sort())
    target.answerLogin(second, { tsih: 77 }, textOf(ANSWERS))
    const { tsih, parameters, targetName } = await session
    expect({ tsih, targetName }).toEqual({ tsih: 77, targetName: TARGET })
    expect(parameters).toMatchObject({
      maxBurstLength: 16384,
      firstBurstLength: 8192,
      maxRecvDataSegmentLengthPeer: 4096,
      maxRecvDataSegmentLengthSelf: 262144,
      defaultTime2Wait: 2,
    })
  })

  test('the target need not end a stage at once: the initiator asks again', async () => {
    const { target, session } = await attempt()
    target.answerLogin(
      await target.takeLogin(),
      { transit: false, nextStage: 0 },
      textOf({ TargetPortalGroupTag: '1' }),
    )
    const again = await target.takeLogin()
    expect(again.header).toMatchObject({ transit: true, currentStage: SECURITY_NEGOTIATION })
    expect(again.data.length).toBe(0)
    target.answerLogin(again, {}, textOf({ AuthMethod: 'None' }))
    target.answerLogin(await target.takeLogin(), { tsih: 1 }, textOf(ANSWERS))
    await session
  })

  test('an answer in several PDUs (C bit) is asked for with empty requests', async () => {
    const { target, session } = await attempt()
    target.answerLogin(await target.takeLogin(), {}, textOf({ AuthMethod: 'None' }))
    const whole = textOf(ANSWERS)
    target.answerLogin(
      await target.takeLogin(),
      { transit: false, nextStage: 0, continue: true },
      whole.subarray(0, 100),
    )
    const rest = await target.takeLogin()
    expect(rest.data.length).toBe(0)
    expect(rest.header.continue).toBe(false)
    target.answerLogin(rest, { transit: false, nextStage: 0 }, whole.subarray(100))
    target.answerLogin(await target.takeLogin(), { transit: true, nextStage: FULL_FEATURE_PHASE, tsih: 1 })
    expect((await session).parameters.maxBurstLength).toBe(16384)
  })

  test('a key that the target offers is answered before the stage ends', async () => {
    const { target, session } = await attempt()
    target.answerLogin(await target.takeLogin(), {}, textOf({ AuthMethod: 'None' }))
    const offers = { ...ANSWERS, TaskReporting: 'FastAbort,RFC3720', 'X-io.lunette.test': 'maybe' }
    target.answerLogin(await target.takeLogin(), { transit: false, nextStage: 0 }, textOf(offers))
    const answer = await target.takeLogin()
    expect(pairs(answer.data)).toEqual({ TaskReporting: 'RFC3720', 'X-io.lunette.test': 'NotUnderstood' })
    target.answerLogin(answer, { tsih: 1 })
    await session
  })

  test('a target that counts its status numbers anew during login is let in; in full feature phase they must follow', async () => {
    const server = await ScriptedTarget.listen()
    const session = connect({ host: '127.0.0.1', port: server.port, targetName: 'iqn.2026-11.io.lunette:t' })
    const target = await server.accept()
    target.statSn = 7
    target.answerLogin(await target.takeLogin(), {}, textOf({ AuthMethod: 'None' }))
    target.statSn = 0
    target.answerLogin(await target.takeLogin(), { tsih: 5 }, textOf(ANSWERS))
    const { closed } = await session
    target.statSn = 9
    target.say(TARGET_OPCODE.ASYNC_MESSAGE, { asyncEvent: 0 })
    expect(((await closed) as Error).message).toContain('status number 9 where 1 was due')
  })

  test('a discovery session offers no key that is irrelevant in one (RFC 7143 13)', async () => {
    const server = await ScriptedTarget.listen()
    const found = discover({ host: '127.0.0.1', port: server.port })
    found.catch(() => {})
    const target = await server.accept()
    const first = await target.takeLogin()
    expect(pairs(first.data)).toMatchObject({ SessionType: 'Discovery' })
    expect(pairs(first.data)).not.toHaveProperty('TargetName')
    target.answerLogin(first, {}, textOf({ AuthMethod: 'None' }))
    const second = await target.takeLogin()
    for (const key of Object.keys(pairs(second.data)))
      expect(KEYS[key as keyof typeof KEYS], key).not.toHaveProperty('irrelevantInDiscovery')
    target.destroy()
    await expect(found).rejects.toThrow(ConnectionLostError)
  })

  test('connection reinstatement names TSIH and CID and no key of the leading connection', async () => {
    const { target } = await attempt({ reinstate: { tsih: 9, cid: 4 } })
    const first = await target.takeLogin()
    expect(first.header).toMatchObject({ tsih: 9, cid: 4 })
    target.answerLogin(first, {}, textOf({ AuthMethod: 'None' }))
    expect(Object.keys(pairs((await target.takeLogin()).data)).sort()).toEqual([
      'DataDigest',
      'HeaderDigest',
      'MaxRecvDataSegmentLength',
    ])
  })
})

describe('login that fails', () => {
  test('status class 2: LoginRefusedError with class, detail and the standard text', async () => {
    const { target, session } = await attempt()
    target.answerLogin(await target.takeLogin(), { transit: false, statusClass: 2, statusDetail: 3 })
    await expect(session).rejects.toMatchObject({ name: 'LoginRefusedError', statusClass: 2, statusDetail: 3 })
    await expect(session).rejects.toThrow('login refused: target not found (0203)')
    await target.expectClosed()
  })

  test('status class 1: where the target has moved', async () => {
    const { target, session } = await attempt()
    const moved = textOf({ TargetAddress: '192.0.2.1:3261' })
    target.answerLogin(await target.takeLogin(), { transit: false, statusClass: 1, statusDetail: 1 }, moved)
    await expect(session).rejects.toBeInstanceOf(LoginRefusedError)
    await expect(session).rejects.toMatchObject({ movedTo: { host: '192.0.2.1', port: 3261 } })
  })

  const broken: [string, (target: TargetEnd) => Promise<void> | void][] = [
    ['another task tag', async (t) => t.answerLogin(await t.takeLogin(), { initiatorTaskTag: 99 })],
    ['another stage', async (t) => t.answerLogin(await t.takeLogin(), { currentStage: 1 })],
    [
      'a transit that was not asked for',
      async (t) => t.answerLogin(await t.takeLogin(), { nextStage: 3 }, textOf({ AuthMethod: 'None' })),
    ],
    [
      'an AuthMethod that was not offered',
      async (t) => t.answerLogin(await t.takeLogin(), {}, textOf({ AuthMethod: 'CHAP' })),
    ],
    ['no answer to an offer', async (t) => t.answerLogin(await t.takeLogin(), {})],
    [
      'T and C bits',
      async (t) => t.answerLogin(await t.takeLogin(), { continue: true }, textOf({ AuthMethod: 'None' })),
    ],
    [
      'another PDU',
      async (t) => {
        await t.takeLogin()
        t.say(TARGET_OPCODE.NOP_IN, { initiatorTaskTag: 0 })
      },
    ],
  ]
  test.each(broken)('%s: ProtocolError, and the connection is closed', async (_, misbehave) => {
    const { target, session } = await attempt()
    await misbehave(target)
    await expect(session).rejects.toBeInstanceOf(ProtocolError)
    await target.expectClosed()
  })

  test('a login that never ends is given up', async () => {
    const { target, session } = await attempt()
    const answering = (async () => {
      for (;;) target.answerLogin(await target.takeLogin(), { transit: false, nextStage: 0 })
    })().catch(() => {})
    await expect(session).rejects.toThrow('the login has not ended')
    await answering
  })

  test('a Reject during login: RejectedError', async () => {
    const { target, session } = await attempt()
    await target.takeLogin()
    target.say(TARGET_OPCODE.REJECT, { reason: 4 }, { data: Buffer.alloc(48) })
    await expect(session).rejects.toBeInstanceOf(RejectedError)
  })

  test('malformed text, garbage, a closed connection, silence, nobody there: a named error each', async () => {
    const malformed = await attempt()
    malformed.target.answerLogin(await malformed.target.takeLogin(), {}, Buffer.from('no equals sign\0'))
    await expect(malformed.session).rejects.toMatchObject({ name: 'WireError' })

    const garbage = await attempt()
    garbage.target.sendBytes(Buffer.alloc(480, 0xff))
    await expect(garbage.session).rejects.toMatchObject({ name: 'WireError' })

    const closed = await attempt()
    closed.target.destroy()
    await expect(closed.session).rejects.toBeInstanceOf(ConnectionLostError)

    const silent = await attempt({ timeoutMs: 80 })
    await expect(silent.session).rejects.toThrow('has not answered the login within 80 ms')
    await silent.target.expectClosed()

    const nobody = connect({ host: '127.0.0.1', port: 1, targetName: TARGET })
    await expect(nobody).rejects.toBeInstanceOf(UnreachableError)
    await expect(nobody).rejects.toThrow('cannot connect to 127.0.0.1 port 1')
  })

  test('what cannot be sent is refused before anything is', async () => {
    const at = { host: '127.0.0.1', port: 1 }
    await expect(connect({ ...at, targetName: 'disk' })).rejects.toThrow('is no iSCSI name')
    await expect(connect({ ...at, initiatorName: 'me' })).rejects.toThrow('is no iSCSI name')
    await expect(connect({ ...at, isid: Buffer.alloc(5) })).rejects.toThrow('an ISID of 5 bytes')
    await expect(connect({ ...at, parameters: { maxBurstLength: 1 } })).rejects.toThrow('MaxBurstLength')
    await expect(connect({ ...at, parameters: { maxRecvDataSegmentLength: 100 } })).rejects.toThrow(RangeError)
  })
})

describe('CHAP of the initiator (RFC 7143 12.1.3)', () => {
  const chap = { user: 'alice', secret: 'alice has 16 byt' }
  const mutual = { user: 'array', secret: 'another secret' }
  const challenge = { CHAP_A: '5', CHAP_I: '7', CHAP_C: `0x${'a5'.repeat(16)}` }
  const md5 = (identifier: number, secret: string, bytes: string): string =>
    createHash('md5')
      .update(Buffer.concat([Buffer.of(identifier), Buffer.from(secret), Buffer.from(bytes.slice(2), 'hex')]))
      .digest('hex')
  const stay = { transit: false, nextStage: 0 }

  /** Up to the response, which the target has in hand. */
  async function answered(auth: ConnectOptions['auth'] & object) {
    const { target, session } = await attempt({ auth })
    const first = await target.takeLogin()
    expect(first.header).toMatchObject({ transit: false, currentStage: SECURITY_NEGOTIATION, nextStage: 0 })
    expect(pairs(first.data).AuthMethod).toBe(auth.mutual ? 'CHAP' : 'CHAP,None')
    target.answerLogin(first, stay, textOf({ AuthMethod: 'CHAP', TargetPortalGroupTag: '1' }))
    const second = await target.takeLogin()
    expect(second.header.transit).toBe(false)
    expect(pairs(second.data)).toEqual({ CHAP_A: '8,7,6,5' })
    target.answerLogin(second, stay, textOf(challenge))
    const response = await target.takeLogin()
    expect(response.header).toMatchObject({ transit: true, nextStage: LOGIN_OPERATIONAL_NEGOTIATION })
    return { target, session, response, said: pairs(response.data) as Record<string, string> }
  }

  test('one-way: name and response, and then the stage ends', async () => {
    const { target, session, response, said } = await answered({ chap })
    expect(said).toEqual({ CHAP_N: 'alice', CHAP_R: `0x${md5(7, chap.secret, challenge.CHAP_C)}` })
    target.answerLogin(response)
    target.answerLogin(await target.takeLogin(), { tsih: 5 }, textOf(ANSWERS))
    await session
  })

  test('mutual: the target’s proof is taken', async () => {
    const { target, session, response, said } = await answered({ chap, mutual })
    const proof = md5(Number(said.CHAP_I), mutual.secret, said.CHAP_C as string)
    target.answerLogin(response, {}, textOf({ CHAP_N: 'array', CHAP_R: `0x${proof}` }))
    target.answerLogin(await target.takeLogin(), { tsih: 5 }, textOf(ANSWERS))
    await session
  })

  test('a target that answers without ending the stage is asked once more', async () => {
    const { target, session, response, said } = await answered({ chap, mutual })
    const proof = md5(Number(said.CHAP_I), mutual.secret, said.CHAP_C as string)
    target.answerLogin(response, stay, textOf({ CHAP_N: 'array', CHAP_R: `0x${proof}` }))
    const again = await target.takeLogin()
    expect(again.header.transit).toBe(true)
    expect(again.data.length).toBe(0)
    target.answerLogin(again)
    target.answerLogin(await target.takeLogin(), { tsih: 5 }, textOf(ANSWERS))
    await session
  })

  test.each<[string, (said: Record<string, string>) => Record<string, string>]>([
    ['no answer', () => ({})],
    ['no response', () => ({ CHAP_N: 'array' })],
    [
      'another name',
      ({ CHAP_I, CHAP_C = '' }) => ({ CHAP_N: 'x', CHAP_R: `0x${md5(Number(CHAP_I), mutual.secret, CHAP_C)}` }),
    ],
    [
      'another secret',
      ({ CHAP_I, CHAP_C = '' }) => ({ CHAP_N: 'array', CHAP_R: `0x${md5(Number(CHAP_I), 'x', CHAP_C)}` }),
    ],
    [
      'its own secret',
      ({ CHAP_I, CHAP_C = '' }) => ({ CHAP_N: 'array', CHAP_R: `0x${md5(Number(CHAP_I), chap.secret, CHAP_C)}` }),
    ],
    ['a response that is none', () => ({ CHAP_N: 'array', CHAP_R: '0x00' })],
  ])('mutual, %s: the connection is dropped', async (_, answer) => {
    const { target, session, response, said } = await answered({ chap, mutual })
    target.answerLogin(response, {}, textOf(answer(said)))
    await expect(session).rejects.toThrow(AuthenticationError)
    await expect(session).rejects.not.toThrow(/alice has|another secret/)
    await target.expectClosed()
  })

  test('mutual: a target that does without CHAP is refused', async () => {
    const { target, session } = await attempt({ auth: { chap, mutual } })
    target.answerLogin(await target.takeLogin(), stay, textOf({ AuthMethod: 'None' }))
    await expect(session).rejects.toThrow(ProtocolError)
    await target.expectClosed()
  })

  test('mutual: a target that ends the stage early is refused', async () => {
    const { target, session } = await attempt({ auth: { chap, mutual } })
    const fields = { transit: true, nextStage: LOGIN_OPERATIONAL_NEGOTIATION }
    target.answerLogin(await target.takeLogin(), fields, textOf({ AuthMethod: 'CHAP' }))
    await expect(session).rejects.toThrow(ProtocolError)
    await target.expectClosed()
  })

  test('one-way: a target that needs none is gone on with', async () => {
    const { target, session } = await attempt({ auth: { chap } })
    target.answerLogin(await target.takeLogin(), stay, textOf({ AuthMethod: 'None' }))
    const again = await target.takeLogin()
    expect(again.header.transit).toBe(true)
    target.answerLogin(again)
    target.answerLogin(await target.takeLogin(), { tsih: 5 }, textOf(ANSWERS))
    await session
  })

  test.each<[string, Record<string, string>]>([
    ['rejects the algorithms', { CHAP_A: 'Reject' }],
    ['chooses another algorithm', { ...challenge, CHAP_A: '9' }],
    ['gives no challenge', { CHAP_A: '5', CHAP_I: '1' }],
    ['gives 1025 bytes of challenge', { ...challenge, CHAP_C: `0x${'00'.repeat(1025)}` }],
  ])('a target that %s is refused', async (_, keys) => {
    const { target, session } = await attempt({ auth: { chap } })
    target.answerLogin(await target.takeLogin(), stay, textOf({ AuthMethod: 'CHAP' }))
    target.answerLogin(await target.takeLogin(), stay, textOf(keys))
    await expect(session).rejects.toThrow(/CHAP/)
    await target.expectClosed()
  })

  test('CHAP keys that nobody asked for', async () => {
    const { target, session } = await attempt()
    target.answerLogin(await target.takeLogin(), {}, textOf({ AuthMethod: 'None', ...challenge }))
    await expect(session).rejects.toThrow('CHAP_A without AuthMethod=CHAP')
  })

  test('accounts that are none: RangeError, and no secret in it', async () => {
    for (const auth of [
      { chap: { ...chap, user: '' } },
      { chap: { ...chap, user: 'u'.repeat(256) } },
      { chap: { ...chap, user: 'a\0b' } },
      { chap: { ...chap, secret: '' } },
      { chap, mutual: { ...mutual, secret: chap.secret } },
    ]) {
      const refused = connect({ host: '127.0.0.1', port: 1, auth })
      await expect(refused).rejects.toThrow(RangeError)
      await expect(refused).rejects.not.toThrow(/alice has/)
    }
  })
})
