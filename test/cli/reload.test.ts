// SIGHUP to lunette serve, as a process: the file is read again and taken over while a session goes on, or it is refused by
// file and line and nothing has changed.

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { SENSE } from '../../protocol/index.ts'
import { connect, type InitiatorSession } from '../../src/host/index.ts'
import { Disk, pattern } from '../target/disk.ts'
import { Load } from '../target/load.ts'
import { news, reported } from '../target/reconfiguring.ts'
import { requireBuild, type Started, start } from './lunette.ts'

const IQN = 'iqn.2026-11.io.lunette:array1'
const FIRST = 'targets:\n- luns:\n  - size: 8MiB\n'

let folder: string
let array: Started
let sessions: InitiatorSession[]
beforeAll(requireBuild)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-reload-'))
  sessions = []
})
afterEach(async () => {
  for (const session of sessions) session.destroy()
  array.process.kill('SIGTERM')
  const { code } = await array.ended
  await rm(folder, { recursive: true })
  expect(code).toBe(0)
})

const file = (name: string) => join(folder, name)
const ready = async (): Promise<{ portals: string[]; targets: string[] }> =>
  JSON.parse(await readFile(file('ready'), 'utf8'))

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await what())) {
    if (array.process.exitCode !== null) throw new Error(`serve has ended: ${array.stderr()}`)
    await sleep(10)
  }
}

/** Serves, with this configuration if there is one, on a free port. */
async function serve(text: string | undefined, ...words: string[]): Promise<void> {
  if (text !== undefined) await writeFile(file('a.yaml'), text)
  const config = text === undefined ? [] : ['--config', 'a.yaml']
  const usual = ['serve', ...config, '--portal', '127.0.0.1:0', '--ready-file', 'ready']
  array = start([...usual, ...words], { cwd: folder })
  await until(() =>
    stat(file('ready')).then(
      () => true,
      () => false,
    ),
  )
}

async function disk(targetName = IQN): Promise<Disk> {
  const port = Number((await ready()).portals[0]?.split(':').at(-1))
  const session = await connect({ host: '127.0.0.1', port, targetName })
  sessions.push(session)
  const found = new Disk(session)
  await news(found)
  return found
}

/** Sends SIGHUP; what is logged until the reload is over. */
async function reload(): Promise<string[]> {
  const before = array.stderr().length
  array.process.kill('SIGHUP')
  const fresh = () =>
    array
      .stderr()
      .slice(before)
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line).msg as string)
  await until(() => fresh().some((msg) => /reload/.test(msg)))
  return fresh().filter((msg) => !/^(?:login|dropping|closing)/.test(msg))
}

test('LUNs come, go and grow; the session goes on, and is told', async () => {
  await serve(FIRST)
  const load = new Load(await disk())
  const other = await disk()
  await writeFile(
    file('a.yaml'),
    'targets:\n- luns:\n  - size: 16MiB\n  - { id: 3, size: 1MiB, store: { type: memory } }\n',
  )
  expect(await reload()).toEqual([
    `${IQN} LUN 0: size "8MiB" -> "16MiB"`,
    `${IQN} LUN 3: added, 1MiB, memory`,
    'a.yaml: reloaded, 2 changes',
  ])
  await load.moves()
  expect(await news(other)).toEqual([SENSE.CAPACITY_DATA_HAS_CHANGED, SENSE.REPORTED_LUNS_DATA_HAS_CHANGED])
  expect(await reported(other)).toEqual([0, 3])
  await writeFile(file('a.yaml'), 'targets:\n- luns:\n  - size: 16MiB\n')
  expect(await reload()).toEqual([`${IQN} LUN 3: removed`, 'a.yaml: reloaded, 1 change'])
  await load.stop()
  expect((await stat(join(folder, 'lunette-data', 'lun0.img'))).size).toBe(16 * 2 ** 20)
})

test('the ready file tells of targets that came and went', async () => {
  await serve(FIRST)
  const other = 'iqn.2026-11.io.lunette:other'
  await writeFile(file('a.yaml'), `${FIRST}- iqn: ${other}\n  luns: [{ store: { type: memory } }]\n`)
  await reload()
  await until(async () => (await ready()).targets.length === 2)
  expect((await ready()).targets).toEqual([IQN, other])
  await disk(other)
  await writeFile(file('a.yaml'), FIRST)
  await reload()
  await until(async () => (await ready()).targets.length === 1)
})

