// CHAP at the target (RFC 7143 12.1.3) with the initiator of Lunette: who gets in, who does not, and what the log says of it.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CHAP_ALGORITHM_NAMES, STATUS, TEST_UNIT_READY } from '../../protocol/index.ts'
import { AuthenticationError, discover, LoginRefusedError } from '../../src/host/index.ts'
import { arrayForTest, memory, type TestArray } from './array.ts'
import {
  alice,
  array,
  bob,
  ChapArray,
  carol,
  FAILURE,
  finder,
  iqn,
  MUTUAL,
  ONE_WAY,
  OPEN,
  SINGLE,
  STRICT,
} from './chap-array.ts'

let lunette: ChapArray

beforeAll(async () => {
  lunette = await ChapArray.open()
  return () => lunette.close()
})
beforeEach(() => void lunette.refusals())

async function expectUp(options: Parameters<TestArray['connect']>[0]): Promise<void> {
  const session = await lunette.connect(options)
  const { status } = await session.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })
  expect([STATUS.GOOD, STATUS.CHECK_CONDITION]).toContain(status)
  await session.logout()
}

describe('the initiator of Lunette', () => {
  test.each(CHAP_ALGORITHM_NAMES)('%s, one-way and mutual', async (algorithm) => {
    const algorithms = [algorithm]
    await expectUp({ targetName: ONE_WAY, auth: { chap: alice, algorithms } })
    await expectUp({ targetName: MUTUAL, auth: { chap: alice, mutual: array, algorithms } })
  })

  test('credentials of one initiator, by name and by pattern, with its own mutual authentication or none', async () => {
    await expectUp({ targetName: SINGLE, initiatorName: iqn('bob'), auth: { chap: bob, mutual: array } })
    await expectUp({ targetName: SINGLE, initiatorName: iqn('guest-7'), auth: { chap: carol } })
    const others = { targetName: SINGLE, auth: { chap: bob, mutual: array } }
    await expect(lunette.connect(others)).rejects.toMatchObject(FAILURE)
    expect(lunette.refusals()[0]?.reason).toBe(`there is no CHAP user for ${iqn('host')}`)
    await expect(lunette.connect({ ...others, initiatorName: iqn('guest-7') })).rejects.toMatchObject(FAILURE)
    const bobAsGuest = { targetName: SINGLE, initiatorName: iqn('bob'), auth: { chap: carol, mutual: array } }
    await expect(lunette.connect(bobAsGuest)).rejects.toMatchObject(FAILURE)
  })

  test('discovery has credentials of its own', async () => {
    const portal = { host: '127.0.0.1', port: lunette.port }
    const found = await discover({ ...portal, auth: { chap: finder } })
    expect(found.map((target) => target.name)).toEqual([OPEN, ONE_WAY, MUTUAL, SINGLE, STRICT])
    await expect(discover(portal)).rejects.toMatchObject(FAILURE)
    await expect(discover({ ...portal, auth: { chap: alice } })).rejects.toMatchObject(FAILURE)
  })

  test('a target without authentication: an initiator that could goes on without, one that wants it mutual does not', async () => {
    await expectUp({ targetName: OPEN, auth: { chap: alice } })
    const wanting = lunette.connect({ targetName: OPEN, auth: { chap: alice, mutual: array } })
    await expect(wanting).rejects.toThrow(LoginRefusedError)
    await expect(lunette.connect({ targetName: OPEN, auth: { chap: alice, mutual: array } })).rejects.toMatchObject(
      FAILURE,
    )
  })

  test.each([
    ['no credentials', ONE_WAY, undefined, 'AuthMethod has no value that both sides support'],
    ['a wrong secret', ONE_WAY, { chap: { ...alice, secret: 'alice has 16 byT' } }, 'wrong response for user "alice"'],
    ['a wrong name', ONE_WAY, { chap: { ...alice, user: 'alicia' } }, 'CHAP_N is not "alice"'],
    ['the secret for a name', ONE_WAY, { chap: { ...alice, user: alice.secret } }, 'CHAP_N is not "alice"'],
    ['the credentials of another target', ONE_WAY, { chap: finder }, 'CHAP_N is not "alice"'],
    ['the credentials of the target', MUTUAL, { chap: array, mutual: alice }, 'a reflection'],
    [
      'mutual authentication of a target that has no secret',
      ONE_WAY,
      { chap: alice, mutual: array },
      'no secret for it',
    ],
    ['one-way where it must be mutual', MUTUAL, { chap: alice }, 'mutual authentication is required'],
    ['no common algorithm', STRICT, { chap: alice, algorithms: ['MD5', 'SHA-1'] as const }, 'none of the algorithms'],
  ])('%s: authentication failure, and one line that says who and why', async (_, targetName, auth, reason) => {
    await expect(lunette.connect({ targetName, ...(auth && { auth }) })).rejects.toMatchObject(FAILURE)
    expect(lunette.refusals()).toEqual([
      expect.objectContaining({
        status: 'authentication failure',
        initiator: iqn('host'),
        target: targetName,
        peer: expect.stringContaining('127.0.0.1'),
        reason: expect.stringContaining(reason),
      }),
    ])
  })

  test('a target that proves itself with another name or another secret is refused', async () => {
    for (const mutual of [
      { ...array, user: 'other' },
      { ...array, secret: 'twelve bytez' },
    ]) {
      const refused = lunette.connect({ targetName: MUTUAL, auth: { chap: alice, mutual } })
      await expect(refused).rejects.toThrow(AuthenticationError)
    }
    await expect(lunette.connect({ targetName: OPEN, auth: { chap: array, mutual: array } })).rejects.toThrow(
      RangeError,
    )
  })
})

test('authentication that is asked for from now on: sessions stay, the next logins prove who they are', async () => {
  const open = await arrayForTest([memory()])
  const session = await open.connect()
  const target = { iqn: open.iqn, luns: [memory()] }
  const config = { data: open.data, portals: ['127.0.0.1:0'] }
  const changes = await open.running.reconfigure({
    ...config,
    discoveryAuth: { chap: finder },
    targets: [{ ...target, auth: { chap: alice } }],
  })
  expect(changes).toEqual([
    expect.stringMatching(/^iqn\S+: auth nothing -> .*"user":"alice"/),
    expect.stringMatching(/^discoveryAuth nothing -> .*"user":"finder"/),
  ])
  for (const { secret } of [alice, finder]) expect(changes.join()).not.toContain(secret)
  const { status } = await session.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })
  expect([STATUS.GOOD, STATUS.CHECK_CONDITION]).toContain(status)
  await expect(open.connect()).rejects.toMatchObject(FAILURE)
  await expect(discover({ host: '127.0.0.1', port: open.port })).rejects.toMatchObject(FAILURE)
  await open.connect({ auth: { chap: alice } })
  await open.running.reconfigure({ ...config, targets: [target] })
  await open.connect()
})
