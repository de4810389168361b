// How the commands that talk to a target are told a CHAP secret, and that none of their messages holds one.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alice, array as arrayAccount, ChapArray, finder, MUTUAL, ONE_WAY, OPEN } from '../target/chap-array.ts'
import { runHere } from './terminal.ts'

describe('CHAP', () => {
  let chap: ChapArray
  let folder: string
  beforeAll(async () => {
    chap = await ChapArray.open()
    folder = await mkdtemp(join(tmpdir(), 'lunette-cli-'))
    await writeFile(join(folder, 'alice'), `${alice.secret}\n`)
    await writeFile(join(folder, 'array'), arrayAccount.secret)
    await writeFile(join(folder, 'empty'), '\n')
  })
  afterAll(async () => {
    await chap.close()
    await rm(folder, { recursive: true })
  })
  const at = (iqn: string, account = '') => `iscsi://${account}127.0.0.1:${chap.port}/${iqn}/0`

  test.each<[string, (iqn: (word: string, account?: string) => string) => string[], NodeJS.ProcessEnv]>([
    ['in the URL', (of) => [of(ONE_WAY, `${alice.user}%${alice.secret}@`)], {}],
    ['in a file', (of) => [of(ONE_WAY), '--user', 'alice', '--secret-file', 'FOLDER/alice'], {}],
    ['in the environment', (of) => [of(ONE_WAY), '--user', 'alice', '--secret-env', 'MINE'], { MINE: alice.secret }],
    [
      "in libiscsi's variables",
      (of) => [of(ONE_WAY)],
      { LIBISCSI_CHAP_USERNAME: 'alice', LIBISCSI_CHAP_PASSWORD: alice.secret },
    ],
    ['on the command line', (of) => [of(ONE_WAY), '--user', 'alice', '--secret', alice.secret], {}],
    [
      'both directions, in files',
      (of) => [
        ...[of(MUTUAL), '--user', 'alice', '--secret-file', 'FOLDER/alice'],
        ...['--mutual-user', 'array', '--mutual-secret-file', 'FOLDER/array'],
      ],
      {},
    ],
    [
      "both directions, in libiscsi's variables",
      (of) => [of(MUTUAL)],
      {
        ...{ LIBISCSI_CHAP_USERNAME: 'alice', LIBISCSI_CHAP_PASSWORD: alice.secret },
        ...{ LIBISCSI_CHAP_TARGET_USERNAME: 'array', LIBISCSI_CHAP_TARGET_PASSWORD: arrayAccount.secret },
      },
    ],
  ])('a secret %s', async (_, words, env) => {
    const given = words(at).map((word) => word.replace('FOLDER', folder))
    const { code, stderr } = await runHere(['capacity', ...given], { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test.each<[string, string[], RegExp]>([
    [
      'nobody',
      [],
      /^127\.0\.0\.1:\d+: login refused: authentication failure \(0201\): it asks who you are; give --user/,
    ],
    [
      'a wrong secret',
      ['--user', 'alice', '--secret', 'not the secret'],
      /\(0201\): check the CHAP user and its secret\n$/,
    ],
    [
      'no file',
      ['--user', 'alice', '--secret-file', 'FOLDER/none'],
      /none: cannot be read \(there is no such file\)\n$/,
    ],
    [
      'an empty file',
      ['--user', 'alice', '--secret-file', 'FOLDER/empty'],
      /is empty: it should hold a CHAP secret\n$/,
    ],
    ['no variable', ['--user', 'alice', '--secret-env', 'NOBODY'], /variable NOBODY is not set: it should hold a CHAP/],
    [
      'another secret of the target',
      [
        ...['--user', 'alice', '--secret-file', 'FOLDER/alice'],
        ...['--mutual-user', 'array', '--mutual-secret-env', 'OTHER'],
      ],
      /check the users and secrets of both directions\n$/,
    ],
    [
      'one secret for both directions',
      [
        ...['--user', 'alice', '--secret-file', 'FOLDER/alice'],
        ...['--mutual-user', 'array', '--mutual-secret-file', 'FOLDER/alice'],
      ],
      /^one secret serves both directions, which CHAP forbids/,
    ],
  ])('%s: one sentence, exit 1, no secret in it', async (_, words, sentence) => {
    const given = words.map((word) => word.replace('FOLDER', folder))
    const env = { OTHER: 'some other secret' }
    const { code, stdout, stderr } = await runHere(['inquiry', at(MUTUAL), ...given], { env })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    for (const secret of [alice.secret, arrayAccount.secret, 'not the secret', env.OTHER])
      expect(stderr).not.toContain(secret)
  })

  test('discovery', async () => {
    const portal = `127.0.0.1:${chap.port}`
    expect(await runHere(['discover', portal])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('who you are'),
    })
    const words = ['discover', portal, '--user', finder.user, '--secret-env', 'FINDER', '--json']
    const { code, stdout } = await runHere(words, { env: { FINDER: finder.secret } })
    expect(code).toBe(0)
    expect(JSON.parse(stdout).targets.map(({ name }: { name: string }) => name)).toContain(OPEN)
  })

  test.each([['alice%SECRET@127.0.0.1:1'], ['iscsi://alice%SECRET@127.0.0.1:1']])(
    'discover %s: wrong usage, which is told without the secret',
    async (portal) => {
      const { code, stderr } = await runHere(['discover', portal])
      expect(code).toBe(2)
      expect(stderr).toContain('…@127.0.0.1:1')
      expect(stderr).not.toContain('SECRET')
    },
  )

  test('a URL with a secret is repeated without it', async () => {
    const { stdout } = await runHere(['vaai', 'status', at(ONE_WAY, `alice%${alice.secret}@`), '--json'])
    expect(JSON.parse(stdout).url).toBe(at(ONE_WAY))
    const { stderr } = await runHere(['inquiry', at(ONE_WAY, `alice%${alice.secret}@`).replace(/0$/, '7')])
    expect(stderr).toBe(`${at(ONE_WAY).replace(/0$/, '7')}: there is no LUN 7; the target has LUN 0\n`)
  })
})
