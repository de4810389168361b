// The array's state: identities that stay, a file that is refused when damaged, one array a data directory.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import type { ArrayConfig, ArrayInput } from '../../src/config/schema.ts'
import { type Identity, openState, peekIdentities } from '../../src/config/state.ts'
import { OperatorError } from '../../src/errors.ts'

const IQN = 'iqn.2026-11.io.lunette:array1'
const NAA = `6${'ab'.repeat(15)}c`

let folder: string
let data: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-state-'))
  data = join(folder, 'data')
  file = join(data, 'state.json')
})
afterEach(() => rm(folder, { recursive: true }))

type Luns = NonNullable<NonNullable<ArrayInput['targets']>[number]['luns']>
const configOf = (luns: Luns, rest: { iqn?: string; data?: string } = {}): ArrayConfig =>
  parseConfig({ data: rest.data ?? data, targets: [{ iqn: rest.iqn ?? IQN, luns }] })

/** The identities of all LUNs of the first target, from an array that starts and stops. */
async function identities(config: ArrayConfig): Promise<Identity[]> {
  const state = await openState(config)
  const [target] = config.targets
  const found = target?.luns.map((lun) => state.identity(target.iqn, lun)) ?? []
  await state.close()
  return found
}
async function refusal(config: ArrayConfig): Promise<string> {
  const error = await openState(config).then(
    () => new Error('accepted'),
    (reason: Error) => reason,
  )
  expect(error).toBeInstanceOf(OperatorError)
  return error.message.replaceAll(folder, 'F')
}

describe('identity', () => {
  test('is an NAA 6h name with a locally administered company id, and a serial number', async () => {
    const [identity] = await identities(configOf([{}]))
    expect(identity?.naa).toMatch(/^6024c55[0-9a-f]{25}$/)
    expect(identity?.serial).toMatch(/^[0-9a-f]{16}$/)
    // IEEE 802: bit 1 of the first octet; IEEE 802c: low nibble 2 is the administratively assigned quadrant
    expect(Number.parseInt(identity?.naa.slice(1, 3) ?? '', 16) & 0x0f).toBe(2)
  })

  test('is generated once: another array on the same data finds it', async () => {
    const config = configOf([{}, { id: 1, store: { type: 'file' }, size: 512 }])
    const first = await identities(config)
    expect(new Set(first.map(({ naa }) => naa)).size).toBe(2)
    expect(await identities(config)).toEqual(first)
  })

  test('differs between two data directories', async () => {
    const [one] = await identities(configOf([{}]))
    const [other] = await identities(configOf([{}], { data: join(folder, 'other') }))
    expect(one?.naa).not.toBe(other?.naa)
    expect(one?.serial).not.toBe(other?.serial)
  })

  test('stays when the data directory moves', async () => {
    const before = await identities(configOf([{ store: { path: 'sub/a.img' } }]))
    const moved = join(folder, 'moved')
    await rename(data, moved)
    expect(await identities(configOf([{ store: { path: 'sub/a.img' } }], { data: moved }))).toEqual(before)
    expect(await identities(configOf([{ store: { path: join(moved, 'sub', 'a.img') } }], { data: moved }))).toEqual(
      before,
    )
  })

  test('stays when the target is renamed and the LUN gets another number: the LUN is its image', async () => {
    const before = await identities(configOf([{ store: { path: 'a.img' } }]))
    const config = configOf([{ id: 5, store: { path: './a.img' } }], { iqn: 'iqn.2026-11.io.lunette:renamed' })
    expect(await identities(config)).toEqual(before)
  })

  test('stays while the LUN is not in the configuration', async () => {
    const [, before] = await identities(configOf([{}, { id: 1 }]))
    await identities(configOf([{}]))
    const [, after] = await identities(configOf([{}, { id: 1 }]))
    expect(after).toEqual(before)
  })

  test('stays for an image outside of the data directory', async () => {
    const config = configOf([{ store: { path: join(folder, 'data-of-others.img') } }])
    expect(await identities(config)).toEqual(await identities(config))
  })

  test('stays when the data directory is reached through a link', async () => {
    const before = await identities(configOf([{}]))
    await symlink(data, join(folder, 'link'))
    expect(await identities(configOf([{}], { data: join(folder, 'link') }))).toEqual(before)
  })

  test('is another one for another image', async () => {
    const [one] = await identities(configOf([{ store: { path: 'a.img' } }]))
    const [other] = await identities(configOf([{ store: { path: 'b.img' } }]))
    expect(one?.naa).not.toBe(other?.naa)
  })

  test('that the operator chose is taken, and stays when auto is set again', async () => {
    const [own] = await identities(configOf([{ identity: { naa: NAA, serial: 'S1' } }]))
    expect(own).toEqual({ naa: NAA, serial: 'S1' })
    expect(await identities(configOf([{}]))).toEqual([own])
  })

  test('chosen in part: the rest is kept', async () => {
    const [before] = await identities(configOf([{}]))
    expect(await identities(configOf([{ identity: { serial: 'S2' } }]))).toEqual([{ naa: before?.naa, serial: 'S2' }])
  })

  test('that two LUNs would share is refused', async () => {
    const [first] = await identities(configOf([{}]))
    const config = configOf([{}, { id: 1, identity: { naa: first?.naa ?? '' } }])
    expect(await refusal(config)).toBe(
      `${IQN} LUN 0 and ${IQN} LUN 1 have the same identity, NAA ${first?.naa}: give one another naa`,
    )
  })

  test('what was refused is not remembered', async () => {
    const [first] = await identities(configOf([{}]))
    await refusal(configOf([{}, { id: 1, identity: { naa: first?.naa ?? '' } }]))
    const [, second] = await identities(configOf([{}, { id: 1 }]))
    expect(second?.naa).not.toBe(first?.naa)
  })

  test('of a LUN that the array does not have: an error', async () => {
    const state = await openState(configOf([{}]))
    const [stranger] = configOf([{ id: 9 }]).targets[0]?.luns ?? []
    expect(() => state.identity(IQN, stranger!)).toThrow(`${IQN} LUN 9 is not of this array`)
    await state.close()
  })
})

