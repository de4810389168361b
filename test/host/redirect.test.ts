// A target that has moved (RFC 7143 11.13.5, status class 1), and a first login that fails.

import { describe, expect, test } from 'vitest'
import { INITIATOR_OPCODE, KEYS, parseText, RESERVED_TAG, TARGET_OPCODE } from '../../protocol/index.ts'
import { discover, LoginRefusedError, openTarget, RedirectError, UnreachableError } from '../../src/host/index.ts'
import { PROMPT } from './nexus-fixture.ts'
import { ScriptedTarget, textOf } from './scripted-target.ts'

describe('the target has moved (status class 1)', () => {
  const name = 'iqn.2026-11.io.lunette:t'
  const OF_DISCOVERY = Object.fromEntries(
    Object.entries(PROMPT).filter(([key]) => !('irrelevantInDiscovery' in KEYS[key as keyof typeof KEYS])),
  )
  const MOVED_FOR_NOW = 1
  const MOVED_FOR_GOOD = 2

  async function redirect(from: ScriptedTarget, to: ScriptedTarget, statusDetail: number): Promise<void> {
    const end = await from.accept()
    const fields = { statusClass: 1, statusDetail, transit: false }
    end.answerLogin(await end.takeLogin(), fields, textOf({ TargetAddress: `127.0.0.1:${to.port}` }))
  }

  test.each([
    ['for now: the next login begins at the old place', MOVED_FOR_NOW, 'old'],
    ['for good: the next login begins at the new place', MOVED_FOR_GOOD, 'new'],
  ])('%s', async (_, detail, next) => {
    const [old, place] = [await ScriptedTarget.listen(), await ScriptedTarget.listen()]
    const opening = openTarget({ host: '127.0.0.1', port: old.port, targetName: name })
    await redirect(old, place, detail)
    const target = await place.accept()
    await target.login(PROMPT)
    const nexus = await opening
    target.destroy()
    const again = await (next === 'old' ? old : place).accept()
    expect((await again.takeLogin()).header.tsih).toBe(0)
    nexus.destroy()
  })

  test('in a circle: RedirectError with the way', async () => {
    const [one, two] = [await ScriptedTarget.listen(), await ScriptedTarget.listen()]
    const opening = openTarget({ host: '127.0.0.1', port: one.port, targetName: name })
    opening.catch(() => {})
    for (let times = 0; times < 9; times++) await redirect(times % 2 ? two : one, times % 2 ? one : two, MOVED_FOR_NOW)
    await expect(opening).rejects.toBeInstanceOf(RedirectError)
    await expect(opening).rejects.toThrow(`127.0.0.1:${one.port}, then 127.0.0.1:${two.port}`)
  })

  test('discovery goes there as well', async () => {
    const [old, place] = [await ScriptedTarget.listen(), await ScriptedTarget.listen()]
    const found = discover({ host: '127.0.0.1', port: old.port })
    await redirect(old, place, MOVED_FOR_NOW)
    const target = await place.accept()
    await target.login(OF_DISCOVERY)
    const { header } = await target.take(INITIATOR_OPCODE.TEXT_REQUEST)
    const { initiatorTaskTag } = header
    const data = textOf({ TargetName: name })
    target.say(
      TARGET_OPCODE.TEXT_RESPONSE,
      { initiatorTaskTag, targetTransferTag: RESERVED_TAG, final: true },
      { data },
    )
    await target.take(INITIATOR_OPCODE.LOGOUT_REQUEST)
    target.destroy() // what was asked for has come all the same
    expect(await found).toMatchObject([{ name }])
  })
})

describe('the first login', () => {
  test('fails at once where it cannot be made', async () => {
    const targetName = 'iqn.2026-11.io.lunette:t'
    const server = await ScriptedTarget.listen()
    const opening = openTarget({ host: '127.0.0.1', port: server.port, targetName })
    opening.catch(() => {})
    const target = await server.accept()
    target.answerLogin(await target.takeLogin(), { statusClass: 3, statusDetail: 1, transit: false })
    await expect(opening).rejects.toBeInstanceOf(LoginRefusedError)
    await expect(openTarget({ host: '127.0.0.1', port: 1, targetName })).rejects.toBeInstanceOf(UnreachableError)
  })

  test('a target that fails over the CHAP algorithms is offered the one that all have; a wrong secret is not tried twice', async () => {
    const server = await ScriptedTarget.listen()
    const auth = { chap: { user: 'alice', secret: 'twelve bytes' } }
    const opening = openTarget({ host: '127.0.0.1', port: server.port, targetName: 'iqn.2026-11.io.lunette:t', auth })
    opening.catch(() => {})
    const offers: string[] = []
    for (const statusDetail of [0, 1]) {
      const target = await server.accept()
      target.answerLogin(
        await target.takeLogin(),
        { transit: false },
        textOf({ AuthMethod: 'CHAP', TargetPortalGroupTag: '1' }),
      )
      const asked = await target.takeLogin()
      offers.push(parseText(asked.data).find(({ key }) => key === 'CHAP_A')!.value)
      target.answerLogin(asked, { statusClass: 2, statusDetail, transit: false })
    }
    await expect(opening).rejects.toThrow('authentication failure')
    expect(offers).toEqual(['8,7,6,5', '5'])
  })

  test('CHAP algorithms that are none', async () => {
    const chap = { user: 'alice', secret: 'twelve bytes' }
    for (const algorithms of [['SHA1'], []])
      await expect(
        openTarget({
          host: '127.0.0.1',
          targetName: 'iqn.2026-11.io.lunette:t',
          auth: { chap, algorithms: algorithms as 'MD5'[] },
        }),
      ).rejects.toThrow('auth: the CHAP algorithms are SHA3-256, SHA-256, SHA-1, MD5')
  })
})
