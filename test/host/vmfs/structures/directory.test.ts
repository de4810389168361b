// The two formats of directories (notes, 10 and 11), each against a map of names in memory.

import { describe, expect, test } from 'vitest'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import {
  type DirectoryEntry,
  type DirectoryFormat,
  DirectoryImage,
} from '../../../../src/host/vmfs/structures/directory.ts'
import { DIRECTORY5 } from '../../../../src/host/vmfs/structures/directory-5.ts'
import { DIRECTORY6 } from '../../../../src/host/vmfs/structures/directory-6.ts'
import { FILE_TYPE } from '../../../../src/host/vmfs/structures/file-descriptor.ts'

const SELF = { type: FILE_TYPE.directory, address: 0x02000004, generation: 7 }
const PARENT = { type: FILE_TYPE.directory, address: 0x4, generation: 1 }
const file = (name: string, address = 0x02400004): DirectoryEntry => ({
  ...{ name, type: FILE_TYPE.file, address, generation: 3 },
})
const create = (format: DirectoryFormat, isRoot = false) => new DirectoryImage(format.create(SELF, PARENT), isRoot)

async function list(format: DirectoryFormat, directory: DirectoryImage) {
  const found: DirectoryEntry[] = []
  for await (const { offset: _, ...entry } of format.entries(directory)) found.push(entry)
  return found
}

async function removeByName(format: DirectoryFormat, directory: DirectoryImage, name: string) {
  const entry = await format.find(directory, name)
  if (!entry) throw new Error(`${name} is not there`)
  await format.remove(directory, entry)
}

