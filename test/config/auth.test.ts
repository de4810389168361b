// The keys of authentication: what they may be, where a secret may come from, and that no message shows one.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { describeChanges } from '../../src/config/changes.ts'
import { loadConfig } from '../../src/config/load.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { toYaml } from '../../src/config/print.ts'
import { RefusedConfig } from '../../src/config/problem.ts'
import type { ArrayConfig, ArrayInput } from '../../src/config/schema.ts'
import { requireSecrets } from '../../src/config/secrets.ts'

const SECRET = 'hunter2hunter2'
const FORMS = 'text of 12 to 255 bytes in quotes'
const alice = { user: 'alice', secret: SECRET }
const array = { user: 'array', secret: 'another secret' }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-auth-'))
  return () => rm(folder, { recursive: true })
})

const withAuth = (auth: unknown): ArrayInput => ({ targets: [{ auth, luns: [] }] }) as ArrayInput

/** What an input is refused with, from reading its keys to reading its secrets. */
async function refusal(input: ArrayInput): Promise<string> {
  try {
    await requireSecrets(parseConfig(input))
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('what is allowed', () => {
  test.each<[string, unknown]>([
    ['one-way', { chap: alice }],
    ['mutual', { chap: alice, mutual: array }],
    [
      'secrets of 12, 16 and 255 bytes',
      { chap: { ...alice, secret: 's'.repeat(12) }, mutual: { ...array, secret: 's'.repeat(16) } },
    ],
    ['a secret of 255 bytes', { chap: { ...alice, secret: 's'.repeat(255) } }],
    ['a secret of 6 characters that are 12 bytes', { chap: { ...alice, secret: 'éééééé' } }],
    ['some algorithms', { chap: alice, algorithms: ['SHA-256', 'MD5'] }],
    ['by initiator alone', { initiators: [{ name: 'iqn.2026-11.io.x:a', chap: alice }] }],
    ['by initiator too', { chap: alice, mutual: array, initiators: [{ name: 'iqn.*', chap: alice, mutual: 'none' }] }],
  ])('%s', async (_, auth) => {
    expect(await refusal(withAuth(auth))).toBe('accepted')
    const at = await refusal({ ...withAuth({ chap: alice }), discoveryAuth: auth } as ArrayInput)
    expect(at).toBe('accepted')
  })

  test('all algorithms unless some are named, the strongest first', () =>
    expect(parseConfig(withAuth({ chap: alice })).targets[0]?.auth?.algorithms).toEqual([
      'SHA3-256',
      'SHA-256',
      'SHA-1',
      'MD5',
    ]))

  test('what has been parsed is parsed to the same again', async () => {
    const once = parseConfig(withAuth({ chap: alice, mutual: array }))
    const again = await requireSecrets(parseConfig(once))
    expect(again.targets[0]?.auth?.chap?.secret?.bytes.toString()).toBe(SECRET)
  })
})

describe('what is wrong (RFC 7143 9.2.1)', () => {
  const found = (what: string, allowed: string) => `found ${what}; allowed: ${allowed}`
  const SOURCES = 'exactly one of secret, secretFile and secretEnv'

  test.each<[string, unknown, string]>([
    [
      'nothing in it',
      {},
      `: ${found('a mapping', 'chap, initiators or both (leave the whole key out for no authentication)')}`,
    ],
    [
      'mutual alone',
      { mutual: array },
      `: ${found('a mapping', 'chap, initiators or both (leave the whole key out for no authentication)')}`,
    ],
    [
      'text',
      `alice%${SECRET}`,
      `: ${found('text of 20 bytes', 'a mapping with the keys chap, mutual, algorithms, initiators')}`,
    ],
    [
      'text for an account',
      { chap: SECRET },
      `.chap: ${found('text of 14 bytes', 'a mapping with the keys user, secret, secretFile, secretEnv')}`,
    ],
    [
      'a secret of 11 bytes',
      { chap: { ...alice, secret: 'hunter2hunt' } },
      `.chap.secret: ${found('text of 11 bytes', FORMS)}`,
    ],
    [
      'a secret of 256 bytes',
      { chap: { ...alice, secret: SECRET.repeat(19).slice(0, 256) } },
      `.chap.secret: ${found('text of 256 bytes', FORMS)}`,
    ],
    [
      'a secret with a newline',
      { chap: { ...alice, secret: `${SECRET}\n` } },
      `.chap.secret: ${found('text of 15 bytes', FORMS)}`,
    ],
    [
      'a number for a secret',
      { chap: { ...alice, secret: 123456789012 } },
      `.chap.secret: ${found('a number', FORMS)}`,
    ],
    ['no secret', { chap: { user: 'alice' } }, `.chap: ${found('a mapping', SOURCES)}`],
    ['two secrets', { chap: { ...alice, secretFile: 'x' } }, `.chap: ${found('a mapping', SOURCES)}`],
    ['no user', { chap: { secret: SECRET } }, `.chap.user: ${found('nothing', 'a name of 1 to 255 bytes in quotes')}`],
    [
      'an empty user',
      { chap: { ...alice, user: '' } },
      `.chap.user: ${found('""', 'a name of 1 to 255 bytes in quotes')}`,
    ],
    [
      'a variable that is none',
      { chap: { user: 'a', secretEnv: 'A B' } },
      `.chap.secretEnv: ${found('"A B"', 'the name of an environment variable')}`,
    ],
    [
      'a wrong key',
      { chap: { ...alice, password: SECRET } },
      '.chap.password: unknown key; allowed: user, secret, secretFile, secretEnv',
    ],
    [
      'an algorithm that is none',
      { chap: alice, algorithms: ['SHA-2'] },
      `.algorithms[0]: ${found('"SHA-2"', 'SHA3-256, SHA-256, SHA-1, MD5')}`,
    ],
    [
      'no algorithm',
      { chap: alice, algorithms: [] },
      `.algorithms: ${found('an empty list', 'a list of SHA3-256, SHA-256, SHA-1, MD5')}`,
    ],
    [
      'no credentials for an initiator',
      { initiators: [{ name: 'iqn.*' }] },
      `.initiators[0].chap: ${found('nothing', 'a mapping with the keys user, secret, secretFile, secretEnv')}`,
    ],
    [
      'text for its mutual',
      { initiators: [{ name: 'iqn.*', chap: alice, mutual: SECRET }] },
      `.initiators[0].mutual: ${found('text of 14 bytes', 'none, or a mapping')}`,
    ],
    [
      'a short secret there',
      { initiators: [{ name: 'iqn.*', chap: alice, mutual: { ...array, secret: 'hunter2' } }] },
      `.initiators[0].mutual.secret: ${found('text of 7 bytes', FORMS)}`,
    ],
    [
      'one secret for both directions',
      { chap: alice, mutual: { ...array, secret: SECRET } },
      '.mutual: its secret is also one of chap; allowed: a secret of its own for each direction',
    ],
    [
      'the same of an initiator',
      { mutual: array, initiators: [{ name: 'iqn.*', chap: array }] },
      '.mutual: its secret is also one of chap; allowed: a secret of its own for each direction',
    ],
    [
      'the same by initiator',
      { initiators: [{ name: 'iqn.*', chap: alice, mutual: alice }] },
      '.initiators[0].mutual: its secret is also one of chap; allowed: a secret of its own for each direction',
    ],
  ])('%s', async (_, auth, message) => {
    expect(await refusal(withAuth(auth))).toBe(`targets[0].auth${message}`)
    expect(await refusal({ discoveryAuth: auth } as ArrayInput)).toBe(`discoveryAuth${message}`)
    expect(message).not.toContain('hunter2')
  })
})

describe('a secret that stands elsewhere', () => {
  async function file(text: string): Promise<string> {
    const path = join(folder, 'secret')
    await writeFile(path, text)
    return path
  }
  const read = async (account: object) =>
    (await requireSecrets(parseConfig(withAuth({ chap: { user: 'a', ...account } })))).targets[0]?.auth?.chap?.secret
  function variable(value: string): string {
    process.env.LUNETTE_TEST_SECRET = value
    onTestFinished(() => void delete process.env.LUNETTE_TEST_SECRET)
    return 'LUNETTE_TEST_SECRET'
  }

  test.each(['', '\n', '\r\n'])('a file that ends with %j', async (end) => {
    expect((await read({ secretFile: await file(`${SECRET}${end}`) }))?.bytes.toString()).toBe(SECRET)
  })

  test('an environment variable', async () => {
    expect((await read({ secretEnv: variable(SECRET) }))?.bytes.toString()).toBe(SECRET)
  })

  test('is read anew each time: a secret can be changed', async () => {
    const config = parseConfig(withAuth({ chap: { user: 'a', secretFile: await file(SECRET) } }))
    const before = await requireSecrets(config)
    await file('something else')
    const after = await requireSecrets(config)
    expect(describeChanges(before, after)).toEqual(['iqn.2026-11.io.lunette:array1: auth.chap.secret changed'])
  })

  test.each<[string, () => Promise<object>, string]>([
    [
      'no such file',
      async () => ({ secretFile: '/nowhere/secret' }),
      'secretFile: /nowhere/secret: cannot be read (there is no such file)',
    ],
    [
      'a file that is too short',
      async () => ({ secretFile: await file('hunter2') }),
      `holds 7 bytes; allowed: ${FORMS}, on one line`,
    ],
    [
      'a file of several lines',
      async () => ({ secretFile: await file(`${SECRET}\n${SECRET}\n`) }),
      `holds 29 bytes; allowed: ${FORMS}, on one line`,
    ],
    [
      'no such variable',
      async () => ({ secretEnv: 'LUNETTE_NOT_THERE' }),
      'secretEnv: the environment variable LUNETTE_NOT_THERE is not set',
    ],
    [
      'a variable that is too short',
      async () => ({ secretEnv: variable('hunter2') }),
      'LUNETTE_TEST_SECRET holds 7 bytes',
    ],
  ])('%s', async (_, account, message) => {
    const config = parseConfig(withAuth({ chap: { user: 'a', ...(await account()) } }))
    await expect(requireSecrets(config)).rejects.toThrow(RefusedConfig)
    await expect(requireSecrets(config)).rejects.toThrow(message)
    await expect(requireSecrets(config)).rejects.not.toThrow(/hunter2/)
  })

  test('a file named by a configuration file is seen from there, and what is wrong with it has its line', async () => {
    const path = join(folder, 'a.yaml')
    const text = (name: string) => `targets:\n  - auth:\n      chap: { user: a, secretFile: ${name} }\n`
    await file(SECRET)
    await writeFile(path, text('secret'))
    expect((await loadConfig(path)).targets[0]?.auth?.chap).toEqual({ user: 'a', secretFile: join(folder, 'secret') })
    await writeFile(path, text('other'))
    await expect(loadConfig(path)).rejects.toThrow(
      `${path}:3:36: targets[0].auth.chap.secretFile: ${join(folder, 'other')}: cannot be read (there is no such file)`,
    )
  })

  test('a number in a configuration file is not repeated', async () => {
    const path = join(folder, 'b.yaml')
    await writeFile(path, 'targets:\n  - auth:\n      chap: { user: a, secret: 271828182845 }\n')
    await expect(loadConfig(path)).rejects.toThrow(
      `${path}:3:32: targets[0].auth.chap.secret: found a number; allowed:`,
    )
  })
})

describe('what shows a configuration', () => {
  const config = async (...secrets: string[]): Promise<ArrayConfig> =>
    requireSecrets(
      parseConfig({
        discoveryAuth: { chap: { user: 'finder', secret: secrets[0] as string } },
        targets: [{ luns: [], auth: { chap: { user: 'alice', secret: secrets[1] as string } } }],
      }),
    )

  test('shows no secret: YAML, JSON, a debugger, text', async () => {
    const given = await config(SECRET, SECRET)
    const secret = given.discoveryAuth?.chap?.secret
    for (const shown of [
      toYaml(given),
      JSON.stringify(given),
      inspect(given, { depth: 9, showHidden: true }),
      `${secret}`,
    ]) {
      expect(shown).not.toContain('hunter2')
      expect(shown).toContain('********')
    }
  })

  test('the changes of a reload tell that a secret has changed, and which account has gone or come', async () => {
    const before = await config(SECRET, SECRET)
    expect(describeChanges(before, await config(SECRET, SECRET))).toEqual([])
    expect(describeChanges(before, await config('hunter3hunter3', SECRET))).toEqual([
      'discoveryAuth.chap.secret changed',
    ])
    const { discoveryAuth, ...rest } = before
    const gone = describeChanges(before, rest)
    expect(gone).toEqual([expect.stringMatching(/^discoveryAuth \{.*"user":"finder".*\} -> nothing$/)])
    expect(gone.join()).not.toContain('hunter2')
  })
})
