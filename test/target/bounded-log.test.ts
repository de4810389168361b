// What a flood may write: each address and all of them so many lines in ten seconds, the rest by its number.

import { EventEmitter, once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { LOGIN_STAGE } from '../../protocol/index.ts'
import { createLogger } from '../../src/log.ts'
import { BoundedLog } from '../../src/target/bounded-log.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { text } from './raw.ts'

type Line = Record<string, unknown> & { readonly msg: string }

const { logSeconds, logComplaints, logNotices, logAddresses } = LIMITS
const ONE = '192.0.2.1'
const TWO = '192.0.2.2'

function recorder(level: 'error' | 'info' | 'debug' = 'info') {
  const written: Line[] = []
  const news = new EventEmitter()
  const write = (line: string) => {
    const parsed = JSON.parse(line) as Line
    written.push(parsed)
    news.emit(parsed.msg)
  }
  return { logger: createLogger(level, { write }, false), lines: () => written.splice(0), news }
}

function bounded(level?: 'error' | 'info' | 'debug') {
  const { logger, lines } = recorder(level)
  const log = new BoundedLog(logger)
  const refuse = (address: string, count = 1) => {
    for (let i = 0; i < count; i++)
      log.of(address, { peer: `${address}:${i}` }).warn({ reason: 'late' }, 'login refused')
  }
  const pass = () => {
    for (let second = 0; second < logSeconds; second++) log.tick()
  }
  return { log, lines, refuse, pass }
}

/** Distinct addresses. */
const address = (index: number) => `2001:db8::${index.toString(16)}`

describe('the log of connections', () => {
  test('a line carries its bindings and what it says', () => {
    const { lines, refuse } = bounded()
    refuse(ONE)
    expect(lines()).toEqual([
      expect.objectContaining({ level: 'warn', peer: `${ONE}:0`, reason: 'late', msg: 'login refused' }),
    ])
  })

  test('an address has so many lines; the rest is one line with their number when the time is over', () => {
    const { lines, refuse, pass } = bounded()
    refuse(ONE, logComplaints.perAddress + 4312)
    expect(lines()).toHaveLength(logComplaints.perAddress)
    pass()
    expect(lines()).toEqual([
      expect.objectContaining({
        level: 'warn',
        address: ONE,
        more: 4312,
        messages: { 'login refused': 4312 },
        msg: `and 4,312 more like these from ${ONE} in the last ${logSeconds} s`,
      }),
    ])
  })

  test('the next stretch begins anew, and a quiet one says nothing', () => {
    const { lines, refuse, pass } = bounded()
    refuse(ONE, logComplaints.perAddress + 1)
    pass()
    lines()
    refuse(ONE)
    expect(lines()).toHaveLength(1)
    pass()
    expect(lines()).toEqual([])
  })

  test('another address is heard beside the flood of one', () => {
    const { lines, refuse } = bounded()
    refuse(ONE, 10_000)
    lines()
    refuse(TWO)
    expect(lines()).toMatchObject([{ peer: `${TWO}:0` }])
  })

  test('who logs in is told beside a flood of refusals', () => {
    const { log, lines, refuse } = bounded()
    for (let i = 0; i < 10_000; i++) refuse(address(i))
    lines()
    log.of(TWO, {}).info({ tsih: 1 }, 'login')
    expect(lines()).toMatchObject([{ msg: 'login' }])
  })

  test('many addresses: so many lines in all, so many told one by one, the others by one number', () => {
    const { lines, refuse, pass } = bounded()
    for (let i = 0; i < 10_000; i++) refuse(address(i))
    expect(lines()).toHaveLength(logComplaints.inAll)
    pass()
    const told = lines()
    expect(told).toHaveLength(logAddresses + 1)
    expect(told.at(-1)).toMatchObject({
      address: 'other addresses',
      more: 10_000 - logComplaints.inAll - logAddresses,
      msg: expect.stringMatching(/^and 9,780 more like these from other addresses/),
    })
  })

  test('different lines of an address are counted each', () => {
    const { log, lines, refuse, pass } = bounded()
    refuse(ONE, logComplaints.perAddress)
    for (let i = 0; i < logNotices.perAddress + 3; i++) log.of(ONE, {}).info({}, 'dropping connection')
    refuse(ONE, 2)
    lines()
    pass()
    expect(lines()).toMatchObject([{ more: 5, messages: { 'login refused': 2, 'dropping connection': 3 } }])
  })

  test('what ends the array tells what was held back', () => {
    const { log, lines, refuse } = bounded()
    refuse(ONE, logComplaints.perAddress + 1)
    lines()
    log.flush()
    expect(lines()).toMatchObject([{ more: 1 }])
  })

  test('lines below the level are neither written nor counted', () => {
    const { lines, refuse, pass } = bounded('error')
    refuse(ONE, 10_000)
    pass()
    expect(lines()).toEqual([])
  })

  test('at level debug, which somebody has asked for, nothing is held back', () => {
    const { log, lines, refuse } = bounded('debug')
    for (let i = 0; i < 1000; i++) log.of(ONE, {}).debug({}, 'connection closed')
    refuse(ONE, 1000)
    expect(lines()).toHaveLength(2000)
  })
})

const HOST = 'iqn.2026-11.com.example:host'

describe('an array', () => {
  test('a flood of refused logins writes so many lines, and a login under it is told', async () => {
    const { logger, lines } = recorder()
    const built = await handBuilt([new HeldStore()], {}, {}, undefined, { log: logger })
    const flood = 3 * logComplaints.perAddress
    for (let i = 0; i < flood; i++) {
      const raw = await built.raw()
      await raw.loginStep(text({ InitiatorName: HOST, TargetName: 'iqn.2026-11.io.lunette:nowhere' }), {})
      await raw.expectClosed()
    }
    await built.connect()
    const before = lines()
    expect(before.filter(({ msg }) => msg === 'login refused')).toHaveLength(logComplaints.perAddress)
    expect(before.filter(({ msg }) => msg === 'login')).toHaveLength(1)
    for (let second = 0; second < logSeconds; second++) built.host.tick()
    expect(lines()).toMatchObject([{ address: '127.0.0.1', more: flood - logComplaints.perAddress }])
  })

  test('a login that its initiator gives up is one line with who and to what', async () => {
    const { logger, lines, news } = recorder()
    const built = await handBuilt([new HeldStore()], {}, {}, undefined, { log: logger })
    const raw = await built.raw()
    const names = text({ InitiatorName: HOST, TargetName: built.target.iqn })
    await raw.loginStep(names, { currentStage: LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION })
    const told = once(news, 'login given up')
    raw.destroy()
    await told
    const wanted = {
      msg: 'login given up',
      reason: 'closed by the initiator',
      initiator: HOST,
      target: built.target.iqn,
    }
    expect(lines()).toEqual([expect.objectContaining({ level: 'warn', ...wanted })])
  })

  test('a connection that says nothing and goes is no news', async () => {
    const { logger, lines } = recorder()
    const built = await handBuilt([new HeldStore()], {}, {}, undefined, { log: logger })
    const raw = await built.raw()
    raw.destroy()
    await built.connect()
    await built.close()
    expect(lines().filter(({ level }) => level === 'warn')).toEqual([])
  })
})