describe('LUNs without an image', () => {
  const memory = (id: number) => ({ id, store: { type: 'memory' as const }, size: 512 })

  test('need no data directory, and none is made', async () => {
    await identities(configOf([memory(0), { id: 1, store: { type: 'null' }, size: 512 }]))
    expect(await readdir(folder)).toEqual([])
  })
  test('do not mind one that is damaged or in use', async () => {
    await mkdir(data)
    await writeFile(file, 'damaged')
    expect(await identities(configOf([memory(0)]))).toHaveLength(1)
  })
  test('have the same identity in each run, and each another one', async () => {
    const first = await identities(configOf([memory(0), memory(1)]))
    expect(first[0]?.naa).toMatch(/^6024c55[0-9a-f]{25}$/)
    expect(first[0]?.naa).not.toBe(first[1]?.naa)
    expect(await identities(configOf([memory(0), memory(1)], { data: '/elsewhere' }))).toEqual(first)
    const [renamed] = await identities(configOf([memory(0)], { iqn: 'iqn.2026-11.io.lunette:other' }))
    expect(renamed?.naa).not.toBe(first[0]?.naa)
  })
  test('beside one with an image leave no trace in the state', async () => {
    await identities(configOf([memory(0), { id: 1 }]))
    expect(JSON.parse(await readFile(file, 'utf8')).body.identities).toHaveLength(1)
  })
})

