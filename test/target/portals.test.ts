// Portals as initiators reach them: IPv6, wildcards, public addresses, and what discovery tells to whom (RFC 7143 appendix C);
// targets that have moved, and an array that closes (RFC 7143 11.13.5).

import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  LOGIN_STAGE,
  LOGIN_STATUS,
  type LoginStatus,
  STATUS,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import { connect, discover } from '../../src/host/index.ts'
import type { ArrayInput } from '../../src/index.ts'
import { addressesFor, type OpenPortal } from '../../src/target/portal-addresses.ts'
import { arrayForTest, memory, type TestArray } from './array.ts'
import { pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { portOf } from './paths.ts'
import { keysOf, text } from './raw.ts'
import { change, quiet } from './reconfiguring.ts'
import { loggedIn, OUT, ones, WRITE } from './tasks.ts'

const HOST = 'iqn.2026-11.com.example:host'
/** Where a machine has none, nothing can be tried on it. */
const noIpv6 = !Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

const withPortals = (portals: NonNullable<ArrayInput['portals']>): Promise<TestArray> =>
  arrayForTest([memory()], {}, { portals, targets: [{ luns: [memory()] }] })

const refused = ({ statusClass, statusDetail }: LoginStatus) => ({ statusClass, statusDetail })

describe.skipIf(noIpv6)('IPv6 (skipped on a machine without ::1)', () => {
  test('login, data and discovery over [::1]: the address stands in brackets', async () => {
    const array = await withPortals(['[::1]:0'])
    expect(array.running.portals[0]).toBe(`[::1]:${array.port}`)
    const disk = await array.disk(0, { host: '::1' })
    await disk.write(0, pattern(4096, 1))
    expect((await disk.read(0, 8)).equals(pattern(4096, 1))).toBe(true)
    const raw = await array.raw('::1')
    await raw.login(undefined)
    expect(keysOf(await raw.text({ SendTargets: 'All' }))).toEqual({
      TargetName: array.iqn,
      TargetAddress: `[::1]:${array.port},1`,
    })
  })

  test('both families on one array: two portals of one target, each told', async () => {
    const array = await withPortals(['127.0.0.1:0', '[::1]:0'])
    const [v4, v6] = [0, 1].map((index) => portOf(array, index)) as [number, number]
    for (const from of [
      { host: '127.0.0.1', port: v4 },
      { host: '::1', port: v6 },
    ])
      expect(await discover(from)).toMatchObject([
        {
          addresses: [
            { host: '127.0.0.1', port: v4, tag: 1 },
            { host: '::1', port: v6, tag: 2 },
          ],
        },
      ])
  })

  test('[::] takes both families, and tells each the address that it has come to', async () => {
    const { port } = await withPortals(['[::]:0'])
    for (const host of ['127.0.0.1', '::1'])
      expect(await discover({ host, port })).toMatchObject([{ addresses: [{ host, port, tag: 1 }] }])
  })

  test('0.0.0.0 and [::] with one port stand beside each other, each for its family', async () => {
    const { port } = await withPortals(['127.0.0.1:0']).then(async (array) => {
      await array.close()
      return array
    })
    const array = await withPortals([`0.0.0.0:${port}`, `[::]:${port}`])
    const both = [
      { host: '127.0.0.1', port, tag: 1 },
      { host: '::1', port, tag: 2 },
    ]
    for (const host of ['127.0.0.1', '::1']) {
      expect(await discover({ host, port })).toMatchObject([{ addresses: both }])
      await array.connect({ host, port })
    }
  })
})

describe('which addresses are told', () => {
  const portal = (host: string, more: Partial<OpenPortal> = {}): OpenPortal => ({
    listens: { host, port: 3260 },
    dual: false,
    told: undefined,
    ...more,
  })
  const all = [portal('10.0.0.5'), portal('0.0.0.0'), portal('::'), portal('127.0.0.1'), portal('::1')]
  const told = (localAddress: string, remoteAddress: string, portals = all) =>
    addressesFor({ localAddress, remoteAddress }, portals, [...portals.keys()]).map(({ host, tag }) => `${host},${tag}`)

  test('to another machine: no loopback address, no wildcard of the other family', () => {
    expect(told('10.0.0.5', '10.0.0.9')).toEqual(['10.0.0.5,1', '10.0.0.5,2'])
    expect(told('2001:db8::5', '2001:db8::9')).toEqual(['10.0.0.5,1', '2001:db8::5,3'])
  })

  test('to this machine: everything, as it reaches itself', () => {
    expect(told('127.0.0.1', '127.0.0.1')).toEqual(['10.0.0.5,1', '127.0.0.1,2', '::1,3', '127.0.0.1,4', '::1,5'])
  })

  test('an IPv6 wildcard that takes IPv4 too', () => {
    expect(told('10.0.0.5', '10.0.0.9', [portal('::', { dual: true })])).toEqual(['10.0.0.5,1'])
  })

  test('a public address in place of whatever is listened on', () => {
    const behind = portal('127.0.0.1', { told: { host: 'array.example', port: 860 } })
    expect(told('10.0.0.5', '10.0.0.9', [behind])).toEqual(['array.example,1'])
  })
})

describe('a public address', () => {
  test('is what discovery tells, and changes while the array runs', async () => {
    const listen = '127.0.0.1:0'
    const array = await withPortals([{ listen, public: 'array.example:3260' }])
    const told = async () => (await discover({ host: '127.0.0.1', port: array.port }))[0]?.addresses
    expect(await told()).toEqual([{ host: 'array.example', port: 3260, tag: 1 }])
    const next = (portal: NonNullable<ArrayInput['portals']>[number]): ArrayInput => ({
      data: array.data,
      portals: [portal],
      targets: [{ luns: [memory()] }],
    })
    await array.running.reconfigure(next({ listen, public: '[2001:db8::1]:860' }))
    expect(await told()).toEqual([{ host: '2001:db8::1', port: 860, tag: 1 }])
    await array.running.reconfigure(next(listen))
    expect(await told()).toEqual([{ host: '127.0.0.1', port: array.port, tag: 1 }])
    await expect(array.running.reconfigure(next({ listen: '127.0.0.1:1', public: 'a:1' }))).rejects.toThrow(
      'portals[0]: found "127.0.0.1:1"; allowed: 127.0.0.1:0 (on the running array',
    )
  })
})

describe('a target whose initiators are given with wildcards', () => {
  test('is told to them alone, and admits nobody else', async () => {
    const array = await arrayForTest([memory()], { initiators: ['iqn.2026-11.com.Example:*'] })
    const names = async (initiatorName: string) =>
      (await discover({ host: '127.0.0.1', port: array.port, initiatorName })).map(({ name }) => name)
    expect(await names(HOST)).toEqual([array.iqn])
    await array.connect({ initiatorName: HOST })
    for (const initiatorName of ['iqn.2026-11.com.example', 'iqn.2026-11.com.examples:host', 'eui.0123456789abcdef']) {
      expect(await names(initiatorName)).toEqual([])
      await expect(array.connect({ initiatorName })).rejects.toMatchObject(refused(LOGIN_STATUS.AUTHORIZATION_FAILURE))
    }
  })

  test('in full feature phase of a normal session, too: no other target that is not for the asker', async () => {
    const hidden = 'iqn.2026-11.com.example:hidden'
    const array = await arrayForTest(
      [memory()],
      {},
      {
        targets: [{ luns: [memory()] }, { iqn: hidden, initiators: ['eui.*'], luns: [] }],
      },
    )
    const raw = await array.raw()
    await raw.login(array.iqn)
    expect(await raw.text({ SendTargets: hidden })).toEqual(Buffer.alloc(0))
    expect(keysOf(await raw.text({ SendTargets: '' })).TargetName).toBe(array.iqn)
  })
})

describe('a target that has moved (RFC 7143 11.13.5)', () => {
  test.each([
    [false, LOGIN_STATUS.TARGET_MOVED_TEMPORARILY],
    [true, LOGIN_STATUS.TARGET_MOVED_PERMANENTLY],
  ])('permanent %s: $text, with a TargetAddress that has no portal group tag', async (permanent, status) => {
    const array = await arrayForTest([memory()], { redirect: { to: '[2001:db8::1]:860', permanent } })
    const raw = await array.raw()
    const { header, data } = await raw.loginStep(text({ InitiatorName: HOST, TargetName: array.iqn }), {
      transit: true,
      currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
      nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE,
    })
    expect(header).toMatchObject({ ...refused(status), transit: false, tsih: 0 })
    expect(keysOf(data)).toEqual({ TargetAddress: '[2001:db8::1]:860' })
    await raw.expectClosed()
  })

  test('the initiator hears where, and reaches it there', async () => {
    const there = await arrayForTest([memory()])
    const here = await arrayForTest([memory()], { redirect: { to: `127.0.0.1:${there.port}` } })
    const error = await here.connect().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      ...refused(LOGIN_STATUS.TARGET_MOVED_TEMPORARILY),
      movedTo: { host: '127.0.0.1', port: there.port },
    })
    await there.connect({ targetName: here.iqn })
  })

  test('discovery tells it here, as before; who may not log in hears that, and not where it is', async () => {
    const array = await arrayForTest([memory()], { redirect: { to: 'b:1' }, initiators: [HOST] })
    const own = await discover({ host: '127.0.0.1', port: array.port, initiatorName: HOST })
    expect(own).toMatchObject([{ addresses: [{ host: '127.0.0.1', port: array.port }] }])
    await expect(array.connect()).rejects.toMatchObject({
      ...refused(LOGIN_STATUS.AUTHORIZATION_FAILURE),
      movedTo: undefined,
    })
  })

  test('while the array runs: its sessions end, and their next logins are sent there', async () => {
    const array = await arrayForTest([memory()])
    const disk = await quiet(array, [0])
    await change(array, [memory()], { redirect: { to: 'b.example:3260' } })
    await disk.session.closed
    await expect(array.connect()).rejects.toMatchObject({ movedTo: { host: 'b.example', port: 3260 } })
    await change(array, [memory()])
    await array.connect()
  })
})

