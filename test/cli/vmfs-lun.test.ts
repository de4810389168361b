// lunette vmfs on LUNs of an array over loopback: the same commands, by way of the initiator.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startArray } from '../../src/index.ts'
import { ReserveRecord } from '../host/vmfs/locking/reserve-record.ts'
import { lunette, start } from './lunette.ts'

const IQN = 'iqn.2026-11.io.lunette:vmfs-test'
const TIMEOUT_MS = 60_000

let cwd: string
let array: Awaited<ReturnType<typeof startArray>>
const record = new ReserveRecord()
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'lunette-vmfs-'))
  const lun = (id: number, blockSize: 512 | 4096) => ({
    ...{ id, size: '1GiB', blockSize, physicalBlockSize: blockSize },
    store: { type: 'memory' as const },
  })
  const auth = { chap: { user: 'host', secret: 'twelve characters' } }
  array = await startArray(
    {
      data: cwd,
      targets: [
        { iqn: IQN, luns: [lun(0, 512), lun(1, 4096)] },
        { iqn: `${IQN}.chap`, auth, luns: [lun(0, 512)] },
      ],
    },
    { onLockEvent: (event) => record.add(event) },
  )
})
afterAll(async () => {
  await array.close()
  expect(record.violations).toEqual([])
  rmSync(cwd, { recursive: true, force: true })
})

async function vmfs(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await lunette(['vmfs', ...words], { cwd, env })
  expect([words, code, code === 0 ? '' : stderr]).toEqual([words, 0, ''])
  return stdout
}

const url = (lun: number, iqn = IQN) => `iscsi://${array.portals[0]}/${iqn}/${lun}`
const content = Buffer.alloc(3_000_001, 'content ')

test.each([
  ['VMFS5 on blocks of 512', 0, '5'],
  ['VMFS6 on blocks of 512', 0, '6'],
  ['VMFS6 on blocks of 4096', 1, '6'],
] as const)('%s: format, put, ls, get, check', { timeout: TIMEOUT_MS }, async (_, lun, version) => {
  writeFileSync(join(cwd, 'local'), content)
  await vmfs(['format', url(lun), '--version', version, '--label', 'on a lun', '--force'])
  expect(JSON.parse(await vmfs(['info', url(lun), '--json']))).toMatchObject({
    label: 'on a lun',
    vmfs: Number(version),
  })
  await vmfs(['put', url(lun), 'local', '/file'])
  expect(await vmfs(['ls', '-l', url(lun)])).toMatch(/^-rw-r--r-- .* 3000001 .* file$/m)
  await vmfs(['get', url(lun), '/file', 'back'])
  expect(readFileSync(join(cwd, 'back')).equals(content)).toBe(true)
  expect(await vmfs(['check', url(lun)])).toMatch(/nothing is wrong\n$/)
})

test('VMFS5 needs blocks of 512', { timeout: TIMEOUT_MS }, async () => {
  const { code, stderr } = await lunette(['vmfs', 'format', url(1), '--version', '5', '--force'], { cwd })
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/has blocks of 4096 bytes, and VMFS5 locks 512: use VMFS6 on it\n$/),
  ])
})

test.each([
  ['put', () => ['put', url(0), 'local', '/file']],
  ['put, a LUN among the extents', () => ['put', 'disk.img', 'local', '/file', '--extent', url(0)]],
  ['rm', () => ['rm', url(0), '/file']],
] as const)(
  '%s --no-sync is wrong usage on a LUN, which other hosts may have',
  { timeout: TIMEOUT_MS },
  async (_, words) => {
    const { code, stderr } = await lunette(['vmfs', ...words(), '--no-sync'], { cwd })
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^lunette: --no-sync is for images and disks: a LUN may have other/),
    ])
  },
)

test('--help of put and rm says that --no-sync is not for LUNs', { timeout: TIMEOUT_MS }, async () => {
  for (const name of ['put', 'rm']) expect((await vmfs([name, '--help'])).replace(/\s+/g, ' ')).toContain('not of LUNs')
})

test('CHAP, the secret from the environment', { timeout: TIMEOUT_MS }, async () => {
  const target = url(0, `${IQN}.chap`)
  const refused = await lunette(['vmfs', 'format', target], { cwd })
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/give --user and --secret-file\n$/)])
  const options = ['--user', 'host', '--secret-env', 'SECRET']
  await vmfs(['format', target, ...options], { SECRET: 'twelve characters' })
  expect(await vmfs(['ls', target, ...options], { SECRET: 'twelve characters' })).toBe('')
})

test('check --repair frees the slot of a host that was killed', { timeout: TIMEOUT_MS }, async () => {
  await vmfs(['format', url(0), '--version', '6', '--force'])
  mkdirSync(join(cwd, 'many'), { recursive: true })
  for (let file = 0; file < 400; file++) writeFileSync(join(cwd, 'many', `${file}`), 'content')
  const killed = start(['vmfs', 'put', '-r', url(0), 'many', '/many'], { cwd })
  while (JSON.parse(await vmfs(['heartbeats', url(0), '--json'])).length === 0);
  killed.process.kill('SIGKILL')
  expect((await killed.ended).signal).toBe('SIGKILL')
  await lunette(['vmfs', 'check', '--repair', url(0)], { cwd })
  expect(await vmfs(['check', url(0)])).toMatch(/nothing is wrong\n$/)
})

test('an array that is gone', { timeout: TIMEOUT_MS }, async () => {
  const other = await startArray({
    data: join(cwd, 'other'),
    targets: [{ iqn: IQN, luns: [{ id: 0, size: '1GiB', store: { type: 'memory' } }] }],
  })
  const there = `iscsi://${other.portals[0]}/${IQN}/0`
  await vmfs(['format', there])
  await other.close()
  const { code, stderr } = await lunette(['vmfs', 'ls', there, '--timeout', '2'], { cwd })
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^cannot connect to .*: connection refused: is an array serving there\?\n$/),
  ])
})
