// A medium that grows while it is used.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Gate } from '../../luns/gate.ts'
import { Pool } from '../../luns/pool.ts'
import { openStore, type StoreSpec } from '../../luns/stores/index.ts'
import { contentOf, expectBytes, failureOf, pattern, temporaryFolder, waitingGate, withoutKoffi } from './tools.ts'

const SECTOR = 512
const KIB = 1024
const MIB = 1024 * KIB

const portable = await withoutKoffi(() => import('../../luns/stores/index.ts'))

const KINDS: { kind: string; type: StoreSpec['type']; open: typeof openStore }[] = [
  { kind: 'memory', type: 'memory', open: openStore },
  { kind: 'sparse', type: 'sparse', open: openStore },
  { kind: 'sparse without koffi', type: 'sparse', open: portable.openStore },
  { kind: 'file', type: 'file', open: openStore },
  { kind: 'file without koffi', type: 'file', open: portable.openStore },
]

describe.each(KINDS)('growing $kind', ({ type, open }) => {
  async function opened(length: number, { pool, readOnly = false }: { pool?: Pool; readOnly?: boolean } = {}) {
    const path = join(await temporaryFolder({ inMemory: true }), 'image')
    if (readOnly) await (await open({ type, path }, { length, readOnly: false })).close()
    const store = await open({ type, path }, { length, readOnly, pool })
    return { gate: new Gate(store, { writeThrough: false }), path }
  }

  test('keeps the old part; the new one reads as zeroes, and can be used', async () => {
    const { gate, path } = await opened(MIB + SECTOR)
    const data = pattern(MIB + SECTOR, 1)
    await gate.write(data, 0, data.length, 0, false)
    await gate.resize(3 * MIB)
    expect(gate.length).toBe(3 * MIB)
    expectBytes(await contentOf(gate), Buffer.concat([data, Buffer.alloc(2 * MIB - SECTOR)]))
    await gate.write(data, 0, MIB, 2 * MIB, false)
    expect(gate.writeNow(data, 0, SECTOR, 3 * MIB - SECTOR, false)).toBe(true)
    await expect(gate.write(data, 0, SECTOR, 3 * MIB, false)).rejects.toThrow(RangeError)
    const content = await contentOf(gate)
    await gate.close()
    if (type === 'memory') return
    const again = new Gate(await open({ type, path }, { length: 3 * MIB, readOnly: false }), { writeThrough: false })
    expectBytes(await contentOf(again), content)
    await again.close()
  })

  test('in its pool: thin by what is written later, thick at once', async () => {
    const pool = new Pool('p', { capacity: 4 * MIB, softThreshold: 4 * MIB })
    const { gate, path } = await opened(MIB, { pool })
    const thick = type === 'file'
    await gate.resize(2 * MIB)
    expect([pool.used, gate.allocatedBytes]).toEqual(thick ? [2 * MIB, 2 * MIB] : [0, 0])
    if (thick) expect(512 * (await stat(path)).blocks).toBeGreaterThanOrEqual(2 * MIB)
    await gate.write(pattern(MIB, 1), 0, MIB, MIB, false)
    expect(pool.used).toBe(thick ? 2 * MIB : MIB)
    if (thick) {
      await expect(gate.resize(5 * MIB)).rejects.toSatisfy((error) => failureOf(error) === 'no space')
      expect([gate.length, pool.used, (await stat(path)).size]).toEqual([2 * MIB, 2 * MIB, 2 * MIB])
    } else await gate.resize(5 * MIB)
    await gate.close()
    expect(pool.used).toBe(0)
  })

  test('to less, or to no length: RangeError, and it stays as it is; to the same: nothing', async () => {
    const { gate } = await opened(MIB)
    for (const length of [MIB - 1, 0, -1, Number.NaN, MIB + 0.5, Number.POSITIVE_INFINITY])
      await expect(gate.resize(length)).rejects.toThrow(RangeError)
    await gate.resize(MIB)
    expect(gate.length).toBe(MIB)
    await gate.close()
    await expect(gate.resize(2 * MIB)).rejects.toThrow('closed')
  })

  test('read-only: refused', async () => {
    const { gate } = await opened(MIB, { readOnly: true })
    await expect(gate.resize(2 * MIB)).rejects.toSatisfy((error) => failureOf(error) === 'read-only')
    expect(gate.length).toBe(MIB)
    await gate.close()
  })

  test('beside reads, writes, unmaps, copies and other resizes, and before a close', async () => {
    const { gate } = await opened(MIB)
    const data = pattern(MIB, 1)
    const sizes = [2, 3, 4, 3].map((n) => gate.resize(n * MIB))
    const work = [
      gate.write(data, 0, MIB, 0, true),
      gate.read(Buffer.alloc(MIB), 0, MIB, 0),
      gate.copyFrom(gate, 0, 512 * KIB, 512 * KIB),
      gate.unmap(256 * KIB, 256 * KIB),
    ]
    const results = await Promise.allSettled(sizes)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
    await Promise.all(work)
    expect(gate.length).toBe(4 * MIB)
    await gate.write(data, 0, MIB, 3 * MIB, false)
    const last = gate.resize(5 * MIB)
    const closing = gate.close()
    await last
    await closing
    await expect(gate.read(data, 0, 1, 4 * MIB)).rejects.toThrow('closed')
  })
})

test('a null store grows; a store that cannot says so', async () => {
  const gate = new Gate(await openStore({ type: 'null' }, { length: MIB, readOnly: false }), { writeThrough: false })
  await gate.resize(2 * MIB)
  expect(await gate.extent(0, 2 * MIB)).toEqual({ offset: 0, length: 2 * MIB, mapped: false })
  const fixed = waitingGate(MIB)
  await expect(fixed.resize(2 * MIB)).rejects.toMatchObject({ failure: 'I/O error' })
  expect([fixed.length, fixed.allocatedBytes, fixed.pool]).toEqual([MIB, MIB, undefined])
})