describe('an array that closes', () => {
  test('a login while commands end: service unavailable (0301); the commands are answered', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await loggedIn(built)
    const halfway = await built.raw()
    await halfway.loginStep(text({ InitiatorName: HOST, TargetName: built.target.iqn }), {
      currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
    })
    store.hold()
    raw.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    const closed = built.host.close()
    await expect(built.connect()).rejects.toMatchObject(refused(LOGIN_STATUS.SERVICE_UNAVAILABLE))
    const { header } = await halfway.loginStep(Buffer.alloc(0), {
      transit: true,
      currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION,
      nextStage: LOGIN_STAGE.FULL_FEATURE_PHASE,
    })
    expect(header).toMatchObject(refused(LOGIN_STATUS.SERVICE_UNAVAILABLE))
    store.release()
    const { header: asked } = await raw.take(TARGET_OPCODE.ASYNC_MESSAGE)
    expect(asked.asyncEvent).toBe(ASYNC_EVENT.LOGOUT_REQUESTED)
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    raw.destroy()
    await closed
  })

  test('connections that have not logged in are not waited for', async () => {
    const built = await handBuilt([new HeldStore()])
    const idle = await Promise.all(Array.from({ length: 10 }, () => built.raw()))
    await built.connect().then((session) => session.logout())
    await built.host.close()
    await Promise.all(idle.map((raw) => raw.expectClosed()))
    await expect(connect({ host: '127.0.0.1', port: built.port, targetName: built.target.iqn })).rejects.toThrow()
  })
})
