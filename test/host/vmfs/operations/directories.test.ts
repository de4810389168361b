// Directories (notes, 8, 10 and 11): made, filled over several blocks, emptied, moved; link counts, times and ".." say so.

import { beforeAll, describe, expect, test } from 'vitest'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { ZLA } from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { change, contentOf, from, inspect, newVolume, pattern, treeOf } from '../writing-volumes.ts'

const FRESH = { wrong: [], leaked: [] }

const metaOf = async (device: MemoryDevice, path: string) =>
  (await lookup(await openVolume([device]), path, { follow: false })).file.meta

const refused = async (device: MemoryDevice, operate: (volume: WritableVolume) => Promise<unknown>) => {
  const before = await treeOf(await openVolume([device]))
  let problem: unknown
  await change(device, async (volume) => {
    problem = await operate(volume).then(
      () => 'nothing',
      (error: { problem?: string }) => error.problem,
    )
  })
  expect(await treeOf(await openVolume([device]))).toEqual(before)
  expect(await inspect(device)).toEqual(FRESH)
  return problem
}

describe.each([5, 6] as const)('VMFS%i: directories', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version)
  })

  test('a new one has two links, gives its parent one, and is in sub-blocks', async () => {
    const device = empty.fork()
    await change(device, (volume) => volume.makeDirectory('/dir'), { now: () => 1_800_000_000_000 })
    expect(await metaOf(device, '/dir')).toMatchObject({
      ...{ type: 2, links: 2, mode: 0o755, zla: ZLA.subBlocks, modifiedAt: 1_800_000_000 },
      ...(version === 5 ? { length: 280, blocks: 1, parent: 0 } : { length: 0x12000, blocks: 2, parent: 4 }),
    })
    expect(await metaOf(device, '/')).toMatchObject({ links: 4, modifiedAt: 1_800_000_000, changedAt: 1_800_000_000 })
    await change(device, (volume) => volume.removeDirectory('/dir'))
    expect(await metaOf(device, '/')).toMatchObject({ links: 3 })
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('3,000 names in one, some of them taken out again, and the rest found by name', async () => {
    const device = empty.fork()
    const name = (index: number) => `a name that is not short, number ${index}`
    await change(device, async (volume) => {
      await volume.makeDirectory('/dir')
      for (let index = 0; index < 3000; index++) await volume.putFile(`/dir/${name(index)}`, from())
      for (let index = 0; index < 3000; index += 10) await volume.removeFile(`/dir/${name(index)}`)
    })
    expect(await inspect(device)).toEqual(FRESH)
    const volume = await openVolume([device])
    const { file } = await lookup(volume, '/dir')
    for (let index = 0; index < 3000; index += 5)
      expect((await volume.find(file, name(index))) !== undefined, `${index}`).toBe(index % 10 !== 0)
  }, 120_000)

  test('that are emptied give their blocks back, all but the first', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.makeDirectory('/dir')
      for (let index = 0; index < 150; index++) await volume.putFile(`/dir/${index}`, from())
      for (let index = 0; index < 150; index++) await volume.removeFile(`/dir/${index}`)
    })
    if (version === 5) expect(await metaOf(device, '/dir')).toMatchObject({ length: 280, blocks: 1 })
    expect(await inspect(device)).toEqual(FRESH)
    await change(device, (volume) => volume.removeDirectory('/dir'))
    expect(await treeOf(await openVolume([device]))).toEqual(new Map())
    expect(await inspect(device)).toEqual(FRESH)
  })

  const directories = version === 5 ? 10 : 50
  test(`${directories * 200} files in a tree of them`, async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      for (let directory = 0; directory < directories; directory++) {
        await volume.makeDirectory(`/${directory}`)
        for (let file = 0; file < 200; file++) await volume.putFile(`/${directory}/${file}`, from(Buffer.from('data')))
      }
    })
    expect((await treeOf(await openVolume([device]))).size).toBe(directories * 201)
    expect(await inspect(device)).toEqual(FRESH)
  }, 120_000)

  test('names of 127 bytes and of other scripts', async () => {
    const device = empty.fork()
    const names = ['x'.repeat(127), 'čtyřicet dva', '日本語のファイル', ' leading and trailing ', '.hidden', '...']
    await change(device, async (volume) => {
      for (const name of names) await volume.putFile(`/${name}`, from(pattern(10, 1)))
    })
    const tree = await treeOf(await openVolume([device]))
    expect([...tree.keys()].sort()).toEqual(names.map((name) => `/${name}`).sort())
  })

  test('a directory that moves has another parent, which has one link more', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.makeDirectory('/one')
      await volume.makeDirectory('/two')
      await volume.makeDirectory('/one/moved')
      await volume.putFile('/one/moved/file', from(pattern(10, 1)))
      await volume.rename('/one/moved', '/two/renamed')
    })
    expect(await metaOf(device, '/one')).toMatchObject({ links: 2 })
    expect(await metaOf(device, '/two')).toMatchObject({ links: 3 })
    const parent = (await metaOf(device, '/two')).address
    expect(await metaOf(device, '/two/renamed')).toMatchObject({ links: 2, parent: version === 5 ? 0 : parent })
    expect(await treeOf(await openVolume([device]))).toEqual(
      new Map([
        ['/one', 'directory'],
        ['/two', 'directory'],
        ['/two/renamed', 'directory'],
        ['/two/renamed/file', contentOf(pattern(10, 1))],
      ]),
    )
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('a name that moves onto itself stays', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.putFile('/file', from(pattern(10, 1)))
      await volume.rename('/file', '/./file')
    })
    expect(await treeOf(await openVolume([device]))).toEqual(new Map([['/file', contentOf(pattern(10, 1))]]))
  })

  test('a descriptor that is handed out again has another generation', async () => {
    const device = empty.fork()
    const seen = new Map<number, number>()
    for (let round = 0; round < 3; round++)
      await change(device, async (volume) => {
        const { address, generation } = await volume.putFile('/file', from())
        expect(seen.get(address)).not.toBe(generation)
        seen.set(address, generation)
        await volume.removeFile('/file')
      })
    expect(seen.size).toBe(1)
  })

  const refusals: [string, (volume: WritableVolume) => Promise<unknown>, string][] = [
    ['mkdir of what is there', (volume) => volume.makeDirectory('/dir'), 'exists'],
    ['mkdir over a file', (volume) => volume.makeDirectory('/file'), 'exists'],
    ['mkdir below nothing', (volume) => volume.makeDirectory('/none/dir'), 'no such file'],
    ['mkdir of the root', (volume) => volume.makeDirectory('/'), 'bad name'],
    ['mkdir of ..', (volume) => volume.makeDirectory('/dir/..'), 'bad name'],
    ['rmdir of a file', (volume) => volume.removeDirectory('/file'), 'not a directory'],
    ['rmdir of a directory with a file', (volume) => volume.removeDirectory('/dir'), 'not empty'],
    ['rmdir of nothing', (volume) => volume.removeDirectory('/none'), 'no such file'],
    ['rmdir of the root', (volume) => volume.removeDirectory('/'), 'bad name'],
    ['rmdir of .sdd.sf', (volume) => volume.removeDirectory('/.sdd.sf'), 'read-only'],
    ['rm of a directory', (volume) => volume.removeFile('/dir'), 'is a directory'],
    ['rm of nothing', (volume) => volume.removeFile('/none'), 'no such file'],
    ['rm of a file as a directory', (volume) => volume.removeFile('/file/'), 'not a directory'],
    ['rm of a system file', (volume) => volume.removeFile('/.fdc.sf'), 'read-only'],
    ['mv of nothing', (volume) => volume.rename('/none', '/new'), 'no such file'],
    ['mv over a directory', (volume) => volume.rename('/file', '/dir'), 'is a directory'],
    ['mv of a directory over a file', (volume) => volume.rename('/dir', '/file'), 'not a directory'],
    ['mv of a directory into itself', (volume) => volume.rename('/dir', '/dir/dir'), 'bad name'],
    ['mv of a directory below itself', (volume) => volume.rename('/dir', '/dir/below/dir'), 'bad name'],
    ['mv of the root', (volume) => volume.rename('/', '/dir/root'), 'bad name'],
    ['mv of a system file', (volume) => volume.rename('/.vh.sf', '/vh'), 'read-only'],
    ['mv over a system file', (volume) => volume.rename('/file', '/.vh.sf'), 'read-only'],
    ['mv into .sdd.sf', (volume) => volume.rename('/file', '/.sdd.sf/file'), 'read-only'],
    ['mv to a directory that is none', (volume) => volume.rename('/file', '/new/'), 'not a directory'],
    ['ln -s over a file', (volume) => volume.makeLink('x', '/file'), 'exists'],
    ['ln -s to an empty path', (volume) => volume.makeLink('', '/link'), 'bad name'],
    ['ln -s to a path of 4,097 bytes', (volume) => volume.makeLink('x'.repeat(4097), '/link'), 'bad name'],
    ['ln -s to a path with a zero byte', (volume) => volume.makeLink('a\0b', '/link'), 'bad name'],
    ['truncate of nothing', (volume) => volume.truncate('/none', 5), 'no such file'],
    ['truncate of a directory', (volume) => volume.truncate('/dir', 5), 'is a directory'],
    ['truncate of a system file', (volume) => volume.truncate('/.sbc.sf', 5), 'read-only'],
  ]
  test.each(refusals)('%s is refused', async (_what, operate, problem) => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.makeDirectory('/dir')
      await volume.makeDirectory('/dir/below')
      await volume.putFile('/file', from(pattern(10, 1)))
    })
    expect(await refused(device, operate)).toBe(problem)
  })
})
