// lunette vmfs on image files, as its users run it: a process, its streams and its exit code.

import { spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/program.ts'
import { LUNETTE } from '../../src/cli/registry.ts'
import { lunette, requireBuild } from './lunette.ts'

const BINARY = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const MIB = 1024 * 1024
const TIMEOUT_MS = 30_000

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'lunette-vmfs-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const vmfs = (...words: string[]) => lunette(['vmfs', ...words], { cwd })

async function done(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await vmfs(...words)
  expect([words, code, code === 0 ? '' : stderr]).toEqual([words, 0, ''])
  return stdout
}

/** Fails with one sentence. In this process: there is nothing to stream, and it is quicker. */
async function fails(words: readonly string[], why: RegExp, code = 1): Promise<void> {
  const printed = { stdout: '', stderr: '' }
  const output = (name: keyof typeof printed) => ({
    write: (text: string | Uint8Array) => {
      printed[name] += text
    },
  })
  const terminal = { stdin: noInput(), stdout: output('stdout'), stderr: output('stderr'), env: {}, version: '0' }
  const ended = await run(LUNETTE, ['vmfs', ...words.map(inDirectory)], terminal)
  expect([ended, printed.stdout]).toEqual([code, ''])
  const sentence = printed.stderr.replaceAll(`${cwd}/`, '')
  expect(sentence).toMatch(why)
  expect(sentence.trim().split('\n')).toHaveLength(1)
}

async function* noInput(): AsyncGenerator<Uint8Array> {}

/** Files stand in a directory that is not the one of this process. */
const inDirectory = (word: string): string =>
  /\.img$|^(?:small|nothing|no\/.*|\.)$/.test(word) ? join(cwd, word) : word

/** With standard input, and output as bytes. */
function piped(words: readonly string[], input: Buffer): Promise<{ code: number | null; stdout: Buffer }> {
  requireBuild()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BINARY, 'vmfs', ...words], { cwd, stdio: ['pipe', 'pipe', 'ignore'] })
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(parts) }))
    child.stdin.end(input)
  })
}

const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff))

