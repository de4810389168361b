// What an operator meets when an image cannot be opened: one sentence, which image, why, what to do.

import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linux } from '../../luns/linux.ts'
import { openStore } from '../../luns/stores/index.ts'
import { failureOf, pattern, temporaryFolder, withoutKoffi } from './tools.ts'

const LENGTH = 256 * 1024
const portable = await withoutKoffi(() => import('../../luns/stores/index.ts'))

const WAYS = [
  { how: 'with koffi', openStore },
  { how: 'without koffi', openStore: portable.openStore },
]

describe.each(WAYS)('opening an image $how', ({ openStore }) => {
  const opened = (path: string, { length = LENGTH, readOnly = false, type = 'sparse' as 'sparse' | 'file' } = {}) =>
    openStore({ type, path }, { length, readOnly })

  /** The sentence of a 'cannot open'. */
  async function refusal(opening: Promise<unknown>): Promise<string> {
    const error = await opening.then(
      () => expect.fail('was opened'),
      (reason) => reason,
    )
    expect(failureOf(error)).toBe('cannot open')
    return (error as Error).message
  }

  test('a new one is created, for its owner alone', async () => {
    const path = join(await temporaryFolder(), 'image')
    const store = await opened(path)
    const { mode, size } = await stat(path)
    expect([mode & 0o777, size]).toEqual([0o600, LENGTH])
    await store.close()
  })

  test('the directory does not exist', async () => {
    const folder = join(await temporaryFolder(), 'nowhere')
    expect(await refusal(opened(join(folder, 'image')))).toBe(
      `cannot open ${folder}/image: the directory ${folder} does not exist; create it, or correct the path`,
    )
  })

  test('a read-only image that does not exist is not created', async () => {
    const folder = await temporaryFolder()
    expect(await refusal(opened(join(folder, 'image'), { readOnly: true }))).toContain('it does not exist')
    expect(await readdir(folder)).toEqual([])
  })

  test.each([false, true])('a directory (read-only: %s)', async (readOnly) => {
    const folder = await temporaryFolder()
    expect(await refusal(opened(folder, { readOnly }))).toBe(
      `cannot open ${folder}: it is a directory; name a file in it`,
    )
  })

  test('a file in the place of the directory', async () => {
    const file = join(await temporaryFolder(), 'file')
    await writeFile(file, '')
    expect(await refusal(opened(join(file, 'image')))).toContain('is not a directory')
  })

  test('a FIFO is refused, and not waited for', async () => {
    const path = join(await temporaryFolder(), 'fifo')
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    for (const readOnly of [false, true])
      expect(await refusal(opened(path, { readOnly }))).toContain('it is not a regular file')
  })

  test('permission denied', async () => {
    const path = join(await temporaryFolder(), 'image')
    await writeFile(path, '')
    await chmod(path, 0o400)
    const root = process.getuid?.() === 0 // may open everything: become nobody for a moment
    if (root) process.seteuid!(65534)
    try {
      expect(await refusal(opened(path))).toBe(
        `cannot open ${path}: permission denied; let this user read and write it and its directory`,
      )
    } finally {
      if (root) process.seteuid!(0)
    }
  })

  test('an image larger than configured would lose data: refused, and unchanged', async () => {
    const path = join(await temporaryFolder(), 'image')
    await writeFile(path, pattern(2 * LENGTH, 1))
    expect(await refusal(opened(path))).toBe(
      `cannot open ${path}: it holds ${2 * LENGTH} bytes and ${LENGTH} are configured, which would cut off data; ` +
        `configure ${2 * LENGTH}, or name another image`,
    )
    expect((await stat(path)).size).toBe(2 * LENGTH)
    await truncate(path, LENGTH)
    await (await opened(path)).close()
  })

  test('a smaller one grows', async () => {
    const path = join(await temporaryFolder(), 'image')
    await writeFile(path, pattern(1000, 1))
    for (const type of ['sparse', 'file'] as const) {
      const length = type === 'sparse' ? LENGTH : 2 * LENGTH
      await (await opened(path, { type, length })).close()
      expect((await stat(path)).size).toBe(length)
    }
  })

  test('the disk is too small for a fully allocated image: nothing is left behind', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'image')
    const message = await refusal(opened(path, { type: 'file', length: 2 ** 50 }))
    expect(message).toMatch(
      /the disk is too small \(\d+ bytes wanted, \d+ free\); free some space, or use a sparse image/,
    )
    expect(await readdir(folder)).toEqual([])
    await writeFile(path, 'data')
    await refusal(opened(path, { type: 'file', length: 2 ** 50 }))
    expect((await stat(path)).size).toBe(4)
  })

  test('in use by another array of this process; free again once closed', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'image')
    await symlink(path, join(folder, 'link'))
    const first = await opened(path)
    for (const name of ['image', 'link'])
      for (const readOnly of [false, true]) {
        const message = await refusal(opened(join(folder, name), { readOnly }))
        expect(message).toContain('it is in use by another array; stop that array, or')
      }
    expect((await stat(path)).size).toBe(LENGTH)
    await first.close()
    await (await opened(path)).close()
    expect((await readdir(folder)).sort()).toEqual(['image', 'link'])
  })

  test('read-only arrays share an image, and keep writers out', async () => {
    const path = join(await temporaryFolder(), 'image')
    await (await opened(path)).close()
    const readers = [await opened(path, { readOnly: true }), await opened(path, { readOnly: true })]
    expect(await refusal(opened(path))).toContain('in use')
    await readers[0]!.close()
    expect(await refusal(opened(path))).toContain('in use')
    await readers[1]!.close()
    await (await opened(path)).close()
  })

  test('of ten that come at once at most one is let in', async () => {
    const path = join(await temporaryFolder(), 'image')
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => opened(path)))
    const stores = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(stores.length).toBeLessThanOrEqual(1)
    for (const store of stores) await store.close()
    await (await opened(path)).close()
  })
})

