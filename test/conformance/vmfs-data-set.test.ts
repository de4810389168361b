// What the volumes of the vmfs-tools suite hold, as files of this machine, and the verdict on what the tools list.

import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { checksOf } from '../../conformance/vmfs/checks.ts'
import { compareListing, entriesOf, firstDifference, wantedOfFind } from '../../conformance/vmfs/compare.ts'
import { type DataSet, dataSet, smallDataSet } from '../../conformance/vmfs/data-set.ts'
import { writeLocalTree } from '../../conformance/vmfs/local-tree.ts'

const MIB = 1024 * 1024

describe.each([5, 6] as const)('the data set of version %i', (version) => {
  const set = dataSet(version)
  const paths = [...set.directories, ...set.files.map(({ path }) => path), ...set.links.map(({ path }) => path)]

  test('names each path once, each after its directory, with names that the version has', () => {
    expect(new Set(paths).size).toBe(paths.length)
    for (const [index, path] of set.directories.entries())
      expect(['/', ...set.directories.slice(0, index)]).toContain(dirname(path))
    const directories = new Set(['/', ...set.directories])
    expect(paths.filter((path) => !directories.has(dirname(path)))).toEqual([])
    expect(Math.max(...paths.map((path) => Buffer.byteLength(path.slice(path.lastIndexOf('/') + 1))))).toBe(127)
  })

  test('holds what section 14 asks for, and 10,000 files in a tree', () => {
    const sizes = set.files.map(({ size }) => size)
    const wanted =
      version === 5 ? [0, 11, 1024, 1025, 8192, 8193, 256 * MIB] : [0, 12, 3584, 3585, 65_536, 65_537, 320 * MIB]
    expect(sizes).toEqual(expect.arrayContaining([...wanted, 5 * MIB + 12_345]))
    expect(set.files.filter(({ path }) => path.startsWith('/tree/'))).toHaveLength(10_000)
    expect(set.files.filter(({ path }) => path.startsWith('/thousands/'))).toHaveLength(version === 5 ? 3000 : 2500)
    expect(set.files.filter(({ data }) => data !== undefined).length).toBeGreaterThan(2)
  })

  test('has checks with names of their own', () => {
    const names = checksOf(version).map(({ kind, test: name }) => `${kind} ${name}`)
    expect(new Set(names).size).toBe(names.length)
  })
})

const SET: DataSet = {
  directories: ['/dir'],
  files: [
    { path: '/dense', size: 3 * MIB + 5 },
    {
      path: '/dir/sparse',
      size: 9 * MIB,
      data: [
        [MIB, 10],
        [8 * MIB, MIB],
      ],
    },
    { path: '/empty', size: 0 },
  ],
  links: [{ path: '/dir/link', target: 'sparse' }],
}

test('a local tree: contents by their seed, holes, links, and the list of sums', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lunette-tree-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const trees = [1, 1, 2].map((seed, index) => {
    const root = join(directory, `${index}`)
    mkdirSync(root)
    return writeLocalTree(SET, root, seed)
  })
  const [one, same, other] = trees as [(typeof trees)[number], (typeof trees)[number], (typeof trees)[number]]
  expect(same.sums).toEqual(one.sums)
  expect(other.sums.get('/dense')).not.toBe(one.sums.get('/dense'))
  for (const { path, size } of SET.files) {
    const content = readFileSync(join(one.root, path))
    expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([size, one.sums.get(path)])
  }
  expect(statSync(join(one.root, 'dir/sparse')).blocks * 512).toBeLessThan(2 * MIB)
  expect(readlinkSync(join(one.root, 'dir/link'))).toBe('sparse')
  expect(readFileSync(one.listFile, 'utf8')).toBe([...one.sums].map(([path, sum]) => `${sum}  .${path}\n`).join(''))
})

describe('the verdict on a listing', () => {
  const listed = (name: string, mode: string, size: number) => ({ name, mode, size, links: 1 })
  const right = [
    listed('.', 'drwxr-xr-x', 280),
    listed('sparse', '-rw-r--r--', 9 * MIB),
    listed('link', 'lrwxrwxrwx', 6),
  ]
  const wanted = entriesOf(SET, '/dir', 5)

  test('good when everything is there, and nothing else', () => {
    expect(() => compareListing(right, wanted, '/dir')).not.toThrow()
  })

  test.each([
    ['a missing name', right.slice(0, 2)],
    ['another size', right.map((each) => ({ ...each, size: each.size + 1 }))],
    ['a link as a file', [...right.slice(0, 2), listed('link', '-rwxrwxrwx', 6)]],
    ['a name that nobody has put there', [...right, listed('more', '-rw-r--r--', 0)]],
  ])('bad: %s', (_, found) => {
    expect(() => compareListing(found, wanted, '/dir')).toThrow('/dir should list')
  })

  test('the root has the system files as well', () => {
    const names = entriesOf(smallDataSet(6), '/', 6).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['.fbb.sf', '.jbc.sf', 'size-0.bin', 'one']))
  })

  test('what find sees is compared line by line', () => {
    const lines = wantedOfFind(SET)
    expect(firstDifference(lines.toReversed(), lines)).toBeUndefined()
    expect(firstDifference(lines.slice(1), lines)).toBe('nothing of d 0 /dir')
    expect(firstDifference([...lines, 'f 1 /x'], lines)).toBe('f 1 /x')
  })
})
