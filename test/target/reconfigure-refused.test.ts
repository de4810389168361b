// What a running array does not take over: it says what, and nothing has changed, on the wire, in memory and on the disk.

import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { READ_CAPACITY_16, SENSE, WRITE_16 } from '../../protocol/index.ts'
import { type ArrayInput, OperatorError, startArray } from '../../src/index.ts'
import { arrayForTest, type LunInput, MIB, memory, SIZE, type TestArray } from './array.ts'
import { type Disk, expectGood, expectSense, pattern } from './disk.ts'
import { change, configured, news, quiet, refusal, reported, sees } from './reconfiguring.ts'

const NAA = `6${'ab'.repeat(15)}c`
const UNTIL_RESTART = '(on the running array; restart it to change this)'

const image = (lun: LunInput = {}): LunInput => ({ store: { type: 'sparse' }, size: MIB, ...lun })
const lun = (array: TestArray, ...luns: LunInput[]) => configured(array, luns)

/** Everything under the data directory, with what is in it. */
async function disk(array: TestArray): Promise<Record<string, string>> {
  const names = (await readdir(array.data, { recursive: true })).sort()
  const content = async (name: string) => {
    const path = join(array.data, name)
    return (await stat(path)).isDirectory() ? 'directory' : (await readFile(path)).toString('base64')
  }
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await content(name)])))
}

type Case = [what: string, next: (array: TestArray) => ArrayInput, lines: string[]]

