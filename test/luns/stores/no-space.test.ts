// A full disk: a file system of 1 MiB in memory, where this process may mount one.

import { spawnSync } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { Gate, MATCH } from '../../../luns/gate.ts'
import { linux } from '../../../luns/linux.ts'
import { Pool } from '../../../luns/pool.ts'
import { openStore } from '../../../luns/stores/index.ts'
import { expectBytes, failureOf, pattern, temporaryFolder, withoutKoffi } from '../tools.ts'

const MIB = 1024 * 1024
const PIECE = 64 * 1024
const portable = await withoutKoffi(() => import('../../../luns/stores/index.ts'))

async function smallDisk(ctx: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  ctx.skip(status !== 0, 'mounting a small tmpfs needs root')
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return folder
}

describe.each([
  ['with koffi', openStore],
  ['without koffi', portable.openStore],
])('a full disk, %s', (_, openStore) => {
  const openThin = async (ctx: TestContext) => {
    const path = join(await smallDisk(ctx), 'image')
    return openStore({ type: 'sparse', path }, { length: 4 * MIB, readOnly: false })
  }

  test("writes that need new blocks fail with 'no space'; the rest go on", async (ctx) => {
    const store = await openThin(ctx)
    const data = pattern(PIECE, 1)
    let filled = 0
    await expect(
      (async () => {
        for (; filled < 4 * MIB; filled += PIECE) await store.write(data, 0, PIECE, filled)
      })(),
    ).rejects.toSatisfy((error) => failureOf(error) === 'no space')
    expect(filled).toBeGreaterThan(MIB / 2)
    expect(() => store.writeNow(data, 0, PIECE, 3 * MIB)).toThrow(expect.objectContaining({ failure: 'no space' }))
    const other = pattern(PIECE, 2)
    expect(store.writeNow(other, 0, PIECE, 0)).toBe(true)
    await store.write(other, 0, PIECE, PIECE)
    const target = Buffer.alloc(2 * PIECE)
    await store.read(target, 0, 2 * PIECE, 0)
    expectBytes(target, Buffer.concat([other, other]))
    await store.close()
  })

  test('COMPARE AND WRITE that lacks space part of the way leaves the medium as it was', async (ctx) => {
    const store = await openThin(ctx)
    const gate = new Gate(store, { writeThrough: false })
    const half = pattern(PIECE, 1)
    await gate.write(half, 0, PIECE, 3 * MIB - PIECE, false)
    const room = gate.writeSame(pattern(512, 2), 0, 2 * MIB, { unmap: false, fua: false })
    await expect(room).rejects.toSatisfy((error) => failureOf(error) === 'no space')
    const expected = Buffer.concat([half, Buffer.alloc(PIECE)])
    for (const fua of [false, true]) {
      const attempt = async () => gate.compareAndWrite(expected, pattern(2 * PIECE, 3), 3 * MIB - PIECE, fua)
      await expect(attempt()).rejects.toSatisfy((error) => failureOf(error) === 'no space')
      expect(await gate.verify(expected, 3 * MIB - PIECE)).toBe(MATCH)
    }
    await gate.close()
  })

  test('a fully allocated image that does not fit is refused; one that fits never lacks space', async (ctx) => {
    const folder = await smallDisk(ctx)
    const open = (length: number) =>
      openStore({ type: 'file', path: join(folder, 'image') }, { length, readOnly: false })
    await expect(open(2 * MIB)).rejects.toThrow('the disk is too small')
    expect(await readdir(folder)).toEqual([])
    const store = await open(MIB / 2)
    const filler = openStore({ type: 'file', path: join(folder, 'filler') }, { length: MIB / 4, readOnly: false })
    await (await filler).close()
    await store.write(pattern(MIB / 2, 1), 0, MIB / 2, 0)
    await store.zero!(0, MIB / 2)
    await store.write(pattern(MIB / 2, 1), 0, MIB / 2, 0)
    await store.close()
    await rm(join(folder, 'filler'))
  })
})

test.runIf(linux)('what could not be written takes nothing of the pool', async (ctx) => {
  const path = join(await smallDisk(ctx), 'image')
  const pool = new Pool('thin', { capacity: 64 * MIB, softThreshold: 64 * MIB })
  const open = (pool: Pool) => openStore({ type: 'sparse', path }, { length: 64 * MIB, readOnly: false, pool })
  const store = await open(pool)
  const data = pattern(PIECE, 1)
  let failed = 0
  for (let at = 0; at < 16 * MIB; at += PIECE) {
    // Beside the grains, at once and in a thread.
    const write = async () => store.writeNow(data, 0, PIECE, at + 512) || (await store.write(data, 0, PIECE, at + 512))
    await (at % (2 * PIECE) === 0 ? write() : store.write(data, 0, PIECE, at + 512)).catch((error) => {
      expect(failureOf(error)).toBe('no space')
      failed++
    })
  }
  expect(failed).toBeGreaterThan(200)
  const { used } = pool
  expect(used).toBe(store.allocated)
  expect(used).toBeLessThanOrEqual(MIB)
  await store.close()
  const counted = new Pool('thin', { capacity: 64 * MIB, softThreshold: 64 * MIB })
  const reopened = await open(counted)
  expect(counted.used).toBe(used)
  await reopened.close()
})

test.runIf(linux)('unmapping makes room', async (ctx) => {
  const path = join(await smallDisk(ctx), 'image')
  const store = await openStore({ type: 'sparse', path }, { length: 4 * MIB, readOnly: false })
  const data = pattern(PIECE, 1)
  await expect(store.write(pattern(2 * MIB, 1), 0, 2 * MIB, 0)).rejects.toMatchObject({ failure: 'no space' })
  await store.unmap!(0, 4 * PIECE)
  await store.write(data, 0, PIECE, 3 * MIB)
  const target = Buffer.alloc(PIECE)
  await store.read(target, 0, PIECE, 3 * MIB)
  expectBytes(target, data)
  await store.close()
})