describe.each([5, 6] as const)('a volume of version %i', { timeout: TIMEOUT_MS }, (version) => {
  const image = `volume-${version}.img`

  test('format makes a sparse image, and info tells what it is', async () => {
    const printed = await done('format', image, '--version', `${version}`, '--label', 'store one', '--size', '2GiB')
    expect(printed).toContain(`VMFS${version} volume "store one"`)
    const { size, blocks } = statSync(join(cwd, image))
    expect(size).toBe(2048 * MIB)
    expect(blocks * 512).toBeLessThan(64 * MIB)
    const info = JSON.parse(await done('info', image, '--json'))
    expect(info).toMatchObject({
      ...{ label: 'store one', vmfs: version, version: version === 5 ? '14.81' : '24.82' },
      extents: [{ device: image, offset: 0x1100000, size: 1792 * MIB }],
      hosts: [],
    })
    expect(info.blocks.used + info.blocks.free).toBe(info.blocks.total)
    const table = await done('info', image)
    expect(table).toMatch(/^Label +store one$/m)
    expect(table).toMatch(/^file blocks +1 MiB +\d+ +\d+ +1792$/m)
  })

  test('put and get: a file, standard streams, a replaced file', async () => {
    writeFileSync(join(cwd, 'one.bin'), noise(3 * MIB + 77))
    await done('put', image, 'one.bin', '/one.bin')
    await done('get', image, '/one.bin', 'back.bin')
    expect(readFileSync(join(cwd, 'back.bin')).equals(noise(3 * MIB + 77))).toBe(true)
    expect((await piped(['put', image, '-', '/one.bin'], noise(5000))).code).toBe(0)
    expect((await piped(['get', image, '/one.bin', '-'], Buffer.alloc(0))).stdout.equals(noise(5000))).toBe(true)
    expect((await piped(['cat', image, '/one.bin'], Buffer.alloc(0))).stdout.equals(noise(5000))).toBe(true)
  })

  test('mkdir, ln, mv, ls', async () => {
    await done('mkdir', image, '/dir')
    await done('mkdir', '-p', image, '/dir/sub/deep')
    await done('ln', '-s', image, '../one.bin', '/dir/link')
    await done('mv', image, '/one.bin', '/dir')
    await done('mv', image, '/dir/one.bin', '/dir/sub/two.bin')
    expect(await done('ls', image)).toBe('dir\n')
    expect(await done('ls', image, '/dir')).toBe('link\nsub\n')
    const long = await done('ls', '-l', image, '/dir')
    expect(long).toMatch(/^lrwxrwxrwx +1 +0 +0 +10 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +link -> \.\.\/one\.bin$/m)
    expect(long).toMatch(/^drwxr-xr-x +3 +0 +0 +\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +sub$/m)
    expect(JSON.parse(await done('ls', '--json', image, '/dir/sub/two.bin'))).toMatchObject([
      { name: 'two.bin', type: 'file', size: 5000, mode: 0o644, links: 1 },
    ])
    expect((await done('ls', '-a', image)).split('\n')).toEqual(
      expect.arrayContaining(['.', '..', '.fdc.sf', '.sbc.sf']),
    )
  })

  test('put -r and get -r: a tree, with links and holes', async () => {
    const tree = join(cwd, 'tree')
    rmSync(tree, { recursive: true, force: true })
    mkdirSync(join(tree, 'inner/empty'), { recursive: true })
    writeFileSync(join(tree, 'inner/a'), noise(100))
    writeFileSync(join(cwd, 'tree/holes'), Buffer.alloc(5 * MIB))
    symlinkSync('inner/a', join(cwd, 'tree/link'))
    await done('put', '-r', '--sparse', image, 'tree', '/copy')
    await done('get', '-r', image, '/copy', `tree-${version}`)
    expect(readdirSync(join(cwd, `tree-${version}`), { recursive: true }).sort()).toEqual(
      ['holes', 'inner', 'inner/a', 'inner/empty', 'link'].sort(),
    )
    expect(readFileSync(join(cwd, `tree-${version}/inner/a`)).equals(noise(100))).toBe(true)
    expect(readlinkSync(join(cwd, `tree-${version}/link`))).toBe('inner/a')
    const holes = statSync(join(cwd, `tree-${version}/holes`))
    expect([holes.size, holes.blocks]).toEqual([5 * MIB, 0])
  })

  test('truncate: longer by a hole, shorter, and a new file', async () => {
    await done('truncate', image, '/new', '3GiB')
    await done('truncate', image, '/new', '10')
    expect((await piped(['cat', image, '/new'], Buffer.alloc(0))).stdout).toEqual(Buffer.alloc(10))
  })

  test('check finds nothing; rm -r takes all away', async () => {
    expect(await done('check', image)).toMatch(/nothing is wrong\n$/)
    await done('rm', '-r', image, '/')
    expect(await done('ls', image)).toBe('')
    const report = JSON.parse(await done('check', image, '--json'))
    expect(report).toMatchObject({ findings: [], more: 0, mended: [], totals: { directories: 2, symlinks: 0 } })
  })

  test('what is wrong is told with exit code 1, and mended with --repair', async () => {
    const wrong = `wrong-${version}.img`
    await done('format', wrong, '--version', `${version}`, '--size', '1GiB')
    const { address, size } = JSON.parse(await done('ls', '-a', '--json', wrong)).find(
      (entry: { name: string }) => entry.name === '.vh.sf',
    )
    expect([address, size]).toEqual(['0x01400004', (version === 5 ? 4 : 7) * MIB])
    const bytes = version === 5 ? 2048 : 8192
    const links = 0x1100000 + (version === 5 ? 0x420000 : 0x720000) + 5 * bytes + (version === 5 ? 512 : 4096) + 8
    await done('put', wrong, 'one.bin', '/one.bin')
    const { open } = await import('node:fs/promises')
    const file = await open(join(cwd, wrong), 'r+')
    await file.write(Buffer.from([9]), 0, 1, links)
    await file.close()
    const found = await vmfs('check', wrong)
    expect(found.code).toBe(1)
    expect(found.stdout).toMatch(
      /^wrong {3}link count: .*0x01400004 has 9 links by its count, and 1 lead to it.*repair: it is set/m,
    )
    expect(found.stdout).toMatch(/1 finding: --repair mends what it can\n$/)
    expect(await done('check', '--repair', wrong)).toMatch(
      /^mended {2}link count: (?:.|\n)*1 finding mended, nothing is wrong\n$/,
    )
    expect(await done('check', wrong)).toMatch(/nothing is wrong\n$/)
  })
})

test('a volume on two images', { timeout: TIMEOUT_MS }, async () => {
  await done('format', 'first.img', '--extent', 'second.img', '--size', '529MiB', '--version', '5', '--label', 'wide')
  await fails(['ls', 'first.img'], /^the volume spans 2 devices \(first\.img, second\.img\), of which 1 were given/)
  writeFileSync(join(cwd, 'wide.bin'), noise(1000))
  await done('put', 'second.img', 'wide.bin', '/', '--extent', 'first.img')
  expect(await done('ls', 'first.img', '--extent', 'second.img')).toBe('wide.bin\n')
  expect(await done('check', 'first.img', '--extent', 'second.img')).toMatch(/nothing is wrong\n$/)
  expect(JSON.parse(await done('info', 'first.img', '--extent', 'second.img', '--json')).extents).toHaveLength(2)
})

