// The system's clock where Node's timers fall short of it.

import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/host/index.ts'

test.each([2 ** 31, Number.POSITIVE_INFINITY])('%d ms are a long time, not none', async (ms) => {
  let due = false
  const cancel = systemClock.after(ms, () => {
    due = true
  })
  const start = systemClock.now()
  while (systemClock.now() < start + 20) await turn() // a timer of one millisecond would come
  cancel()
  expect(due).toBe(false)
})
