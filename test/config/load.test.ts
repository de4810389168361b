// Reading a file: positions, syntax errors, what is no configuration at all.

import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultConfig, loadConfig } from '../../src/config/load.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { toYaml } from '../../src/config/print.ts'
import { OperatorError } from '../../src/errors.ts'

let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lunette-load-'))
  file = join(folder, 'lunette.yaml')
})
afterAll(() => rm(folder, { recursive: true }))

async function loaded(text: string | Uint8Array, overrides = {}) {
  await writeFile(file, text)
  return loadConfig(file, overrides)
}
/** The lines that a file is refused with, `F` for its name. */
async function refusal(text: string | Uint8Array, overrides = {}): Promise<string[]> {
  const error = await loaded(text, overrides).then(
    () => new Error('accepted'),
    (reason: Error) => reason,
  )
  expect(error).toBeInstanceOf(OperatorError)
  return error.message.replaceAll(file, 'F').split('\n')
}

describe('a configuration file', () => {
  test('YAML', async () => {
    const { targets } = await loaded('targets:\n  - luns:\n      - { id: 3, size: 64MiB, store: { type: memory } }\n')
    expect(targets[0]?.luns[0]).toMatchObject({ id: 3, size: 64 * 2 ** 20, store: { type: 'memory' } })
  })
  test('JSON, indented with tabs', async () =>
    expect((await loaded('{\n\t"portals": ["127.0.0.1:0"]\n}\n')).portals).toEqual(['127.0.0.1:0']))
  test('listens on 127.0.0.1:3260 unless it says something else', async () =>
    expect((await loaded('{}')).portals).toEqual(['127.0.0.1:3260']))
  test('a byte order mark is no part of it', async () =>
    expect((await loaded('\ufeffportals: ["127.0.0.1:1"]')).portals).toEqual(['127.0.0.1:1']))
  test('anchors, aliases and merge keys', async () => {
    const text = 'targets:\n- luns:\n  - &disk { size: 1MiB, store: { type: null } }\n  - { <<: *disk, id: 1 }\n'
    const { targets } = await loaded(text.replace('type: null', 'type: "null"'))
    expect(targets[0]?.luns.map(({ id, size }) => [id, size])).toEqual([
      [0, 2 ** 20],
      [1, 2 ** 20],
    ])
  })
  test('its data directory is seen from its own directory', async () => {
    expect((await loaded('data: ./d')).data).toBe(join(folder, 'd'))
    expect((await loaded('{}')).data).toBe(join(folder, 'lunette-data'))
    expect((await loaded('data: /srv/d')).data).toBe('/srv/d')
  })
  test('a pipe', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('sh', ['-c', 'mkfifo "$0"', pipe])
    const config = loadConfig(pipe)
    const writer = await open(pipe, 'w')
    await writer.writeFile('portals: ["127.0.0.1:7"]')
    await writer.close()
    expect((await config).portals).toEqual(['127.0.0.1:7'])
  })
})

describe('what the command line overrides', () => {
  test('is in place of what the file says', async () =>
    expect(await loaded('data: a\nportals: ["a:1"]', { data: '/b', portals: ['b:2'] })).toMatchObject({
      data: '/b',
      portals: ['b:2'],
    }))
  test('cures what is wrong in the file', async () =>
    expect((await loaded('portals: nonsense', { portals: ['b:2'] })).portals).toEqual(['b:2']))
  test('is judged together with the file', async () =>
    expect(await refusal('portals: ["a:1", "b:1"]\ntargets:\n  - portals: [1]\n', { portals: ['c:1'] })).toEqual([
      'F:3:15: targets[0].portals[0]: found 1; allowed: an index into portals, from 0 to 0',
    ]))
  test('is named by its option', async () =>
    expect(await refusal('{}', { portals: ['c:1', 'c:1'] })).toEqual([
      '--portal: found "c:1"; allowed: each portal once (portals[0] has this one)',
    ]))
})

