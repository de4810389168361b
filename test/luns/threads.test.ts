import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore } from '../../luns/stores/index.ts'
import { Threads, threads } from '../../luns/threads.ts'
import { expectBytes, pattern, temporaryFolder } from './tools.ts'

/** Calls that go on until they are let go, and which of them have begun. */
function heldCalls() {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const call = (name: string) => () =>
    new Promise<void>((resolve) => {
      begun.push(name)
      ends.push(resolve)
    })
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
  const endFirst = () => {
    ends.shift()?.()
    return turn()
  }
  return { begun, call, turn, endFirst }
}

describe('threads', () => {
  test.each([
    { count: 4, cores: 8, slow: 3, bulk: 2 },
    { count: 4, cores: 2, slow: 3, bulk: 1 },
    { count: 4, cores: 1, slow: 3, bulk: 1 },
    { count: 16, cores: 64, slow: 15, bulk: 8 },
    { count: 1, cores: 1, slow: 1, bulk: 1 },
  ])('of $count on $cores cores $slow may be slow, $bulk of them bulk', async ({ count, cores, slow, bulk }) => {
    const { begun, call, turn } = heldCalls()
    const pool = new Threads(count, cores)
    for (let i = 0; i < 20; i++) void pool.bulk(call('bulk'))
    await turn()
    expect(begun).toHaveLength(bulk)
    for (let i = 0; i < 20; i++) void pool.slow(call('slow'))
    await turn()
    expect(begun).toHaveLength(slow)
  })

  test('in the order of arrival; one that fails makes room as well', async () => {
    const { begun, call, turn, endFirst } = heldCalls()
    const pool = new Threads(1, 1)
    const results = [
      pool.slow(call('a')).then(() => 'done'),
      pool.bulk(call('b')).then(() => 'done'),
      pool.slow(() => Promise.reject(new Error('no'))).catch(({ message }: Error) => message),
      pool.slow(call('c')).then(() => 'done'),
    ]
    await turn()
    expect(begun).toEqual(['a'])
    await endFirst()
    expect(begun).toEqual(['a', 'b'])
    await endFirst()
    expect(begun).toEqual(['a', 'b', 'c'])
    await endFirst()
    expect(await Promise.all(results)).toEqual(['done', 'done', 'no', 'done'])
  })

  test('all that may be slow is slow: a read goes on, a write waits its turn', async () => {
    const path = join(await temporaryFolder({ inMemory: true }), 'image')
    const store = await openStore({ type: 'sparse', path }, { length: 4096, readOnly: false })
    const data = pattern(4096, 1)
    await store.write(data, 0, 4096, 0)
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = Array.from({ length: 1100 }, () => threads.slow(() => held)) // UV_THREADPOOL_SIZE is at most 1024
    let written = false
    const write = store.write(pattern(4096, 2), 0, 4096, 0).then(() => {
      written = true
    })
    const target = Buffer.alloc(4096)
    await store.read(target, 0, 4096, 0)
    expectBytes(target, data)
    expect(written).toBe(false)
    release()
    await Promise.all([...slow, write])
    await store.read(target, 0, 4096, 0)
    expectBytes(target, pattern(4096, 2))
    await store.close()
  })
})