const CASES: Case[] = [
  [
    'other portals',
    (array) => ({ ...lun(array, image()), portals: ['127.0.0.1:1'] }),
    [`portals[0]: found "127.0.0.1:1"; allowed: 127.0.0.1:0 ${UNTIL_RESTART}`],
  ],
  [
    'more portals',
    (array) => ({ ...lun(array, image()), portals: ['127.0.0.1:0', '[::1]:0'] }),
    [`portals: found a list; allowed: 127.0.0.1:0 ${UNTIL_RESTART}`],
  ],
  [
    'other portals of a target',
    (array) => configured(array, [image()], { portals: [0] }),
    [`targets[0].portals: found a list; allowed: all ${UNTIL_RESTART}`],
  ],
  [
    'another data directory',
    (array) => ({ ...lun(array, image()), data: '/nowhere' }),
    [`data: found "/nowhere"; allowed: D ${UNTIL_RESTART}`],
  ],
  [
    'another kind of store',
    (array) => lun(array, memory({ size: MIB })),
    [`targets[0].luns[0].store.type: found "memory"; allowed: sparse ${UNTIL_RESTART}`],
  ],
  [
    'another image',
    (array) => lun(array, image({ store: { type: 'sparse', path: 'b.img' } })),
    [`targets[0].luns[0].store.path: found "b.img"; allowed: lun0.img ${UNTIL_RESTART}`],
  ],
  [
    'a smaller LUN',
    (array) => lun(array, image({ size: 512 * 1024 })),
    ['targets[0].luns[0].size: found "512KiB"; allowed: at least 1MiB (a LUN does not shrink)'],
  ],
  [
    'other blocks',
    (array) => lun(array, image({ blockSize: 4096 })),
    [`targets[0].luns[0].blockSize: found 4096; allowed: 512 ${UNTIL_RESTART}`],
  ],
  [
    'another pool',
    (array) => lun(array, image({ pool: 'none' })),
    [`targets[0].luns[0].pool: found "none"; allowed: default ${UNTIL_RESTART}`],
  ],
  [
    'another name',
    (array) => lun(array, image({ identity: { naa: NAA } })),
    [
      expect.stringMatching(
        /^targets\[0\]\.luns\[0\]\.identity\.naa: found "6abab.*"; allowed: 6024c55\w{25} \(the names of/,
      ),
    ],
  ],
  [
    'another serial number',
    (array) => lun(array, image({ identity: { serial: 'S1' } })),
    [expect.stringMatching(/^targets\[0\]\.luns\[0\]\.identity\.serial: found "S1"; allowed: \w{16} \(the names of/)],
  ],
  [
    'an image that another LUN has until now',
    (array) => lun(array, image({ id: 1, store: { type: 'sparse', path: 'lun0.img' } })),
    [
      'targets[0].luns[0].store.path: found "lun0.img"; allowed: an image that no LUN of the running array has (iqn.2026-11.io.lunette:array1 LUN 0 has this one: first take it away, and reload)',
    ],
  ],
  [
    'an image that cannot be opened, after one that can',
    (array) => lun(array, image(), image({ id: 1 }), image({ id: 2, store: { type: 'sparse', path: 'no/dir.img' } })),
    [
      'targets[0].luns[2].store: cannot open D/no/dir.img: the directory D/no does not exist; create it, or correct the path',
    ],
  ],
  [
    'an image that is too large for the disk, after a LUN has found room',
    (array) => lun(array, image({ size: 2 * MIB }), image({ id: 1, store: { type: 'file' }, size: '4000TiB' })),
    [expect.stringMatching(/^targets\[0\]\.luns\[1\]\.store: cannot open D\/lun1\.img: /)],
  ],
  [
    'two LUNs of one name, once generated',
    (array) =>
      lun(array, image(), memory({ id: 1, identity: { naa: NAA } }), memory({ id: 2, identity: { naa: NAA } })),
    [expect.stringMatching(/^targets\[0\]\.luns\[2\]\.identity\.naa: /)],
  ],
  [
    'what is no configuration at all',
    (array) => ({ ...lun(array, image()), targets: [{ luns: [{ size: 'large' as never }] }] }),
    [expect.stringMatching(/^targets\[0\]\.luns\[0\]\.size: found "large"; allowed: /)],
  ],
]

describe('refused, and nothing has changed', () => {
  test.each(CASES)('%s', async (_, next, lines) => {
    const array = await arrayForTest([image()])
    const session = await array.disk()
    await session.write(0, pattern(512, 1))
    const before = await disk(array)
    expect(await refusal(array, next(array))).toEqual(lines)
    expect(await disk(array)).toEqual(before)
    expect(await news(session)).toEqual([])
    expect(await reported(session)).toEqual([0])
    expect(await session.read(0, 1)).toEqual(pattern(512, 1))
    const { data } = await session.run(READ_CAPACITY_16, { allocationLength: 32 }, { dataInLength: 32 })
    expect(data.readBigUInt64BE(0)).toBe(BigInt(MIB / 512 - 1))
    expect(await change(array, [image(), memory({ id: 1 })])).toHaveLength(1) // it is not stuck either
  })

  test('a LUN opened for reading only does not become writable, one that was writable may', async () => {
    const array = await arrayForTest([memory({ readOnly: true }), memory({ id: 1 })])
    const session = await quiet(array, [0, 1])
    await change(array, [memory({ readOnly: true }), memory({ id: 1, readOnly: true })])
    expect(await refusal(array, lun(array, memory(), memory({ id: 1 })))).toEqual([
      'targets[0].luns[0].readOnly: found false; allowed: true (its image was opened for reading only; restart the array to change this)',
    ])
    const write = (to: Disk) => to.run(WRITE_16, { blocks: 1 }, { dataOut: Buffer.alloc(512) })
    expect(await news(sees(session, 1))).toEqual([SENSE.MODE_PARAMETERS_CHANGED])
    expectSense(await write(sees(session, 1)), SENSE.WRITE_PROTECTED)
    await change(array, [memory({ readOnly: true }), memory({ id: 1 })])
    await news(sees(session, 1))
    expectGood(await write(sees(session, 1)))
  })

  test('a LUN that has no room to grow is as it was', async () => {
    const array = await arrayForTest([image({ store: { type: 'file' } }), memory({ id: 1 })])
    const session = await quiet(array, [0, 1])
    const grown = lun(array, image({ store: { type: 'file' }, size: '4000TiB' }), memory({ id: 1, size: 2 * SIZE }))
    expect(await refusal(array, grown)).toEqual([expect.stringMatching(/^targets\[0\]\.luns\[0\]\.size: /)])
    expect(await news(session)).toEqual([])
    expect(await news(sees(session, 1))).toEqual([])
    expect((await stat(join(array.data, 'lun0.img'))).size).toBe(MIB)
  })

  test('a state that cannot be written', async () => {
    const array = await arrayForTest([image()])
    const session = await array.disk()
    await rm(join(array.data, 'state.json'))
    await mkdir(join(array.data, 'state.json')) // nothing can be renamed to it
    expect(await refusal(array, lun(array, image(), image({ id: 1 })))).toEqual([
      expect.stringMatching(/^cannot write the array's state: /),
    ])
    expect((await readdir(array.data)).sort()).toEqual(['lun0.img', 'state.json'])
    expect(await reported(session)).toEqual([0])
  })
})

describe('one at a time', () => {
  test('calls are carried out in their order, each on what the one before has made', async () => {
    const array = await arrayForTest([memory()])
    const steps = Array.from({ length: 12 }, (_, step) =>
      change(array, [memory(), ...(step % 2 === 0 ? [image({ id: 1 })] : []), memory({ id: 2 + step })]),
    )
    const changes = await Promise.all(steps)
    for (const [step, lines] of changes.entries())
      expect(lines.some((line) => line.includes(`LUN ${2 + step}: added`))).toBe(true)
    const session = await quiet(array, [0])
    expect(await reported(session)).toEqual([0, 13])
  })

  test('one that is refused holds up none', async () => {
    const array = await arrayForTest([memory()])
    const [first, second, third] = await Promise.allSettled([
      change(array, [memory({ size: 512 })]),
      change(array, [memory(), memory({ id: 1 })]),
      change(array, [memory({ size: 1024 })]),
    ])
    expect([first.status, second.status, third.status]).toEqual(['rejected', 'fulfilled', 'rejected'])
  })
})

describe('an array that closes', () => {
  test('while it is being changed: it is closed, what was opened is let go', async () => {
    const array = await arrayForTest([image()])
    const changing = [1, 2, 3].map((id) => change(array, [image(), image({ id })]))
    const closed = array.running.close()
    const settled = await Promise.allSettled(changing)
    await closed
    for (const result of settled) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(OperatorError)
    expect(settled.at(-1)?.status).toBe('rejected')
    const again = await startArray(lun(array, image(), image({ id: 1 }), image({ id: 2 }), image({ id: 3 })))
    await again.close()
  })

  test('is not changed any more', async () => {
    const array = await arrayForTest([memory()])
    await array.running.close()
    expect(await refusal(array, lun(array, memory({ id: 1 })))).toEqual([
      'the array is closing: nothing of it can be changed any more',
    ])
    await array.running.close() // and closing again is nothing
  })
})
