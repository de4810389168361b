// Paths and symbolic links, on volumes of both versions.

import { beforeAll, describe, expect, test } from 'vitest'
import { VmfsError } from '../../../src/host/vmfs/errors.ts'
import { lookup, lookupPlace, readLink, walkTree } from '../../../src/host/vmfs/path-lookup.ts'
import { SYSTEM_FD } from '../../../src/host/vmfs/structures/address.ts'
import { ZLA } from '../../../src/host/vmfs/structures/file-descriptor.ts'
import { HandMadeVolume } from './hand-made-volume.ts'

const EMPTY = { zla: ZLA.resident, length: 0 }

describe.each([5, 6] as const)('VMFS%i', (version) => {
  let made: HandMadeVolume
  const address: Record<string, number> = {}
  beforeAll(async () => {
    made = await HandMadeVolume.format(version)
    address.a = await made.addDirectory(SYSTEM_FD.root, 'a')
    address.b = await made.addDirectory(address.a, 'b')
    address.file = await made.add(address.b, 'файл', EMPTY)
    address.top = await made.add(SYSTEM_FD.root, 'top', EMPTY)
    for (const [name, target] of Object.entries({
      absolute: '/a/b',
      relative: 'a/./b/../b/файл',
      chain: 'relative',
      broken: 'a/none',
      self: 'self',
      ping: 'pong',
      pong: '/ping',
      above: '../../top',
      toFile: 'top/',
    }))
      address[name] = await made.addLink(SYSTEM_FD.root, name, target)
    address.up = await made.addLink(address.b, 'up', '../../top')
  })
  const failure = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error as VmfsError)

  test.each([
    ['/', '/', SYSTEM_FD.root],
    ['', '/', SYSTEM_FD.root],
    ['//a///b/', '/a/b', 'b'],
    ['a/b/файл', '/a/b/файл', 'file'],
    ['/a/../../a/./b/..', '/a', 'a'],
    ['/absolute/файл', '/a/b/файл', 'file'],
    ['/absolute/..', '/a', 'a'],
    ['/relative', '/a/b/файл', 'file'],
    ['/chain', '/a/b/файл', 'file'],
    ['/a/b/up', '/top', 'top'],
    ['/above', '/top', 'top'],
  ])('%j names %j', async (path, named, file) => {
    const found = await lookup(made.volume, path)
    expect(found.path).toBe(named)
    expect(found.file.address).toBe(typeof file === 'string' ? address[file] : file)
  })

  test('a link at the end, itself', async () => {
    const found = await lookup(made.volume, '/absolute/../b/up', { follow: false })
    expect(found).toMatchObject({ path: '/a/b/up', file: { address: address.up } })
    expect(await readLink(made.volume, found.file)).toBe('../../top')
    expect((await lookup(made.volume, '/self', { follow: false })).file.address).toBe(address.self)
  })

  test.each([
    ['/none', 'no such file', 'there is no "/none"'],
    ['/a/none/c', 'no such file', 'there is no "/a/none"'],
    ['/broken', 'no such file', 'there is no "/a/none"'],
    ['/top/x', 'not a directory', '"/top" is not a directory'],
    ['/top/', 'not a directory', '"/top" is not a directory'],
    ['/top/..', 'not a directory', '"/top" is not a directory'],
    ['/self', 'bad name', '"/self" leads through more than 40 symbolic links'],
    ['/ping/x', 'bad name', '"/ping/x" leads through more than 40 symbolic links'],
    [`/${'a/'.repeat(2048)}`, 'bad name', 'a path of 4097 bytes is longer than 4096'],
  ])('%s: %s', async (path, problem, message) => {
    const error = await failure(lookup(made.volume, path))
    expect(error).toBeInstanceOf(VmfsError)
    expect([error?.problem, error?.message]).toEqual([problem, message])
  })

  test('the place of a name, whether there is one or not', async () => {
    const there = await lookupPlace(made.volume, '/absolute/up')
    expect(there).toMatchObject({ path: '/a/b/up', name: 'up', directory: { address: address.b } })
    expect(there.entry?.address).toBe(address.up)
    expect(await lookupPlace(made.volume, 'a/new/')).toMatchObject({ path: '/a/new', entry: undefined })
    expect((await failure(lookupPlace(made.volume, '/')))?.problem).toBe('bad name')
    expect((await failure(lookupPlace(made.volume, '/a/..')))?.problem).toBe('bad name')
    expect((await failure(lookupPlace(made.volume, '/none/x')))?.problem).toBe('no such file')
    expect((await failure(lookupPlace(made.volume, '/top/x')))?.problem).toBe('not a directory')
  })

  test('what is no link has no target', async () => {
    const { file } = await lookup(made.volume, '/top')
    expect((await failure(readLink(made.volume, file)))?.message).toMatch('is no symbolic link')
  })

  test('everything below a directory, each directory before what is in it', async () => {
    const paths: string[] = []
    for await (const { path } of walkTree(made.volume, await lookup(made.volume, '/a'))) paths.push(path)
    expect(paths).toEqual(['/a/b', '/a/b/файл', '/a/b/up'])
    const all: string[] = []
    for await (const { path } of walkTree(made.volume, await lookup(made.volume, '/'))) all.push(path)
    expect(all).toContain('/.sdd.sf')
    expect(all).toContain('/a/b/файл')
  })

  test('a directory that stands in itself is damage, not a walk without end', async () => {
    const own = await HandMadeVolume.format(version)
    const directory = await own.addDirectory(SYSTEM_FD.root, 'loop')
    await own.link(directory, 'again', directory)
    const walk = async () => {
      for await (const _ of walkTree(own.volume, await lookup(own.volume, '/')));
    }
    expect(await failure(walk())).toMatchObject({ problem: 'damaged' })
    expect((await lookup(own.volume, '/loop/again/again')).file.address).toBe(directory)
  })
})