test('what the command line says holds over a reload', async () => {
  await serve(`portals: ["192.0.2.1:1"]\ndata: not-this\n${FIRST}`, '--data', 'd')
  await disk()
  await writeFile(file('a.yaml'), `portals: ["192.0.2.2:2"]\ndata: nor-this\n${FIRST}`)
  expect(await reload()).toEqual(['a.yaml: reloaded, nothing is different'])
})

test('without --config there is nothing to reload, and the array goes on', async () => {
  await serve(undefined)
  const found = await disk()
  expect(await reload()).toEqual(['SIGHUP: there is nothing to reload, the array was started without --config'])
  await found.write(0, pattern(512, 1))
})

describe('a file that is refused, by line and cause, changes nothing', () => {
  const lun = (keys: string) => `targets:\n- luns:\n  - ${keys}\n`
  test.each<[string, string | undefined, RegExp]>([
    ['no YAML', 'targets: [', /^a\.yaml:\d+:\d+: /],
    ['empty', '', /^a\.yaml: is empty; a configuration is a YAML mapping$/],
    ['a list', '- 1\n', /^a\.yaml: is not a YAML mapping of keys and values$/],
    ['an unknown key', `${FIRST}colour: red\n`, /^a\.yaml:4:1: colour: unknown key/],
    ['a wrong value', lun('size: 8MB'), /^a\.yaml:3:11: targets\[0\]\.luns\[0\]\.size: found "8MB"; allowed: /],
    ['gone', undefined, /^a\.yaml: cannot be read \(there is no such file\)$/],
    [
      'a smaller LUN',
      lun('size: 4MiB'),
      /^a\.yaml:3:11: targets\[0\]\.luns\[0\]\.size: found "4MiB"; allowed: at least 8MiB/,
    ],
    [
      'other blocks',
      lun('{ size: 8MiB, blockSize: 4096 }'),
      /^a\.yaml:3:30: targets\[0\]\.luns\[0\]\.blockSize: found 4096; allowed: 512 \(on the running array; restart it to change this\)$/,
    ],
    [
      'another store',
      lun('{ size: 8MiB, store: { type: memory } }'),
      /^a\.yaml:3:34: targets\[0\]\.luns\[0\]\.store\.type: found "memory"; allowed: sparse/,
    ],
    [
      'another data directory',
      `data: elsewhere\n${FIRST}`,
      /^a\.yaml:1:7: data: found ".*elsewhere"; allowed: .*lunette-data \(on/,
    ],
    [
      'an image that cannot be opened',
      `${FIRST}  - { id: 1, size: 1MiB, store: { path: no/x.img } }\n`,
      /^a\.yaml:4:33: targets\[0\]\.luns\[1\]\.store: cannot open .*no\/x\.img: the directory/,
    ],
    [
      'a default that is another one',
      lun('{ size: 8MiB, store: { type: file } }'),
      /^a\.yaml:3:34: targets\[0\]\.luns\[0\]\.store\.type: found "file"; allowed: sparse/,
    ],
  ])('%s', async (_, text, line) => {
    await serve(FIRST)
    const found = await disk()
    await found.write(0, pattern(512, 1))
    const state = await readFile(join(folder, 'lunette-data', 'state.json'), 'utf8')
    if (text === undefined) await rm(file('a.yaml'))
    else await writeFile(file('a.yaml'), text)
    const logged = await reload()
    expect(logged[0]).toMatch(line)
    expect(logged.at(-1)).toBe('a.yaml: not reloaded, nothing has changed')
    expect(await news(found)).toEqual([])
    expect(await reported(found)).toEqual([0])
    expect(await found.read(0, 1)).toEqual(pattern(512, 1))
    expect(await readFile(join(folder, 'lunette-data', 'state.json'), 'utf8')).toBe(state)
    await writeFile(file('a.yaml'), FIRST)
    expect(await reload()).toEqual(['a.yaml: reloaded, nothing is different'])
  })
})
