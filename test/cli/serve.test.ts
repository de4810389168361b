// lunette serve, as a process: what it prints, the ready file, how it stops, and what an operator is told.

import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Ready } from '../../src/cli/ready-file.ts'
import { type Circumstances, type Ended, lunette, requireBuild, type Started, start } from './lunette.ts'

const IQN = 'iqn.2026-11.io.lunette:array1'
const ANY_PORT = ['--portal', '127.0.0.1:0']

let folder: string
let running: Started[]
beforeAll(requireBuild)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-serve-'))
  running = []
})
afterEach(async () => {
  for (const each of running) each.process.kill('SIGKILL')
  await Promise.all(running.map((each) => each.ended))
  await rm(folder, { recursive: true })
})

type Array = Started & { ready: Ready }

/** Serves in the test's directory; resolves once the ready file tells. */
async function serve(words: readonly string[], circumstances?: Circumstances): Promise<Array> {
  const file = join(folder, `ready-${running.length}.json`)
  const started = start(['serve', '--ready-file', file, ...words], { cwd: folder, ...circumstances })
  running.push(started)
  let ended: Ended | undefined
  void started.ended.then((end) => {
    ended = end
  })
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text) return { ...started, ready: JSON.parse(text) }
    if (ended) throw new Error(`serve ended: ${JSON.stringify(ended)}`)
    await sleep(20)
  }
}

async function stop(array: Started, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  array.process.kill(signal)
  return array.ended
}

async function given(name: string, config: unknown): Promise<string> {
  await writeFile(join(folder, name), JSON.stringify(config))
  return name
}

/** Resolves when somebody accepts connections there. */
function accepts(portal: string): Promise<void> {
  const [, host = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(portal) ?? []
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host)
    socket.once('error', reject).once('connect', () => socket.destroy(undefined).once('close', () => resolve()))
  })
}

/** Why serve does not start: its one line. */
async function refusal(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lunette(['serve', ...words], { cwd: folder })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr.match(/\n/g), stderr).toHaveLength(1)
  return stderr.trimEnd().replaceAll(folder, 'F')
}

describe('without a configuration', () => {
  test('one 10 GiB thin LUN in ./lunette-data, and what to type next', async () => {
    const array = await serve(ANY_PORT)
    const [portal = ''] = array.ready.portals
    expect(array.ready).toEqual({ pid: array.process.pid, portals: [portal], targets: [IQN] })
    await accepts(portal)
    const { code, signal, stdout, stderr } = await stop(array)
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(stdout).toContain(`serves 1 LUN on ${portal}\n`)
    const row = /^ {4}0 {2}10GiB {2}sparse lun0\.img {2}thin {12}512 {2}6024c55[0-9a-f]{25}$/m
    expect(stdout).toMatch(row)
    expect(stdout).toContain(`  iscsiadm -m node -T ${IQN} -p ${portal} --login\n`)
    expect(stdout).toContain(`  iscsi-inq iscsi://${portal}/${IQN}/0\n`)
    expect(stdout).not.toContain('\u001b')
    for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) })
    const image = await stat(join(folder, 'lunette-data', 'lun0.img'))
    expect(image.size).toBe(10 * 2 ** 30)
    expect(image.blocks).toBeLessThan(2048)
  })

  test('the next run finds the same LUN, also after a kill', async () => {
    const naa = async (signal: NodeJS.Signals) => {
      const array = await serve([...ANY_PORT, '--json'])
      const { stdout } = await stop(array, signal)
      return JSON.parse(stdout).targets[0].luns[0].naa as string
    }
    const first = await naa('SIGKILL')
    expect(first).toMatch(/^6024c55/)
    expect(await naa('SIGINT')).toBe(first)
    expect(await naa('SIGTERM')).toBe(first)
  })

  test('--data, made if its parent exists', async () => {
    await stop(await serve([...ANY_PORT, '--data', 'elsewhere']))
    expect((await readdir(join(folder, 'elsewhere'))).sort()).toEqual(['lun0.img', 'state.json'])
    expect(await readdir(folder)).toEqual(['elsewhere'])
  })
})

describe('with a configuration', () => {
  test('what it describes; --portal and --data override it', async () => {
    const file = await given('a.json', {
      data: './not-this',
      portals: ['192.0.2.1:1'],
      targets: [{ luns: [{ size: '1MiB' }] }],
    })
    const array = await serve(['--config', file, ...ANY_PORT, '--portal', '[::1]:0', '--data', 'd'])
    expect(array.ready.portals).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^\[::1\]:\d+$/),
    ])
    await Promise.all(array.ready.portals.map(accepts))
    await stop(array)
    expect((await stat(join(folder, 'd', 'lun0.img'))).size).toBe(2 ** 20)
    expect(await readdir(folder)).not.toContain('not-this')
  })

  test('LUNs in memory leave no trace on disk', async () => {
    const luns = [
      { store: { type: 'memory' }, size: '1GiB' },
      { id: 1, store: { type: 'null' }, size: '1GiB' },
    ]
    const file = await given('memory.json', { targets: [{ luns }] })
    await stop(await serve(['--config', file, ...ANY_PORT]))
    expect(await readdir(folder)).toEqual(['memory.json'])
  })

  test('that is wrong: every error on its line, and nothing starts', async () => {
    await writeFile(join(folder, 'wrong.yaml'), 'targets:\n- luns:\n  - size: 10GB\n')
    expect(await refusal(['--config', 'wrong.yaml'])).toMatch(
      /^wrong\.yaml:3:11: targets\[0\]\.luns\[0\]\.size: found "10GB"; allowed: /,
    )
    expect(await readdir(folder)).toEqual(['wrong.yaml'])
  })
})