describe('state.json', () => {
  test('is versioned, checksummed, and names images as seen from the data directory', async () => {
    const [identity] = await identities(configOf([{ store: { path: 'sub/../a.img' } }]))
    const { format, version, checksum, body } = JSON.parse(await readFile(file, 'utf8'))
    expect({ format, version }).toEqual({ format: 'lunette-state', version: 1 })
    expect(body).toEqual({ identities: [{ image: 'a.img', ...identity }] })
    expect(checksum).toBe(`sha256:${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`)
  })

  test('is replaced, never written in place, and leaves nothing beside it', async () => {
    await identities(configOf([{}]))
    const before = await stat(file)
    await identities(configOf([{}, { id: 1 }]))
    expect((await stat(file)).ino).not.toBe(before.ino)
    expect(await readdir(data)).toEqual(['state.json'])
  })

  test('is left alone when there is nothing new', async () => {
    await identities(configOf([{}]))
    const before = await stat(file)
    await identities(configOf([{}]))
    const { ino, mtimeMs } = await stat(file)
    expect({ ino, mtimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs })
  })

  test('what a crash left beside it is no obstacle, and a link there is not followed', async () => {
    await mkdir(data)
    const victim = join(folder, 'victim')
    await writeFile(victim, 'mine')
    await symlink(victim, `${file}.tmp`)
    await identities(configOf([{}]))
    expect(await readFile(victim, 'utf8')).toBe('mine')
    expect(await readdir(data)).toEqual(['state.json'])
  })

  test('every byte changed, lost or added: refused, and the file stays as it is', async () => {
    await identities(configOf([{}]))
    const good = await readFile(file)
    const damages = [...good.keys()].flatMap((i) => {
      const flipped = Buffer.from(good)
      flipped[i]! ^= 0x01
      return [flipped, good.subarray(0, i)]
    })
    const same = JSON.stringify(JSON.parse(good.toString()))
    for (const damage of damages) {
      await writeFile(file, damage)
      const message = await refusal(configOf([{}])).catch(() => 'accepted')
      if (message === 'accepted')
        expect(JSON.stringify(JSON.parse(damage.toString()))).toBe(same) // white space
      else expect(message).toMatch(/^F\/data\/state\.json is (?:damaged \(.+\): restore it|of version)/)
      expect((await readFile(file)).equals(damage)).toBe(true)
    }
  })

  test.each([
    ['an empty file', '', 'it is no JSON'],
    ['zeroes', '\0'.repeat(512), 'it is no JSON'],
    ['other JSON', '{}', 'it is not a lunette-state file'],
    ['null', 'null', 'it is not a lunette-state file'],
    ['no checksum', '{"format":"lunette-state","version":1,"body":{"identities":[]}}', 'a key is missing or unknown'],
    [
      'a wrong checksum',
      '{"format":"lunette-state","version":1,"checksum":"sha256:00","body":{"identities":[]}}',
      'its checksum does not match',
    ],
  ])('%s: refused', async (_, text, why) => {
    await mkdir(data)
    await writeFile(file, text)
    expect(await refusal(configOf([{}]))).toBe(
      `F/data/state.json is damaged (${why}): restore it from a backup, or move it away and every LUN gets a new identity`,
    )
    expect(await readFile(file, 'utf8')).toBe(text)
  })

  test('content that makes no sense under a right checksum: refused', async () => {
    await mkdir(data)
    const body = { identities: [{ image: 'lun0.img', naa: '5', serial: '' }] }
    const checksum = `sha256:${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`
    await writeFile(file, JSON.stringify({ format: 'lunette-state', version: 1, checksum, body }))
    expect(await refusal(configOf([{}]))).toContain('(its content makes no sense)')
  })

  test('of a later version: refused', async () => {
    await mkdir(data)
    await writeFile(file, JSON.stringify({ format: 'lunette-state', version: 2, journal: [] }))
    expect(await refusal(configOf([{}]))).toBe(
      'F/data/state.json is of version 2, and this Lunette knows 1: use a later Lunette',
    )
  })

  test('that is a directory: refused', async () => {
    await mkdir(file, { recursive: true })
    expect(await refusal(configOf([{}]))).toMatch(/^cannot read the array's state: EISDIR/)
  })
})

describe('the data directory', () => {
  test('is made where its parent exists', async () => {
    await identities(configOf([{}]))
    expect((await stat(data)).isDirectory()).toBe(true)
  })
  test('is not made where its parent is missing', async () => {
    expect(await refusal(configOf([{}], { data: join(folder, 'a', 'b') }))).toBe(
      'cannot create the data directory F/a/b: there is no directory F/a',
    )
    expect(await readdir(folder)).toEqual([])
  })
  test('must not be a file', async () => {
    await writeFile(data, '')
    expect(await refusal(configOf([{}]))).toBe('F/data is a file, not a data directory')
  })
  test('belongs to one array at a time', async () => {
    const state = await openState(configOf([{ store: { path: 'a.img' } }]))
    expect(await refusal(configOf([{ store: { path: 'b.img' } }]))).toBe(
      'the data directory F/data is in use by another array: stop that array, or give this one a data directory of its own',
    )
    await state.close()
    await identities(configOf([{ store: { path: 'b.img' } }]))
  })
  test('belongs to one array at a time where there is no flock, too', async () => {
    const script = (luns: Luns) => `
      const { openState } = await import(${JSON.stringify(new URL('../../dist/src/config/state.js', import.meta.url).href)})
      await openState(${JSON.stringify(configOf(luns))})`
    const twice = `${script([{}])}\n;{ ${script([{ id: 1 }])} }`
    const env = { ...process.env, LUNETTE_NO_KOFFI: '1' }
    const run = (text: string) =>
      spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8', env }).stderr
    expect(run(twice)).toContain(`OperatorError: the data directory ${data} is in use by another array`)
    expect(run(script([{}])), 'a lock of a process that is gone').toBe('')
  })
  test('is free again after a start that failed', async () => {
    await mkdir(data)
    await writeFile(file, 'damaged')
    await refusal(configOf([{}]))
    await rm(file)
    await identities(configOf([{}]))
  })
  test('is free again after the array was killed', async () => {
    const script = `
      const { openState } = await import(${JSON.stringify(new URL('../../dist/src/config/state.js', import.meta.url).href)})
      await openState(${JSON.stringify(configOf([{}]))})
      process.kill(process.pid, 'SIGKILL')`
    const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(stderr, 'dist/ comes from npm run build').toBe('')
    expect(signal).toBe('SIGKILL')
    expect(await identities(configOf([{}]))).toEqual(await identities(configOf([{}])))
  })
})

describe('peekIdentities', () => {
  test('shows what is known and changes nothing, also while an array runs', async () => {
    const config = configOf([{}])
    const [lun] = config.targets[0]?.luns ?? []
    expect((await peekIdentities(config))(IQN, lun!)).toBeUndefined()
    expect(await readdir(folder)).toEqual([])
    const state = await openState(config)
    expect((await peekIdentities(config))(IQN, lun!)).toEqual(state.identity(IQN, lun!))
    await state.close()
  })
})
