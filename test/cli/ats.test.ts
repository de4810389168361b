// lunette ats who and --trace: what a running array says of the commands by which initiators exclude each other.

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { COMPARE_AND_WRITE, RESERVE_6, TEST_UNIT_READY } from '../../protocol/index.ts'
import { connect } from '../../src/host/index.ts'
import { lunette, requireBuild, type Started, start } from './lunette.ts'

const HOSTS = ['iqn.2026-11.test:esx1', 'iqn.2026-11.test:esx2']
const ZEROES = Buffer.alloc(512)

let folder: string
let running: Started | undefined
beforeAll(requireBuild)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-ats-'))
})
afterEach(async () => {
  running?.process.kill('SIGKILL')
  await running?.ended
  running = undefined
  await rm(folder, { recursive: true })
})

/** Serves in the test's directory; gives the port. */
async function serve(...words: string[]): Promise<number> {
  const file = join(folder, 'ready.json')
  running = start(['serve', '--ready-file', file, '--portal', '127.0.0.1:0', ...words], { cwd: folder })
  const ended = running.ended.then(({ stderr }) => Promise.reject(new Error(stderr)))
  ended.catch(() => {})
  for (;;) {
    const text = await Promise.race([readFile(file, 'utf8').catch(() => ''), ended])
    if (text) return Number(JSON.parse(text).portals[0].split(':').at(-1))
    await sleep(20)
  }
}

/** Both hosts swap block 7, which only the first can win; the second then reserves the LUN. */
async function contend(port: number): Promise<void> {
  for (const [i, initiatorName] of HOSTS.entries()) {
    const session = await connect({
      ...{ host: '127.0.0.1', port, initiatorName },
      targetName: 'iqn.2026-11.io.lunette:array1',
    })
    while ((await session.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) })).status !== 0);
    const dataOut = Buffer.concat([ZEROES, Buffer.alloc(512, i + 1)])
    await session.execute({ lun: 0, cdb: COMPARE_AND_WRITE.encode({ lba: 7n, blocks: 1 }), dataOut })
    if (i === 1) await session.execute({ lun: 0, cdb: RESERVE_6.encode({}) })
    await session.logout()
  }
}

const who = (...words: string[]) => lunette(['ats', 'who', ...words], { cwd: folder })

describe('lunette ats who', () => {
  test('names the winner and the losers, for people', async () => {
    await contend(await serve())
    const { code, stdout, stderr } = await who('0', '7')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^Block 7 of LUN 0 was last written by iqn\.2026-11\.test:esx1,i,0x[0-9a-f]{12}$/)
    expect(lines[2]).toMatch(
      /^ {2}\S+Z {2}COMPARE AND WRITE {2}iqn\.2026-11\.test:esx1,\S+ {2}076a27c79e5ace2a {2}\S+ {2}yes$/,
    )
    expect(lines[4]).toBe('Lost against that, the latest last')
    expect(lines[6]).toMatch(/iqn\.2026-11\.test:esx2,\S+ {2}076a27c79e5ace2a {2}\S{16} +0 {2}what stood there before$/)
  })

  test('for programs', async () => {
    await contend(await serve())
    const { stdout } = await who('0', '7', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      last: { command: 'COMPARE AND WRITE', verdict: 'accepted', answered: true, lba: 7, blocks: 1 },
      losers: [{ verdict: 'miscompare', expected: '076a27c79e5ace2a', differsAt: 0 }],
      before: [],
    })
  })

  test('a block without a history', async () => {
    await serve()
    expect((await who('0', '9')).stdout).toBe(
      'Block 9 of LUN 0: no COMPARE AND WRITE was about it, as far as the array remembers.\n',
    )
  })

  test.each([
    [['0', '99999999999'], 1, 'LUN 0 has no block 99999999999; its last one is 20971519'],
    [['3', '0'], 1, 'iqn.2026-11.io.lunette:array1 has no LUN 3; it has: 0'],
    [['0', '0', '--target', 'iqn.x'], 1, 'there is no target iqn.x here; there is: iqn.2026-11.io.lunette:array1'],
    [['x', '0'], 2, 'lunette: LUN: found "x"; allowed: 0 and up; see lunette ats who --help'],
  ])('%j is refused', async (words, code, message) => {
    await serve()
    expect(await who(...words)).toMatchObject({ code, stdout: '', stderr: `${message}\n` })
  })

  test('without an array', async () => {
    const { code, stderr } = await who('0', '0', '--data', 'elsewhere')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^no array answers on \S*elsewhere\/control\.sock: start one with lunette serve/)
  })
})

describe('the control socket', () => {
  test("is its owner's alone, and gone with the array", async () => {
    await serve()
    const path = join(folder, 'lunette-data', 'control.sock')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    running?.process.kill('SIGTERM')
    expect((await running?.ended)?.code).toBe(0)
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('one that a killed array has left is replaced', async () => {
    await serve()
    running?.process.kill('SIGKILL')
    await running?.ended
    await rm(join(folder, 'ready.json'))
    await serve()
    expect((await who('0', '0')).code).toBe(0)
  })

  test.each([
    ['GET', '/nothing', 404, 'there is no /nothing; there is: /ats/who'],
    ['POST', '/ats/who?lun=0&lba=0', 405, 'POST of /ats/who: ask with GET'],
    ['GET', '/ats/who?lun=0', 400, 'lba: found ""; allowed: 0 and up'],
    ['GET', '/constructor', 404, 'there is no /constructor; there is: /ats/who'],
    ['GET', '//', 400, 'a question that is none'],
  ])('%s %s is refused', async (method, path, status, error) => {
    await serve()
    const socketPath = join(folder, 'lunette-data', 'control.sock')
    const answered = await new Promise<{ status?: number | undefined; text: string }>((resolve, reject) => {
      request({ socketPath, method, path }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve({ status: response.statusCode, text })
      })
        .on('error', reject)
        .end()
    })
    expect({ ...answered, text: JSON.parse(answered.text) }).toEqual({ status, text: { error } })
    expect((await who('0', '0')).code).toBe(0)
  })
})

describe('lunette serve --trace', () => {
  test('a line for each command, appended', async () => {
    await writeFile(join(folder, 'trace.jsonl'), '{"earlier":1}\n')
    await contend(await serve('--trace', 'trace.jsonl'))
    running?.process.kill('SIGTERM')
    await running?.ended
    const lines = (await readFile(join(folder, 'trace.jsonl'), 'utf8')).trimEnd().split('\n')
    const target = 'iqn.2026-11.io.lunette:array1'
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { earlier: 1 },
      { target, lun: 0, number: 1, command: 'COMPARE AND WRITE', verdict: 'accepted', lba: 7, blocks: 1 },
      { target, lun: 0, number: 2, command: 'COMPARE AND WRITE', verdict: 'miscompare', differsAt: 0 },
      { target, lun: 0, number: 3, command: 'RESERVE(6)', verdict: 'accepted' },
      { target, lun: 0, number: 4, command: 'I_T nexus loss', verdict: 'accepted' },
    ])
  })

  test('a file that cannot be written keeps the array from starting', async () => {
    const { code, stderr } = await lunette(['serve', '--trace', 'no/where'], { cwd: folder })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^cannot write the trace no\/where: ENOENT/)
  })
})
