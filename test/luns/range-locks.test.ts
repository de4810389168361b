import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alone, type Claim, type RangeLock, RangeLocks, shared } from '../../luns/range-locks.ts'

/** Asks for a lock and tells what has come of it. */
function ask(locks: RangeLocks, ...claims: Claim[]) {
  const asked = { lock: undefined as RangeLock | undefined }
  locks.acquire(claims).then((lock) => {
    asked.lock = lock
  })
  return asked
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('range locks', () => {
  test('nothing held: nothing excludes', () => {
    const locks = new RangeLocks()
    expect([locks.excludes(0, 512), locks.touches(0, 512)]).toEqual([false, false])
  })

  test.each([
    [shared(0, 10), shared(5, 10), true],
    [shared(0, 10), alone(5, 10), false],
    [alone(0, 10), shared(9, 1), false],
    [alone(0, 10), alone(0, 10), false],
    [alone(5, 10), alone(0, 100), false],
    [alone(0, 10), alone(10, 10), true],
    [alone(10, 10), shared(0, 10), true],
    [alone(0, 10), shared(5, 0), true],
  ])('%o beside %o: %s', (first, second, together) => {
    const locks = new RangeLocks()
    const held = locks.tryAcquire([first])
    const other = locks.tryAcquire([second])
    expect([held !== undefined, other !== undefined]).toEqual([true, together])
    locks.release(held!)
    if (!other) expect(locks.tryAcquire([second])).toBeDefined()
  })

  test('what answers at once asks before it runs', () => {
    const locks = new RangeLocks()
    const read = locks.tryAcquire([shared(0, 512)])!
    expect([locks.excludes(0, 512), locks.touches(511, 1), locks.touches(512, 512)]).toEqual([false, true, false])
    const compare = locks.tryAcquire([alone(512, 512)])!
    expect([locks.excludes(0, 512), locks.excludes(0, 513), locks.excludes(1023, 1)]).toEqual([false, true, true])
    locks.release(compare)
    locks.release(read)
    expect([locks.excludes(0, 1024), locks.touches(0, 1024)]).toEqual([false, false])
  })

  test('an exclusive one that waits holds back later ones that overlap, and no others', async () => {
    const locks = new RangeLocks()
    const first = locks.tryAcquire([shared(0, 10)])!
    const exclusive = ask(locks, alone(5, 10))
    const later = ask(locks, shared(8, 10))
    const elsewhere = ask(locks, shared(0, 5))
    expect([locks.excludes(5, 1), locks.excludes(0, 5)]).toEqual([true, false])
    await turn()
    expect([exclusive.lock, later.lock, elsewhere.lock !== undefined]).toEqual([undefined, undefined, true])
    locks.release(first)
    await turn()
    expect([exclusive.lock !== undefined, later.lock]).toEqual([true, undefined])
    locks.release(exclusive.lock!)
    await turn()
    expect(later.lock).toBeDefined()
  })

  test('a shared one that waits holds back a later exclusive one', async () => {
    const locks = new RangeLocks()
    const held = locks.tryAcquire([alone(0, 10)])!
    const read = ask(locks, shared(5, 10))
    const compare = ask(locks, alone(12, 4))
    await turn()
    expect(compare.lock).toBeUndefined()
    locks.release(held)
    await turn()
    expect([read.lock !== undefined, compare.lock]).toEqual([true, undefined])
    locks.release(read.lock!)
    await turn()
    expect(compare.lock).toBeDefined()
  })

  test('the claims of one lock come together, and do not exclude each other', async () => {
    const locks = new RangeLocks()
    const held = locks.tryAcquire([shared(100, 10)])!
    const copy = ask(locks, shared(0, 50), alone(100, 50))
    const rival = ask(locks, shared(100, 10), alone(0, 50))
    await turn()
    expect([copy.lock, rival.lock, locks.excludes(0, 50)]).toEqual([undefined, undefined, true])
    locks.release(held)
    await turn()
    expect([copy.lock !== undefined, rival.lock]).toEqual([true, undefined])
    locks.release(copy.lock!)
    await turn()
    expect(rival.lock).toBeDefined()
    expect(new RangeLocks().tryAcquire([shared(0, 10), alone(5, 10)])).toBeDefined()
  })

  test('releasing what is not held is a mistake', () => {
    const locks = new RangeLocks()
    const lock = locks.tryAcquire([alone(0, 1)])!
    locks.release(lock)
    expect(() => locks.release(lock)).toThrow(RangeError)
  })

  test('any schedule: no two that exclude each other at once, first come first served, nobody forgotten', async () => {
    const claim = fc.record({ offset: fc.nat(20), length: fc.integer({ min: 1, max: 8 }), exclusive: fc.boolean() })
    const task = fc.record({ claims: fc.array(claim, { minLength: 1, maxLength: 2 }), after: fc.nat(3) })
    await fc.assert(
      fc.asyncProperty(fc.array(task, { maxLength: 40 }), async (tasks) => {
        const locks = new RangeLocks()
        const running = new Set<number>()
        const began: number[] = []
        const run = async (index: number) => {
          const lock = await locks.acquire(tasks[index]!.claims)
          for (const other of running) expect(exclude(tasks[other]!.claims, tasks[index]!.claims)).toBe(false)
          running.add(index)
          began.push(index)
          for (let turns = 0; turns < tasks[index]!.after; turns++) await turn()
          running.delete(index)
          locks.release(lock)
        }
        await Promise.all(tasks.map((_, index) => run(index)))
        for (const [place, index] of began.entries())
          for (const later of began.slice(place + 1))
            if (exclude(tasks[index]!.claims, tasks[later]!.claims)) expect(index).toBeLessThan(later)
        expect(began).toHaveLength(tasks.length)
        expect(locks.touches(0, 100)).toBe(false)
      }),
    )
  })
})

function exclude(these: readonly Claim[], those: readonly Claim[]): boolean {
  return these.some((a) =>
    those.some((b) => (a.exclusive || b.exclusive) && a.offset < b.offset + b.length && b.offset < a.offset + a.length),
  )
}
