import { describe, expect, test } from 'vitest'
import { STALLED, StallGuard } from '../../luns/stall-guard.ts'

describe('stall guard', () => {
  function guarded() {
    const clock = { ms: 1000 }
    return { clock, guard: new StallGuard(() => clock.ms) }
  }

  test('quick calls go on', () => {
    const { clock, guard } = guarded()
    for (let i = 0; i < 10; i++) {
      const entered = guard.enter()
      expect(entered).not.toBe(STALLED)
      clock.ms += 1.9
      guard.leave(entered)
    }
  })

  test.each([
    [2.5, 50],
    [5, 100],
    [200, 4000],
    [60_000, 5000],
  ])('after one of %d ms none for %d ms, then one is tried again', (took, pause) => {
    const { clock, guard } = guarded()
    const entered = guard.enter()
    clock.ms += took
    guard.leave(entered)
    expect(guard.enter()).toBe(STALLED)
    clock.ms += pause - 1
    expect(guard.enter()).toBe(STALLED)
    clock.ms += 1
    expect(guard.enter()).toBe(clock.ms)
  })
})
