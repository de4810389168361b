import { describe, expect, test } from 'vitest'
import { GroupSync } from '../../luns/group-sync.ts'

/** A sync that ends when told to. */
function controlled() {
  const ends: ((error?: Error) => void)[] = []
  const sync = () =>
    new Promise<void>((resolve, reject) => {
      ends.push((error) => (error ? reject(error) : resolve()))
    })
  return { ends, group: new GroupSync(sync) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('group commit', () => {
  test('callers that come while one sync runs share the next one, not this one', async () => {
    const { ends, group } = controlled()
    const done: string[] = []
    group.flush().then(() => done.push('first'))
    for (const name of ['second', 'third']) group.flush().then(() => done.push(name))
    await turn()
    expect(ends).toHaveLength(1)
    ends[0]!()
    await turn()
    expect([done, ends.length]).toEqual([['first'], 2])
    group.flush().then(() => done.push('fourth'))
    ends[1]!()
    await turn()
    expect([done, ends.length]).toEqual([['first', 'second', 'third'], 3])
    ends[2]!()
    await turn()
    expect(done).toEqual(['first', 'second', 'third', 'fourth'])
  })

  test('a caller between two syncs joins the one that is about to begin', async () => {
    const { ends, group } = controlled()
    const first = group.flush()
    let third: Promise<void> | undefined
    first.then(() => {
      third = group.flush()
    })
    const second = group.flush()
    ends[0]!()
    await turn()
    expect(ends).toHaveLength(2)
    ends[1]!()
    await Promise.all([second, third])
    expect(ends).toHaveLength(2)
  })

  test('a failed sync fails everyone who waits, and every later flush: the data may be lost', async () => {
    const { ends, group } = controlled()
    const lost = new Error('EIO')
    const waiting = [group.flush(), group.flush(), group.flush()]
    ends[0]!(lost)
    for (const result of await Promise.allSettled(waiting)) expect(result).toEqual({ status: 'rejected', reason: lost })
    await expect(group.flush()).rejects.toBe(lost)
    expect(ends).toHaveLength(1)
  })

  test('100 callers: two syncs', async () => {
    let syncs = 0
    const group = new GroupSync(async () => {
      syncs++
      await turn()
    })
    await Promise.all(Array.from({ length: 100 }, () => group.flush()))
    expect(syncs).toBe(2)
  })
})
