import { describe, expect, test } from 'vitest'
import type { Gate } from '../../luns/gate.ts'
import { WriteWatches } from '../../luns/write-watch.ts'
import { memoryGate, pattern, waitingGate } from './tools.ts'

const KIB = 1024
const LENGTH = 1024 * KIB

type Change = (gate: Gate, offset: number, length: number) => unknown

const CHANGES: [string, Change][] = [
  ['a write at once', (gate, offset, length) => gate.writeNow(pattern(length, 1), 0, length, offset, false)],
  ['a write', (gate, offset, length) => gate.write(pattern(length, 1), 0, length, offset, false)],
  [
    'COMPARE AND WRITE at once',
    (gate, offset, length) => gate.compareAndWrite(Buffer.alloc(length), pattern(length, 1), offset, false),
  ],
  [
    'COMPARE AND WRITE with FUA',
    (gate, offset, length) => gate.compareAndWrite(Buffer.alloc(length), pattern(length, 1), offset, true),
  ],
  [
    'WRITE SAME',
    (gate, offset, length) => gate.writeSame(pattern(512, 1), offset, length, { unmap: false, fua: false }),
  ],
  [
    'WRITE SAME of zeroes',
    (gate, offset, length) => gate.writeSame(Buffer.alloc(512), offset, length, { unmap: true, fua: false }),
  ],
  ['ORWRITE', (gate, offset, length) => gate.orWrite(pattern(length, 1), offset, false)],
  ['WRITE ATOMIC', (gate, offset, length) => gate.writeAtomic(pattern(length, 1), offset, false)],
  ['UNMAP', (gate, offset, length) => gate.unmap(offset, length)],
  ['a copy', (gate, offset, length) => gate.copyFrom(gate, 512 * KIB, offset, length)],
]

describe.each(CHANGES)('%s', (_, change) => {
  test('is seen where it touches a watched range, and nowhere else', async () => {
    const gate = memoryGate(LENGTH)
    const ranges = [
      { offset: 8 * KIB, length: 4 * KIB },
      { offset: 0, length: KIB },
      { offset: 20 * KIB, length: 0 },
    ]
    for (const [offset, length, seen] of [
      [KIB, KIB, false],
      [7 * KIB, KIB, false],
      [12 * KIB, KIB, false],
      [20 * KIB, KIB, false],
      [200 * KIB, 4 * KIB, false],
      [0, 512, true],
      [512, KIB, true],
      [11 * KIB + 512, KIB, true],
      [8 * KIB, 512, true],
      [512, 64 * KIB, true],
    ] as const) {
      const watch = await gate.watch(ranges)
      await change(gate, offset, length)
      expect({ offset, length, seen: watch.changed }).toEqual({ offset, length, seen })
      watch.stop()
      await gate.unmap(0, 64 * KIB)
      expect(watch.changed).toBe(seen)
    }
    await gate.close()
  })
})

describe('watching', () => {
  test('reading, verifying and flushing change nothing; nor does a miscompare', async () => {
    const gate = memoryGate(LENGTH)
    const watch = await gate.watch([{ offset: 0, length: LENGTH }])
    const buffer = Buffer.alloc(KIB)
    gate.readNow(buffer, 0, KIB, 0)
    await gate.read(buffer, 0, KIB, 0)
    await gate.verify(buffer, 0)
    await gate.prefetch(0, KIB)
    await gate.extent(0, KIB)
    await gate.flush()
    expect(await gate.compareAndWrite(pattern(512, 1), pattern(512, 2), 0, false)).toBe(0)
    expect(await gate.compareAndWrite(pattern(512, 1), pattern(512, 2), 0, true)).toBe(0)
    expect(watch.changed).toBe(false)
    await gate.close()
  })

  test('a write that was under way has ended when watching begins, and is not seen', async () => {
    const gate = waitingGate(LENGTH)
    const writing = gate.write(pattern(KIB, 1), 0, KIB, 0, false)
    const watch = await gate.watch([{ offset: 0, length: KIB }])
    const read = Buffer.alloc(KIB)
    await gate.read(read, 0, KIB, 0)
    expect(read.equals(pattern(KIB, 1))).toBe(true)
    await writing
    expect(watch.changed).toBe(false)
    await gate.close()
  })

  test('the pieces of a long copy that come after the watch are seen', async () => {
    const gate = waitingGate(LENGTH)
    const copying = gate.copyFrom(gate, 512 * KIB, 0, 512 * KIB)
    const watch = await gate.watch([{ offset: 900 * KIB, length: KIB }])
    const touched = await gate.watch([{ offset: 0, length: KIB }])
    await gate.copyFrom(gate, 512 * KIB, 0, 512)
    await copying
    expect([watch.changed, touched.changed]).toEqual([false, true])
    await gate.close()
  })

  test('a range outside the medium is refused', async () => {
    const gate = memoryGate(LENGTH)
    await expect(gate.watch([{ offset: LENGTH, length: 1 }])).rejects.toThrow(RangeError)
    await gate.close()
  })

  test('each watch sees its own ranges, and costs nothing once it has seen a change', () => {
    const watches = new WriteWatches()
    const [low, high, both] = [
      watches.begin([{ offset: 0, length: 10 }]),
      watches.begin([{ offset: 100, length: 10 }]),
      watches.begin([
        { offset: 100, length: 10 },
        { offset: 0, length: 10 },
      ]),
    ]
    expect(watches.count).toBe(3)
    watches.change(109, 1)
    expect([low.changed, high.changed, both.changed]).toEqual([false, true, true])
    expect(watches.count).toBe(1)
    low.stop()
    expect(watches.count).toBe(0)
    watches.change(0, 100)
    expect(low.changed).toBe(false)
  })
})
