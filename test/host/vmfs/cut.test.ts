// Power failures: an operation is recorded, and the medium looked at as it stands after each of its writes, with what was not
// flushed there, gone, there in part, or torn. Opened again with the journal replayed, the volume is as before the operation or as
// after it, nothing is used twice and nothing in use is free.

import { beforeAll, describe, expect, test } from 'vitest'
import { openVolume } from '../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from './memory-device.ts'
import { randomOf } from './model.ts'
import { type PowerFailure, RecordingDevice } from './recording-device.ts'
import { change, from, inspect, MIB, newVolume, pattern, treeOf } from './writing-volumes.ts'

interface Cut {
  readonly what: string
  readonly prepare?: (volume: WritableVolume) => Promise<unknown>
  readonly operate: (volume: WritableVolume) => Promise<unknown>
}

const put = (path: string, length: number, seed = 7) => {
  return async (volume: WritableVolume) => await volume.putFile(path, from(pattern(length, seed)))
}
/** Data at both ends of what pointer blocks are needed for. */
async function* sparse(length: number): AsyncGenerator<Buffer> {
  const zeros = Buffer.alloc(MIB)
  yield pattern(MIB, 3)
  for (let at = MIB; at < length - 1000; at += MIB) yield zeros
  yield pattern(1000, 4)
}
const putSparse = (path: string, length: number) => async (volume: WritableVolume) =>
  await volume.putFile(path, sparse(length), { sparse: true })
const write = (path: string, offset: number) => async (volume: WritableVolume) =>
  await volume.writeAt(await volume.reference(path), offset, pattern(1000, 8))
const many = (directory: string, count: number) => async (volume: WritableVolume) => {
  await volume.makeDirectory(directory)
  for (let index = 0; index < count; index++) await volume.putFile(`${directory}/file ${index}`, from())
}

const CUTS: readonly Cut[] = [
  { what: 'nothing but opening and closing', operate: async () => {} },
  { what: 'put of an empty file', operate: put('/new', 0) },
  { what: 'put of 11 bytes', operate: put('/new', 11) },
  { what: 'put into a sub-block', operate: put('/new', 5000) },
  { what: 'put into file blocks', operate: put('/new', 3 * MIB + 1) },
  { what: 'put into file blocks through pointer blocks', operate: putSparse('/new', 400 * MIB) },
  { what: 'put over a small file', prepare: put('/old', 4000, 1), operate: put('/old', 6000) },
  { what: 'put of a small file over a large one', prepare: put('/old', 3 * MIB, 1), operate: put('/old', 3000) },
  { what: 'put of a large file over a small one', prepare: put('/old', 100, 1), operate: put('/old', 2 * MIB) },
  { what: 'put over a file with pointer blocks', prepare: putSparse('/old', 400 * MIB), operate: put('/old', 0) },
  { what: 'rm of a small file', prepare: put('/old', 100), operate: (volume) => volume.removeFile('/old') },
  { what: 'rm of a large file', prepare: put('/old', 3 * MIB), operate: (volume) => volume.removeFile('/old') },
  { what: 'rm of a sparse file', prepare: putSparse('/old', 400 * MIB), operate: (v) => v.removeFile('/old') },
  {
    what: 'rm from a directory that gives a block back',
    prepare: many('/dir', 60),
    operate: (volume) => volume.removeFile('/dir/file 3'),
  },
  { what: 'put into a directory that takes a block', prepare: many('/dir', 56), operate: put('/dir/new', 0) },
  { what: 'mkdir', operate: (volume) => volume.makeDirectory('/dir') },
  {
    what: 'rmdir',
    prepare: (volume) => volume.makeDirectory('/dir'),
    operate: (volume) => volume.removeDirectory('/dir'),
  },
  { what: 'ln -s', operate: (volume) => volume.makeLink('/a/path/to/somewhere', '/link') },
  {
    what: 'mv within a directory',
    prepare: put('/old', 100),
    operate: (volume) => volume.rename('/old', '/new'),
  },
  {
    what: 'mv into another directory',
    prepare: async (volume) => {
      await volume.makeDirectory('/dir')
      await put('/old', 100)(volume)
    },
    operate: (volume) => volume.rename('/old', '/dir/new'),
  },
  {
    what: 'mv over a file',
    prepare: async (volume) => {
      await put('/old', 100, 1)(volume)
      await put('/new', 2 * MIB, 2)(volume)
    },
    operate: (volume) => volume.rename('/old', '/new'),
  },
  {
    what: 'mv of a directory into another one',
    prepare: async (volume) => {
      await volume.makeDirectory('/one')
      await volume.makeDirectory('/two')
      await put('/one/file', 100)(volume)
    },
    operate: (volume) => volume.rename('/one', '/two/three'),
  },
  { what: 'a write behind the end of a small file', prepare: put('/old', 3000), operate: write('/old', 7000) },
  { what: 'a write that makes a small file large', prepare: put('/old', 3000), operate: write('/old', 3 * MIB) },
  {
    what: 'a write at the end of a large file',
    prepare: put('/old', 2 * MIB - 9),
    operate: write('/old', 2 * MIB - 9),
  },
  { what: 'truncate to nothing', prepare: put('/old', 3 * MIB), operate: (volume) => volume.truncate('/old', 0) },
  { what: 'truncate to less', prepare: put('/old', 3 * MIB), operate: (volume) => volume.truncate('/old', MIB + 5) },
  {
    what: 'truncate of pointer blocks to less',
    prepare: putSparse('/old', 400 * MIB),
    operate: (volume) => volume.truncate('/old', 300 * MIB + 5),
  },
  { what: 'truncate to more', prepare: put('/old', 5000), operate: (volume) => volume.truncate('/old', 7000) },
  {
    what: 'truncate to so much more that pointer blocks are needed',
    prepare: put('/old', 2 * MIB - 77),
    operate: (volume) => volume.truncate('/old', 500 * MIB),
  },
]