describe('lock files, where flock cannot be had', () => {
  const open = (path: string) => portable.openStore({ type: 'sparse', path }, { length: LENGTH, readOnly: false })
  const lockOf = (path: string, pid: number) => `${path}.${pid}.0123456789abcdef.exclusive.lock`

  test('of a process that is gone: removed', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'image')
    const { pid } = spawnSync('true')
    await writeFile(lockOf(path, pid), hostname())
    const store = await open(path)
    await store.close()
    expect(await readdir(folder)).toEqual(['image'])
  })

  test('older than this process and with its pid, as after the restart of a container: removed', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'image')
    await writeFile(lockOf(path, process.pid), hostname())
    await expect(open(path)).rejects.toSatisfy((error) => failureOf(error) === 'cannot open')
    expect(spawnSync('touch', ['-d', '2001-01-01', lockOf(path, process.pid)]).status).toBe(0)
    await (await open(path)).close()
    expect(await readdir(folder)).toEqual(['image'])
  })

  test('of another host, or being made: held; the message names the file', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'image')
    for (const content of ['another-host', '']) {
      await writeFile(lockOf(path, 1), content)
      await expect(open(path)).rejects.toThrow(`remove ${lockOf(path, 1)} if none runs`)
    }
    expect(await readdir(folder)).toContain('image.1.0123456789abcdef.exclusive.lock')
  })

  test('of other images with a similar name: not looked at', async () => {
    const folder = await temporaryFolder()
    await writeFile(lockOf(join(folder, 'image.old'), 1), 'another-host')
    await mkdir(join(folder, 'image.locks'))
    await (await open(join(folder, 'image'))).close()
  })
})

describe('two processes', () => {
  /** The stores, compiled, so that plain Node runs them; under node_modules, so that they find koffi. */
  let compiled = ''

  beforeAll(async () => {
    const modules = join(import.meta.dirname, '../../node_modules')
    compiled = await mkdtemp(join(modules, '.lunette-test-'))
    await writeFile(join(compiled, 'package.json'), '{ "type": "module" }')
    const config = {
      extends: '../../tsconfig.json',
      include: ['../../luns'],
      compilerOptions: { outDir: '.', rootDir: '../..' },
    }
    await writeFile(join(compiled, 'tsconfig.json'), JSON.stringify(config))
    await promisify(execFile)(join(modules, '.bin/tsc'), ['-p', compiled])
  })
  afterAll(() => rm(compiled, { recursive: true, force: true }))

  /** Another process opens the image, says what came of it, and holds it until it is ended. */
  async function otherProcess(path: string, env: NodeJS.ProcessEnv) {
    const script = `
      const { openStore } = await import(process.argv[1])
      const opening = openStore({ type: 'sparse', path: process.argv[2] }, { length: ${LENGTH}, readOnly: false })
      console.log(await opening.then(() => 'opened', (error) => error.message))
      setInterval(() => {}, 1000)`
    const stores = join(compiled, 'luns/stores/index.js')
    const child = execFile(process.execPath, ['--input-type=module', '-e', script, stores, path], {
      env: { ...process.env, ...env },
    })
    const said = await new Promise<string>((resolve) => {
      child.stdout!.once('data', (text) => resolve(String(text).trim()))
      child.stderr!.once('data', (text) => resolve(String(text).trim()))
    })
    const end = () =>
      new Promise((resolve) => {
        child.once('exit', resolve)
        child.kill('SIGKILL')
      })
    return { said, end }
  }

  test.each([
    { how: 'with koffi', open: openStore, env: {} },
    { how: 'without koffi', open: portable.openStore, env: { LUNETTE_NO_KOFFI: '1' } },
  ])('one image, one array, $how; a killed one holds nothing', async ({ open, env }) => {
    const path = join(await temporaryFolder(), 'image')
    const other = await otherProcess(path, env)
    try {
      expect(other.said).toBe('opened')
      const opening = open({ type: 'sparse', path }, { length: LENGTH, readOnly: false })
      await expect(opening).rejects.toThrow(`cannot open ${path}: it is in use by another array`)
    } finally {
      await other.end()
    }
    const store = await open({ type: 'sparse', path }, { length: LENGTH, readOnly: false })
    const late = await otherProcess(path, env)
    expect(late.said).toContain(`cannot open ${path}: it is in use by another array`)
    await late.end()
    await store.close()
  })

  test('flock(1) and the array see each other', async (ctx) => {
    ctx.skip(!linux || spawnSync('flock', ['--version']).status !== 0, 'no flock(1) or no koffi here')
    const path = join(await temporaryFolder(), 'image')
    const store = await openStore({ type: 'sparse', path }, { length: LENGTH, readOnly: false })
    expect(spawnSync('flock', ['-n', '-s', path, 'true']).status).toBe(1)
    await store.close()
    expect(spawnSync('flock', ['-n', '-x', path, 'true']).status).toBe(0)
  })
})
