// What glibc keeps in its heap after a burst is given back, where koffi can ask for it.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loadLinux } from '../../luns/linux.ts'
import { giveBackFreedMemory } from '../../src/cli/allocator.ts'

const possible = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header && loadLinux({})

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Leaves a hole of so many MiB in the heap: large blocks at its end would go back by themselves. */
function fragment(mib: number): Buffer[] {
  const blocks = Array.from({ length: mib * 32 }, () => Buffer.allocUnsafeSlow(32 * 1024).fill(1))
  return blocks.filter((_, index) => index % 64 === 0)
}

test('where koffi and glibc are there it is done now and then, and does no harm', () => {
  const timer = giveBackFreedMemory()
  expect(timer !== undefined).toBe(Boolean(possible))
  const kept = fragment(8)
  vi.advanceTimersByTime(60_000)
  expect(kept.every((block) => block.every((byte) => byte === 1))).toBe(true)
  expect(timer?.hasRef() ?? false).toBe(false)
  clearInterval(timer)
})

test('without koffi nothing is done', () => expect(giveBackFreedMemory({ LUNETTE_NO_KOFFI: '1' })).toBeUndefined())