/** The same numbers from the same seed, everywhere. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state / 2 ** 32
  }
}

describe.each([
  ['VMFS5', DIRECTORY5],
  ['VMFS6', DIRECTORY6],
])('%s', (_, format) => {
  test('a new directory has "." and ".."', async () => {
    const directory = create(format)
    expect(await list(format, directory)).toEqual([
      { name: '.', ...SELF },
      { name: '..', ...PARENT },
    ])
    expect(await format.find(directory, '..')).toMatchObject(PARENT)
    expect(await format.find(directory, 'none')).toBeUndefined()
  })

  test('".." can be made to name another directory, and nothing else changes', async () => {
    const directory = create(format)
    await format.insert(directory, file('a'))
    await format.retarget(directory, (await format.find(directory, '..'))!, { ...PARENT, address: 0x44 })
    await format.retarget(directory, (await format.find(directory, 'a'))!, file('ignored', 0x84))
    expect(await list(format, directory)).toEqual([
      { name: '.', ...SELF },
      { name: '..', ...PARENT, address: 0x44 },
      file('a', 0x84),
    ])
  })

  test('names of 127 bytes and of any script', async () => {
    const directory = create(format)
    const names = ['n'.repeat(127), 'Ünïcødé-файл-文件', '\u{1f4be}', ' ', '...']
    for (const name of names) await format.insert(directory, file(name))
    for (const name of names) expect(await format.find(directory, name)).toMatchObject(file(name))
  })

  test.each([1, 2, 3])('a thousand changes leave what a map of names has (seed %i)', async (seed) => {
    const directory = create(format)
    const model = new Map<string, DirectoryEntry>()
    const next = random(seed)
    for (let step = 0; step < 1000; step++) {
      const name = `n${Math.floor(next.next().value * 300)}`
      if (model.delete(name)) await removeByName(format, directory, name)
      else {
        model.set(name, file(name, 4 + step * 64))
        await format.insert(directory, model.get(name)!)
      }
    }
    for (let n = 0; n < 300; n++) {
      const found = await format.find(directory, `n${n}`)
      if (model.has(`n${n}`)) expect(found).toMatchObject(model.get(`n${n}`)!)
      else expect(found).toBeUndefined()
    }
    const names = (await list(format, directory)).map(({ name }) => name)
    expect(names.sort()).toEqual(['.', '..', ...model.keys()].sort())
  })
})

describe('VMFS5 on disk', () => {
  test('140 bytes an entry; the last one fills the hole', async () => {
    const directory = create(DIRECTORY5)
    for (const name of ['a', 'b', 'c']) await DIRECTORY5.insert(directory, file(name))
    expect(directory.length).toBe(5 * 140)
    expect(directory.image.toString('hex', 280, 296)).toBe('03000000040040020300000061000000')
    await removeByName(DIRECTORY5, directory, 'a')
    expect(directory.length).toBe(4 * 140)
    expect((await list(DIRECTORY5, directory)).map(({ name }) => name)).toEqual(['.', '..', 'c', 'b'])
  })

  test('a length that is no multiple of an entry is damage', async () => {
    const directory = new DirectoryImage(Buffer.alloc(281), false)
    await expect(DIRECTORY5.find(directory, 'a')).rejects.toThrow(VmfsError)
    await expect(DIRECTORY5.insert(directory, file('a'))).rejects.toThrow(VmfsError)
  })
})

describe('VMFS6 on disk', () => {
  test('a new directory: header, map block, one entry block', () => {
    const { image } = create(DIRECTORY6)
    expect(image.length).toBe(0x12000)
    expect(image.toString('hex', 0, 24)).toBe('0100f50002000000020000000100000000000000'.padEnd(48, '0'))
    expect(image.toString('hex', 0x10000, 0x10008)).toBe('0000030000000000')
    expect(image.toString('hex', 0x10040, 0x10044)).toBe('35888888')
    expect(image.toString('hex', 0x11000, 0x1100c)).toBe('010001000e000e00ff3f0000')
    expect(image.readBigUInt64LE(0x3b8 + 0x10)).toBe(0x3b8n)
  })

  test('an entry: low word of the hash, its own offset, its location in the hash table', async () => {
    const directory = create(DIRECTORY6)
    await DIRECTORY6.insert(directory, file('file1'))
    const at = 0x11000 + 64
    expect(directory.image.readUInt32LE(at + 0x0c)).toBe(0xd2b970eb)
    expect(directory.image.readBigUInt64LE(at + 0x10)).toBe(BigInt(at))
    // Type 1, block 1, slot 0.
    expect(directory.image.readUInt32LE(0x5f8 + 4348 * 4)).toBe(0x5)
    expect(directory.image.readUInt32LE(4)).toBe(3)
    expect(directory.image.toString('hex', 0x11000, 0x1100c)).toBe('010001000e000d00fe3f0000')
    await removeByName(DIRECTORY6, directory, 'file1')
    expect(directory.image.equals(create(DIRECTORY6).image)).toBe(true)
  })

  test('the root: a table of its own, system files in fixed slots', async () => {
    const directory = create(DIRECTORY6, true)
    await DIRECTORY6.insert(directory, file('.fbb.sf'))
    await DIRECTORY6.insert(directory, file('file1'))
    expect(directory.image.readUInt32LE(0x5f8 + 0x3e66 * 4)).toBe(0x5)
    expect(directory.image.readUInt32LE(0x11000 + 64 + 0x0c)).toBe(0)
    expect(directory.image.readUInt32LE(0x5f8 + 11457 * 4)).toBe(0x01000005)
  })

  test('the 15th entry takes a new block; the map knows which have room', async () => {
    const directory = create(DIRECTORY6)
    for (let n = 0; n < 14; n++) await DIRECTORY6.insert(directory, file(`n${n}`))
    expect(directory.image.toString('hex', 0x10040, 0x10043)).toBe('318888')
    await DIRECTORY6.insert(directory, file('n14'))
    expect(directory.length).toBe(0x13000)
    expect(directory.image.toString('hex', 0x10040, 0x10043)).toBe('315888')
    await removeByName(DIRECTORY6, directory, 'n3')
    expect(directory.image.toString('hex', 0x10040, 0x10043)).toBe('355888')
  })

  // Each of these has slot 4411 of a table that is not the root's.
  const COLLIDING =
    `c0 c1gx ci24 c1alx c27w5 c2eis c2emt c2hel c2vwz c3g45 c3l5g c3tr6 c3v89 c40vf c50ko c51te c5ggn c5ln9
    c5sn8 c63p7 c6hwe c7byb c7k3x c8wzr c91k5 c92ww c9x9k`.split(/\s+/)

  test('names of one slot: two groups of twelve and one of three, then none', async () => {
    const directory = create(DIRECTORY6)
    const slot = () => directory.image.readUInt32LE(0x5f8 + 4411 * 4)
    for (const name of COLLIDING) await DIRECTORY6.insert(directory, file(name))
    // Type 2, block 2, slot 0: slot number, 12 links, none free; the next group in slot 1.
    expect(slot()).toBe(0xa)
    expect(directory.image.toString('hex', 0x12040, 0x12046)).toBe('3b110c000c00')
    expect(directory.image.readUInt32LE(0x12040 + 78)).toBe(0x0100000a)
    expect(directory.image.toString('hex', 0x12040 + 2 * 84, 0x12040 + 2 * 84 + 6)).toBe('3b110c090300')
    for (const name of COLLIDING) expect(await DIRECTORY6.find(directory, name)).toMatchObject(file(name))
    // Out of the middle, the end and the start of the chain.
    for (const name of [...COLLIDING.slice(12, 24), ...COLLIDING.slice(24), ...COLLIDING.slice(0, 12)]) {
      await removeByName(DIRECTORY6, directory, name)
      expect(await DIRECTORY6.find(directory, name)).toBeUndefined()
    }
    expect(slot()).toBe(0)
    expect(directory.image.toString('hex', 0x12000, 0x12010)).toBe(`0100020030003000${'ff'.repeat(6)}0000`)
    expect((await list(DIRECTORY6, directory)).length).toBe(2)
  })

  test('damage has a name', async () => {
    const directory = create(DIRECTORY6)
    for (const name of COLLIDING) await DIRECTORY6.insert(directory, file(name))
    const damaged = async (at: number, bytes: string) => {
      const copy = new DirectoryImage(Buffer.from(directory.image), false)
      await copy.write(at, Buffer.from(bytes, 'hex'))
      return await DIRECTORY6.find(copy, 'c9x9k').then(
        () => 'found',
        (error: unknown) => (error instanceof VmfsError ? `${error.problem}: ${error.message}` : error),
      )
    }
    expect(await damaged(0, 'ff')).toBe('damaged: a directory of version 0xf500ff')
    expect(await damaged(0x5f8 + 4411 * 4, 'feffff00')).toMatch('damaged: block 4194303 of a directory')
    expect(await damaged(0x5f8 + 4411 * 4, '0a0000ff')).toMatch('damaged: slot 255 of type 2')
    expect(await damaged(0x12040, 'ffff')).toMatch('damaged: a link group of hash slot 65535')
    // The first group leads to itself.
    expect(await damaged(0x12040 + 78, '0a000000')).toMatch('damaged: a chain of link groups')
  })

  test('without a header it is walked, and not changed', async () => {
    const directory = create(DIRECTORY6)
    await DIRECTORY6.insert(directory, file('file1'))
    await directory.write(0, Buffer.alloc(0x10000))
    expect(await DIRECTORY6.find(directory, 'file1')).toMatchObject(file('file1'))
    await expect(DIRECTORY6.insert(directory, file('b'))).rejects.toThrow('has no header')
  })
})