describe.each([5, 6] as const)('VMFS%i cut at any write', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version, version === 5 ? 273 * MIB : 785 * MIB)
  })

  test.each(CUTS)('$what', async ({ prepare, operate }) => {
    const base = empty.fork()
    if (prepare) await change(base, prepare)
    const before = await treeOf(await openVolume([base]))
    const recording = new RecordingDevice(base)
    await change(recording, operate)
    const after = await treeOf(await openVolume([recording.medium()]))
    const outcomes = new Set<string>()
    for (const { medium, ...failure } of failures(recording)) {
      await change(medium, async () => {}, { recover: true })
      const found = await inspect(medium)
      const tree = await treeOf(await openVolume([medium]))
      const is = equal(tree, before) ? 'before' : equal(tree, after) ? 'after' : [...tree]
      expect({ ...failure, is, wrong: found.wrong }).toEqual({
        ...failure,
        is: expect.stringMatching(/^(before|after)$/),
        wrong: [],
      })
      outcomes.add(`${is}`)
    }
    if (!equal(before, after)) expect([...outcomes].sort()).toEqual(['after', 'before'])
  })
})

/** Each write is the last one once: with what was not flushed gone, there before what was written earlier, and with any part of it, torn. */
function* failures(recording: RecordingDevice): Generator<PowerFailure & { medium: MemoryDevice }> {
  const random = randomOf(recording.writeCount)
  const seen = new Set<string>()
  for (let writes = 0; writes <= recording.writeCount; writes++) {
    const length = recording.lengthOfWrite(writes - 1)
    const kept = new Set(Array.from({ length: writes }, (_, index) => index).filter(() => random() < 0.5))
    const failures: PowerFailure[] = [
      { writes, keeps: () => false },
      { writes, keeps: () => true },
      { writes, keeps: (index) => index === writes - 1 },
      {
        writes,
        keeps: (index) => index === writes - 1 || kept.has(index),
        tornBytes: Math.floor((random() * length) / 512) * 512,
      },
    ]
    for (const failure of failures) {
      const { medium, key } = recording.mediumAfter(failure)
      if (!seen.has(key)) yield { ...failure, medium }
      seen.add(key)
    }
  }
}

const equal = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([path, content]) => b.get(path) === content)