describe('an error names the file, the line, the column, the key path, what was found and what is allowed', () => {
  test('the example of the documentation', async () =>
    expect(await refusal('targets:\n  - luns:\n      - id: 0\n      - id: 1\n        blockSize: 1024\n')).toEqual([
      'F:5:20: targets[0].luns[1].blockSize: found 1024; allowed: 512, 4096',
    ]))

  test('all of them at once, in the order of the file', async () =>
    expect(
      await refusal(
        'targets:\n- iqn: x\n  luns:\n  - { blockSize: 1, siez: 1GiB }\n  - { id: 0 }\n  - { id: 0 }\ndata: 1\n',
      ),
    ).toEqual([
      expect.stringMatching(/^F:2:8: targets\[0\]\.iqn: found "x"; allowed: an iSCSI name/),
      'F:4:18: targets[0].luns[0].blockSize: found 1; allowed: 512, 4096',
      expect.stringMatching(
        /^F:4:21: targets\[0\]\.luns\[0\]\.siez: unknown key, did you mean size\? allowed: id, store/,
      ),
      expect.stringMatching(/^F:6:5: targets\[0\]\.luns\[2\]\.store\.path: found "lun0.img"; allowed: an image/),
      expect.stringMatching(/^F:6:11: targets\[0\]\.luns\[2\]\.id: found 0; allowed: an id that no other LUN/),
      'F:7:7: data: found 1; allowed: the path of a directory',
    ]))

  test('a number as its author wrote it, which quotes would cure', async () =>
    expect(
      await refusal(
        'targets:\n- luns:\n  - identity:\n      revision: 1.0\n      naa: 60000000000000000000000000000012\n',
      ),
    ).toEqual([
      'F:4:17: targets[0].luns[0].identity.revision: found 1.0; allowed: 1 to 4 printable ASCII characters in quotes',
      expect.stringMatching(
        /^F:5:12: .*identity\.naa: found 60000000000000000000000000000012; allowed: auto, or 32 hex/,
      ),
    ]))

  test('a key without a value', async () =>
    expect(await refusal('targets:\n- luns:\n')).toEqual([
      expect.stringMatching(/^F:2:\d+: targets\[0\]\.luns: found nothing; allowed: a list of LUNs$/),
    ]))

  test('a value that an alias brought', async () =>
    expect(await refusal('targets:\n- luns:\n  - &a { size: 1 }\n  - *a\n')).toEqual([
      expect.stringMatching(/^F:3:16: targets\[0\]\.luns\[0\]\.size: found 1;/),
      expect.stringMatching(/^F:3:16: targets\[0\]\.luns\[1\]\.size: found 1;/),
    ]))

  test('a value that a merge key brought: where the mapping stands', async () =>
    expect(await refusal('targets:\n- luns:\n  - &a { size: 1 }\n  - <<: *a\n    id: 1\n')).toEqual([
      expect.stringMatching(/^F:3:16: targets\[0\]\.luns\[0\]\.size: found 1;/),
      expect.stringMatching(/^F:4:5: targets\[0\]\.luns\[1\]\.size: found 1;/),
    ]))

  test('a key given twice, with the other errors', async () =>
    expect(await refusal('data: a\n"data": b\nportals: 1\n')).toEqual([
      'F:2:1: found "data" twice; allowed: each key once',
      'F:3:10: portals: found 1; allowed: a list of portals, at least one',
    ]))

  test('a file full of them is answered soon', async () => {
    const started = performance.now()
    const text = JSON.stringify({ targets: [{ luns: Array.from({ length: 40_000 }, () => ({ size: 1 })) }] })
    expect((await refusal(text)).at(-1)).toBe('and 39950 more')
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('more than fifty are counted', async () => {
    const lines = await refusal(Array.from({ length: 60 }, (_, i) => `key${i}: 1`).join('\n'))
    expect(lines).toHaveLength(51)
    expect(lines.at(-1)).toBe('and 10 more')
  })
})

describe('what is no YAML', () => {
  test.each([
    ['an open list', 'portals: [a\n', /^F:2:1: /],
    ['a tab as indent', 'targets:\n\t- iqn: x\n', /^F:2:1: Tabs/],
    ['a bad indent', 'data: a\n  portals: b\n', /^F:\d:\d+: /],
    ['an unknown tag', 'data: !secret x\n', /^F:1:7: Unresolved tag: !secret/],
    ['an alias without an anchor', 'data: *x\n', /^F:1:7: nothing before it is named &x$/],
    ['an alias before its anchor', 'portals: *x\ndata: &x y\n', /^F:1:10: nothing before/],
    ['two documents', 'data: a\n---\ndata: b\n', /^F:2:1: .*multiple documents/i],
    ['an anchor that holds itself', 'data: &x [*x]\n', /^F:1:10: data: found a list; /],
    ['brackets without end', '['.repeat(100_000), /^F:1:\d+: /],
    ['mappings without end', `data: ${'{a: '.repeat(50_000)}`, /^F:1:\d+: /],
    ['nesting that ends', `data: ${'['.repeat(50_000)}${']'.repeat(50_000)}`, /^F:1:\d+: /],
  ])('%s', async (_, text, message) => expect((await refusal(text))[0]).toMatch(message))
})

describe('what is no configuration: one sentence', () => {
  const one = async (text: string | Uint8Array) => {
    const lines = await refusal(text)
    expect(lines).toHaveLength(1)
    return lines[0]
  }
  test('an empty file', async () => expect(await one('')).toBe('F: is empty; a configuration is a YAML mapping'))
  test('comments alone', async () => expect(await one('# x\n')).toBe('F: is empty; a configuration is a YAML mapping'))
  test('a list', async () => expect(await one('- a\n')).toBe('F: is not a YAML mapping of keys and values'))
  test('a word', async () => expect(await one('hello')).toBe('F: is not a YAML mapping of keys and values'))
  test('binary data', async () => expect(await one(new Uint8Array([0xff, 0xfe, 0x00]))).toBe('F: is not UTF-8 text'))
  test('more than 1 MiB', async () =>
    expect(await one(`#${'x'.repeat(2 ** 20)}`)).toBe('F: is larger than 1 MiB, too large for a configuration'))
  test('1 MiB is none too large', async () =>
    expect((await loaded(`data: a\n#${'x'.repeat(2 ** 20 - 9)}`)).data).toBe(join(folder, 'a')))
  test('a file that is missing', async () => {
    const missing = join(folder, 'missing', 'x')
    await expect(loadConfig(missing)).rejects.toThrow(
      new OperatorError(`${missing}: cannot be read (there is no such file)`),
    )
  })
  test('a directory', async () => {
    const directory = join(folder, 'directory')
    await mkdir(directory)
    await expect(loadConfig(directory)).rejects.toThrow(
      new OperatorError(`${directory}: cannot be read (it is a directory)`),
    )
  })
  test('a file that may not be read', async () => {
    await chmod(folder, 0o711)
    const secret = join(folder, 'secret')
    await writeFile(secret, '{}', { mode: 0 })
    const root = process.geteuid?.() === 0 // whom nothing is forbidden
    if (root) process.seteuid?.(65534)
    try {
      await expect(loadConfig(secret)).rejects.toThrow(
        new OperatorError(`${secret}: cannot be read (permission denied)`),
      )
    } finally {
      if (root) process.seteuid?.(0)
    }
  })
  test('aliases that multiply: refused, and soon', async () => {
    const levels = Array.from(
      { length: 20 },
      (_, i) => `k${i}: &a${i} [${i ? `*a${i - 1}, *a${i - 1}, *a${i - 1}` : 'x'}]`,
    )
    const started = performance.now()
    expect(await one(levels.join('\n'))).toMatch(/^F: its aliases cannot be resolved/)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})

describe('the effective configuration as text', () => {
  test.each([
    ['the default', ''],
    [
      'sizes, names and lists',
      'portals: ["[::1]:0"]\ntargets:\n- portals: [0]\n  initiators: []\n  luns:\n  - { size: 1.5MiB, limits: { copySegmentBytes: 65536 }, identity: { naa: "6000000000000000000000000000000e", serial: "01", revision: "1e1" } }\n',
    ],
    [
      'a file with what YAML would take for something else',
      'data: "no"\ntargets: [{ luns: [{ store: { path: "~" }, identity: { product: "true", vendor: "0x1" } }] }]',
    ],
  ])('%s: YAML and JSON load again to the same thing', async (_, text) => {
    const config = await loaded(text || '{}')
    expect(await loaded(toYaml(config))).toEqual(config)
    expect(await loaded(JSON.stringify(config))).toEqual(config)
    expect(parseConfig(config)).toEqual(config)
  })
  test('sizes are in the units that people use', async () =>
    expect(toYaml(await loaded('targets: [{ luns: [{ size: 67108864 }] }]'))).toContain('size: 64MiB'))
})

describe('without a file', () => {
  test('one target with one thin LUN of 10 GiB, its data in the working directory', () => {
    const { data, portals, targets } = defaultConfig()
    expect(data).toBe(join(process.cwd(), 'lunette-data'))
    expect(portals).toEqual(['127.0.0.1:3260'])
    expect(targets).toMatchObject([
      { iqn: 'iqn.2026-11.io.lunette:array1', luns: [{ id: 0, size: 10 * 2 ** 30, provisioning: 'thin' }] },
    ])
  })
  test('what the command line says is in place of that', () =>
    expect(defaultConfig({ data: '/d', portals: ['127.0.0.1:0'] })).toMatchObject({
      data: '/d',
      portals: ['127.0.0.1:0'],
    }))
})