describe('what does not work is one sentence', { timeout: TIMEOUT_MS }, () => {
  const image = 'errors.img'
  beforeAll(async () => {
    await done('format', image, '--size', '1GiB')
    await done('mkdir', image, '/dir')
    writeFileSync(join(cwd, 'small'), 'x')
    writeFileSync(join(cwd, 'no-volume.img'), Buffer.alloc(MIB))
    await done('put', image, 'small', '/dir/file')
  }, TIMEOUT_MS)

  test.each<[string[], RegExp]>([
    [['ls', 'missing.img'], /^cannot open missing\.img: there is no such file/],
    [['ls', 'no-volume.img'], /^no-volume\.img holds no VMFS volume: make one with "lunette vmfs format"/],
    [['ls', 'http://x/y'], /is no volume: name iscsi:\/\/HOST/],
    [
      ['ls', 'iscsi://127.0.0.1:1/iqn.2026-11.io.lunette:array1/0'],
      /^cannot connect to 127\.0\.0\.1:1: connection refused/,
    ],
    [['ls', image, '/nothing'], /^there is no "\/nothing"$/m],
    [['ls', image, '/dir/file/x'], /^"\/dir\/file" is not a directory$/m],
    [['cat', image, '/dir'], /^"\/dir" is a directory: name a file in it$/m],
    [['get', image, '/dir', 'x'], /^"\/dir" is a directory: --recursive copies what it holds$/m],
    [['get', image, '/dir/file', 'no/such/dir'], /^no\/such\/dir: there is no such file or directory$/m],
    [['put', image, 'nothing', '/x'], /^nothing: there is no such file or directory$/m],
    [['put', image, '.', '/x'], /is a directory: --recursive copies what it holds$/m],
    [['put', image, 'small', '/no/such/x'], /^there is no "\/no"$/m],
    [['put', image, 'small', `/${'x'.repeat(128)}`], /has 128 bytes, more than 127$/m],
    [['put', image, 'small', '/.fdc.sf'], /\.fdc\.sf/],
    [['rm', image, '/dir'], /^"\/dir" is not empty: it has "file"$/m],
    [['rm', image, '/.sbc.sf'], /\.sbc\.sf/],
    [['mkdir', image, '/dir'], /^"\/dir" is there already$/m],
    [['mv', image, '/dir', '/dir/inside'], /.+/],
    [['ln', '-s', image, '', '/x'], /.+/],
    [['format', image], /^errors\.img holds a VMFS volume: formatting would destroy it; --force does it anyway$/m],
    [['format', 'no-volume.img', '--force'], /^no-volume\.img has 1 MiB: a volume takes at least 273 MiB$/m],
    [['format', 'small.img', '--size', '100MiB'], /^small\.img has 100 MiB: a volume takes at least 273 MiB$/m],
  ])('%j', async (words, why) => {
    await fails(words, why)
  })

  test('an image whose format failed is not left behind', () => {
    expect(() => statSync(join(cwd, 'small.img'))).toThrow('ENOENT')
  })

  test.each<[string[], RegExp]>([
    [['ls'], /^lunette: Missing VOLUME; see lunette vmfs ls --help$/m],
    [['put', image, 'small'], /^lunette: Missing VOLUME, LOCAL, PATH;/],
    [['format', image, '--version', '4'], /^lunette: --version: found 4; allowed: 5, 6;/],
    [['format', 'new.img', '--size', '1GB'], /^lunette: --size: found 1GB; allowed:/],
    [['format', image, '--size', '1GiB'], /^lunette: errors\.img exists: leave --size out/],
    [['format', 'iscsi://h/iqn.2026-11.io.lunette:array1/0', '--size', '1GiB'], /^lunette: --size makes new images/],
    [['ls', 'iscsi://nobody'], /^lunette: "iscsi:\/\/nobody" is not of the form/],
    [['truncate', image, '/x', 'much'], /^lunette: SIZE: found much; allowed:/],
    [['ln', image, 'a', '/b'], /^lunette: A volume has no links but symbolic ones: give -s;/],
    [['check', image, '--force'], /^lunette: --force goes with --repair/],
    [['put', '-r', image, '-', '/x'], /^lunette: --recursive copies a directory, and - is none;/],
    [['lss', image], /^lunette: Unknown command lss, did you mean ls\?/],
    [['ls', image, '--bogus'], /^lunette: Unknown argument bogus/],
  ])('wrong usage: %j', async (words, why) => {
    await fails(words, why, 2)
  })
})
