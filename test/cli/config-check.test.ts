// lunette config check FILE.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { SECRETS } from '../secrets.ts'
import { lunette, requireBuild } from './lunette.ts'

let folder: string
beforeAll(async () => {
  requireBuild()
  folder = await mkdtemp(join(tmpdir(), 'lunette-check-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function given(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

describe('a configuration that is right', () => {
  test('is printed as YAML that loads again to the same thing', async () => {
    const path = await given('a.yaml', 'targets:\n- luns:\n  - { size: 64MiB, store: { type: memory } }\n')
    const { code, stdout, stderr } = await lunette(['config', 'check', path])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('        size: 64MiB\n')
    const again = await given('b.yaml', stdout)
    expect(await loadConfig(again)).toEqual(await loadConfig(path))
    expect((await lunette(['config', 'check', again])).stdout).toBe(stdout)
  })

  test('--json: one line for programs, sizes in bytes', async () => {
    const path = await given('c.yaml', '{}')
    const { code, stdout } = await lunette(['config', 'check', path, '--json'])
    expect(code).toBe(0)
    expect(stdout.match(/\n/g)).toHaveLength(1)
    expect(JSON.parse(stdout)).toEqual(await loadConfig(path))
    expect(JSON.parse(stdout).targets[0].luns[0].size).toBe(10 * 2 ** 30)
  })

  test('secrets are masked, those from elsewhere are not shown, and what is printed is no configuration to serve', async () => {
    await writeFile(join(folder, 'array.secret'), `${SECRETS.array}\n`)
    const path = await given(
      'auth.yaml',
      `discoveryAuth: { chap: { user: finder, secretEnv: FINDER_SECRET } }
targets:
  - auth:
      chap: { user: alice, secret: "${SECRETS.alice}" }
      mutual: { user: array, secretFile: array.secret }
`,
    )
    const env = { FINDER_SECRET: SECRETS.finder }
    const yaml = await lunette(['config', 'check', path], { env })
    expect(yaml).toMatchObject({ code: 0, stderr: '' })
    expect(yaml.stdout).toContain('        user: alice\n        secret: "********"\n')
    expect(yaml.stdout).toContain(`        user: array\n        secretFile: ${join(folder, 'array.secret')}\n`)
    const json = await lunette(['config', 'check', path, '--json'], { env })
    expect(JSON.parse(json.stdout)).toMatchObject({
      discoveryAuth: { chap: { user: 'finder', secretEnv: 'FINDER_SECRET' } },
      targets: [{ auth: { chap: { user: 'alice', secret: '********' } } }],
    })
    const again = await given('again.yaml', yaml.stdout)
    const { code, stderr } = await lunette(['config', 'check', again], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('targets[0].auth.chap.secret: found text of 8 bytes; allowed: text of 12 to 255 bytes')
  })

  test('nothing is made or touched', async () => {
    const path = await given('d.yaml', 'data: ./made\n')
    await lunette(['config', 'check', path])
    await expect(readFile(join(folder, 'made', 'state.json'))).rejects.toThrow('ENOENT')
  })
})

describe('a configuration that is wrong', () => {
  test('every error on its line, and nothing else; exit 1', async () => {
    await given(
      'wrong.yaml',
      'targets:\n  - luns:\n      - id: 0\n      - id: 1\n        blockSize: 1024\n    login: {}\n',
    )
    expect(await lunette(['config', 'check', 'wrong.yaml'], { cwd: folder })).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: [
        'wrong.yaml:5:20: targets[0].luns[1].blockSize: found 1024; allowed: 512, 4096\n',
        'wrong.yaml:6:5: targets[0].login: unknown key; allowed: iqn, portals, auth, initiators, redirect, abortFinished, luns\n',
      ].join(''),
    })
  })
  test('a file that is not there: exit 1', async () =>
    expect(await lunette(['config', 'check', 'nowhere.yaml'], { cwd: folder })).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: 'nowhere.yaml: cannot be read (there is no such file)\n',
    }))
})