describe('output', () => {
  test('--json: one line, with what a script asks for', async () => {
    const array = await serve([...ANY_PORT, '--json'])
    const { stdout } = await stop(array)
    expect(stdout.match(/\n/g)).toHaveLength(1)
    expect(JSON.parse(stdout)).toMatchObject({
      pid: array.process.pid,
      data: join(folder, 'lunette-data'),
      portals: array.ready.portals,
      targets: [{ iqn: IQN, portals: array.ready.portals, luns: [{ id: 0, size: 10 * 2 ** 30, blockSize: 512 }] }],
    })
  })

  test('a portal on every address is shown as one that can be typed', async () => {
    const { stdout } = await stop(await serve(['--portal', '0.0.0.0:0']))
    expect(stdout).toMatch(/iscsi-ls -s iscsi:\/\/(?!0\.0\.0\.0)[\d.]+:\d+\n/)
  })

  test('--log-level silent: nothing on stderr', async () => {
    expect((await stop(await serve([...ANY_PORT, '--log-level', 'silent']))).stderr).toBe('')
  })

  test('a reader that goes away does not stop the array', async () => {
    const array = await serve(ANY_PORT)
    array.process.stdout?.destroy()
    array.process.stderr?.destroy()
    await accepts(array.ready.portals[0] ?? '')
    await accepts(array.ready.portals[0] ?? '')
    expect(await stop(array)).toMatchObject({ code: 0 })
  })
})

describe('the end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s: exit 0, the ready file is gone, the port is free', async (signal) => {
    const array = await serve(ANY_PORT)
    expect(await stop(array, signal)).toMatchObject({ code: 0, signal: null })
    expect(await readdir(folder)).toEqual(['lunette-data'])
    await expect(accepts(array.ready.portals[0] ?? '')).rejects.toThrow('ECONNREFUSED')
  })

  test('with a connection that says nothing', async () => {
    const array = await serve(ANY_PORT)
    const [, port] = (array.ready.portals[0] ?? '').split(':')
    const socket = connect(Number(port), '127.0.0.1')
    const closed = new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
    await new Promise((resolve) => socket.once('connect', resolve))
    expect(await stop(array)).toMatchObject({ code: 0 })
    await closed
  })
})

describe('what an operator can cure is one sentence, exit 1', () => {
  test('a port in use', async () => {
    const [portal = ''] = (await serve(ANY_PORT)).ready.portals
    expect(await refusal(['--portal', portal, '--data', 'other'])).toMatch(
      new RegExp(`^cannot listen on ${portal}: another program listens there`),
    )
  })
  test('a data directory in use', async () => {
    await serve(ANY_PORT)
    expect(await refusal(ANY_PORT)).toBe(
      'the data directory F/lunette-data is in use by another array: stop that array, or give this one a data directory of its own',
    )
  })
  test('an image in use', async () => {
    await serve(ANY_PORT)
    const path = join(folder, 'lunette-data', 'lun0.img')
    const file = await given('b.json', { data: './b', targets: [{ luns: [{ store: { path } }] }] })
    expect(await refusal(['--config', file, ...ANY_PORT])).toMatch(
      /^cannot open F\/lunette-data\/lun0\.img: it is in use by another array/,
    )
  })
  test('a directory that is missing', async () => {
    expect(await refusal([...ANY_PORT, '--data', 'a/b'])).toBe(
      'cannot create the data directory F/a/b: there is no directory F/a',
    )
    const file = await given('c.json', { targets: [{ luns: [{ store: { path: 'sub/x.img' } }] }] })
    expect(await refusal(['--config', file, ...ANY_PORT])).toMatch(
      /^cannot open F\/lunette-data\/sub\/x\.img: the directory/,
    )
  })
  test('a disk that is too small', async () => {
    const file = await given('d.json', { targets: [{ luns: [{ store: { type: 'file' }, size: '4000TiB' }] }] })
    expect(await refusal(['--config', file, ...ANY_PORT])).toMatch(/^cannot open F\/lunette-data\/lun0\.img: /)
  })
  test('a state that is damaged', async () => {
    await mkdir(join(folder, 'lunette-data'))
    await writeFile(join(folder, 'lunette-data', 'state.json'), '{}')
    expect(await refusal(ANY_PORT)).toMatch(/^F\/lunette-data\/state\.json is damaged/)
  })
  test('an address that is not of this machine', async () => {
    expect(await refusal(['--portal', '192.0.2.1:0'])).toMatch(/^cannot listen on 192\.0\.2\.1:0: /)
  })
  test('a ready file that cannot be written, before anything starts', async () => {
    expect(await refusal([...ANY_PORT, '--ready-file', 'no/ready'])).toBe(
      'cannot write the ready file no/ready: its directory does not exist',
    )
    expect(await refusal([...ANY_PORT, '--ready-file', '.'])).toBe('cannot write the ready file .: it is a directory')
    expect(await readdir(folder)).toEqual([])
  })
  test('a configuration that is not there', async () => {
    expect(await refusal(['--config', 'nowhere.yaml'])).toBe('nowhere.yaml: cannot be read (there is no such file)')
  })
})

test('the ready file of an earlier run does not outlive the next start', async () => {
  const file = join(folder, 'ready.json')
  await writeFile(file, '{"pid":1}')
  await refusal([...ANY_PORT, '--ready-file', file, '--data', 'a/b'])
  await expect(stat(file)).rejects.toThrow('ENOENT')
})
