// What whoever starts an array puts between a logical unit and its medium: it sees every write, in the context of its command.

import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import type { Store } from '../../luns/store.ts'
import { COMPARE_AND_WRITE, WRITE_10 } from '../../protocol/index.ts'
import { arrayForTest, memory } from './array.ts'
import { pattern } from './disk.ts'

test('a write and a COMPARE AND WRITE pass it, each as its initiator has sent it', async () => {
  const from = new AsyncLocalStorage<string>()
  const written: string[] = []
  const tell = (offset: number, length: number) => written.push(`${from.getStore()} at ${offset}: ${length}`)
  const medium = (store: Store): Store => {
    const { writeNow, write } = store
    store.writeNow = (source, at, length, offset) => {
      const done = writeNow.call(store, source, at, length, offset)
      if (done) tell(offset, length)
      return done
    }
    store.write = async (source, at, length, offset) => {
      await write.call(store, source, at, length, offset)
      tell(offset, length)
    }
    return store
  }
  const injector = ({ command, initiatorName }: { command: string; initiatorName: string }) => {
    from.enterWith(`${command} of ${initiatorName}`)
    return undefined
  }
  const array = await arrayForTest([memory()], {}, {}, { injector, medium })
  const [a, b] = [
    await array.disk(0, { initiatorName: 'iqn.2026-11.test:a' }),
    await array.disk(0, { initiatorName: 'iqn.2026-11.test:b' }),
  ]
  const compared = { dataOut: Buffer.concat([Buffer.alloc(512), pattern(512, 1)]) }
  await Promise.all([
    a.run(WRITE_10, { lba: 8, blocks: 512 }, { dataOut: pattern(512 * 512, 2) }),
    b.run(COMPARE_AND_WRITE, { lba: 1n, blocks: 1 }, compared),
  ])
  expect(written).toContain('COMPARE AND WRITE of iqn.2026-11.test:b at 512: 512')
  const others = written.filter((line) => !line.startsWith('COMPARE'))
  expect(others.length).toBeGreaterThan(0)
  for (const line of others) expect(line).toMatch(/^WRITE\(10\) of iqn\.2026-11\.test:a at /)
  expect(others.reduce((sum, line) => sum + Number(line.split(': ')[1]), 0)).toBe(512 * 512)
})
