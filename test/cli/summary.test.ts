// What serve prints once it runs.

import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { describeArray, type Served, toJson } from '../../src/cli/summary.ts'
import { parseConfig } from '../../src/config/parse.ts'
import type { ArrayInput } from '../../src/config/schema.ts'

const NAA = `6024c55${'0'.repeat(25)}`
const served = (input: ArrayInput, portals = ['127.0.0.1:3260']): Served => ({
  config: parseConfig(input),
  portals,
  version: '9.9.9',
  identity: (_, { store }) => ('path' in store ? { naa: NAA, serial: 's' } : undefined),
})

describe('for people', () => {
  test('one target with one LUN', () =>
    expect(describeArray(served({ data: '/srv/data' }), false)).toBe(`Lunette 9.9.9 serves 1 LUN on 127.0.0.1:3260
images and state in /srv/data

iqn.2026-11.io.lunette:array1
  LUN   SIZE  STORE            PROVISIONING  BLOCK  NAA
    0  10GiB  sparse lun0.img  thin            512  ${NAA}

Type next, as it suits:
  iscsiadm -m discovery -t st -p 127.0.0.1:3260
  iscsiadm -m node -T iqn.2026-11.io.lunette:array1 -p 127.0.0.1:3260 --login
  iscsi-ls -s iscsi://127.0.0.1:3260
  iscsi-inq iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0
  lunette vaai status iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0
  qemu-img info iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0
  qemu-img convert -O qcow2 iscsi://127.0.0.1:3260/iqn.2026-11.io.lunette:array1/0 lun0.qcow2

Ctrl-C stops it.
`))

  test('several targets, some on some portals, columns that line up', () => {
    const input: ArrayInput = {
      portals: ['a:1', 'b:2'],
      targets: [
        { iqn: 'iqn.2026-11.io.x:empty', luns: [] },
        {
          iqn: 'iqn.2026-11.io.x:b',
          portals: [1],
          luns: [
            { id: 1, store: { type: 'memory' }, size: '1.5GiB', blockSize: 4096, provisioning: 'thick' },
            { id: 16383, store: { type: 'null' }, size: 512, readOnly: true },
          ],
        },
      ],
    }
    const lines = describeArray(served(input, ['a:1', 'b:2']), false).split('\n')
    expect(lines.slice(0, 9)).toEqual([
      'Lunette 9.9.9 serves 2 LUNs of 2 targets on a:1, b:2',
      '',
      'iqn.2026-11.io.x:empty',
      '  no LUNs',
      '',
      'iqn.2026-11.io.x:b on b:2',
      '    LUN    SIZE  STORE   PROVISIONING     BLOCK  NAA',
      '      1  1.5GiB  memory  thick             4096',
      '  16383     512  null    thin, read-only    512',
    ])
    expect(lines).toContain('  iscsi-inq iscsi://b:2/iqn.2026-11.io.x:b/1')
  })

  test('who must prove what, and how to type it, without a secret', () => {
    const chap = { user: 'alice', secret: 'alice has secrets' }
    const mutual = { user: 'array', secret: 'another secret' }
    const luns = [{ store: { type: 'memory' as const } }]
    const text = describeArray(served({ targets: [{ luns, auth: { chap, mutual } }] }), false)
    expect(text).toContain('\niqn.2026-11.io.lunette:array1, mutual CHAP\n')
    expect(text).toContain(
      '  LIBISCSI_CHAP_TARGET_USERNAME=array LIBISCSI_CHAP_TARGET_PASSWORD=SECRET iscsi-inq iscsi://alice%SECRET@127.0.0.1:3260/',
    )
    const one = served({ targets: [{ luns, auth: { chap } }] })
    expect(describeArray(one, false)).toContain('\niqn.2026-11.io.lunette:array1, CHAP\n')
    expect(JSON.parse(toJson(one)).targets[0].authentication).toBe('CHAP')
    for (const shown of [text, describeArray(one, false), toJson(one)]) expect(shown).not.toMatch(/has secrets|another/)
  })

  test('a portal on every address becomes one that can be typed', () => {
    const text = describeArray(served({}, ['0.0.0.0:3260']), false)
    expect(text).toContain('on 0.0.0.0:3260\n')
    expect(text).toMatch(/iscsi-ls -s iscsi:\/\/(?!0\.0\.0\.0)[\d.]+:3260\n/)
  })

  test('colour changes nothing but colour', () => {
    const array = served({})
    expect(stripVTControlCharacters(describeArray(array, true))).toBe(describeArray(array, false))
    expect(describeArray(array, true)).not.toBe(describeArray(array, false))
  })
})

test('for programs: one line of JSON, sizes in bytes', () => {
  const text = toJson(served({ data: '/d', portals: ['a:0', 'b:0'], targets: [{ portals: [1] }] }, ['a:1', 'b:2']))
  expect(text.match(/\n/g)).toHaveLength(1)
  expect(JSON.parse(text)).toEqual({
    pid: process.pid,
    version: '9.9.9',
    data: '/d',
    portals: ['a:1', 'b:2'],
    targets: [
      {
        iqn: 'iqn.2026-11.io.lunette:array1',
        portals: ['b:2'],
        authentication: 'none',
        luns: [
          {
            id: 0,
            size: 10 * 2 ** 30,
            store: { type: 'sparse', path: 'lun0.img' },
            provisioning: 'thin',
            blockSize: 512,
            readOnly: false,
            naa: NAA,
            serial: 's',
          },
        ],
      },
    ],
  })
})
