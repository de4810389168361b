// lunette serve with CHAP, as a process: a secret in a file, another one after SIGHUP, and none in anything that is printed.

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/host/index.ts'
import { SECRETS } from '../secrets.ts'
import { type Started, start } from './lunette.ts'

const IQN = 'iqn.2026-11.io.lunette:array1'
const { first: FIRST, second: SECOND, mutual: MUTUAL } = SECRETS
const CONFIG = `data: ./data
targets:
  - auth:
      chap: { user: alice, secretFile: alice.secret }
      mutual: { user: array, secretEnv: ARRAY_SECRET }
    luns: [{ size: 8MiB, store: { type: memory } }]
`

let folder: string
let array: Started
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-chap-'))
})
afterEach(() => rm(folder, { recursive: true }))

const file = (name: string) => join(folder, name)

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await what())) {
    if (array.process.exitCode !== null) throw new Error(`serve has ended: ${array.stderr()}`)
    await sleep(10)
  }
}

/** Sends SIGHUP; the messages until the reload is over. */
async function reload(): Promise<string> {
  const before = array.stderr().length
  array.process.kill('SIGHUP')
  await until(() => /reloaded/.test(array.stderr().slice(before)))
  return array.stderr().slice(before)
}

test('the secret of a file, another one after SIGHUP, and no trace of either', async () => {
  await writeFile(file('a.yaml'), CONFIG)
  await writeFile(file('alice.secret'), `${FIRST}\n`)
  const words = ['serve', '--config', 'a.yaml', '--portal', '127.0.0.1:0', '--ready-file', 'ready', '--json']
  array = start([...words, '--log-level', 'trace'], { cwd: folder, env: { ARRAY_SECRET: MUTUAL } })
  await until(() =>
    stat(file('ready')).then(
      () => true,
      () => false,
    ),
  )
  const [portal = ''] = (JSON.parse(await readFile(file('ready'), 'utf8')) as { portals: string[] }).portals
  const attempt = async (secret: string) => {
    const auth = { chap: { user: 'alice', secret }, mutual: { user: 'array', secret: MUTUAL } }
    const port = Number(portal.split(':').at(-1))
    await (await connect({ host: '127.0.0.1', port, targetName: IQN, auth })).logout()
  }
  await attempt(FIRST)
  await expect(attempt(SECOND)).rejects.toMatchObject({ statusClass: 2, statusDetail: 1 })
  await writeFile(file('alice.secret'), SECOND)
  expect(await reload()).toContain(`${IQN}: auth.chap.secret changed`)
  await attempt(SECOND)
  await expect(attempt(FIRST)).rejects.toMatchObject({ statusClass: 2, statusDetail: 1 })
  await writeFile(file('alice.secret'), 'too short')
  expect(await reload()).toContain('a.yaml:4:40: targets[0].auth.chap.secretFile: ')
  await attempt(SECOND)
  array.process.kill('SIGTERM')
  const { code, stdout, stderr } = await array.ended
  expect(code).toBe(0)
  expect(JSON.parse(stdout).targets[0].authentication).toBe('mutual CHAP')
  const refusals = stderr.split('\n').filter((line) => line.includes('login refused'))
  expect(refusals).toHaveLength(2)
  for (const line of refusals) expect(JSON.parse(line).reason).toBe('CHAP: wrong response for user "alice"')
  expect(stdout + stderr).not.toContain('too short') // nor any of SECRETS: start() sees to that
})
