// How far something long has got: drawn on a terminal, told step by step elsewhere.

import { describe, expect, test } from 'vitest'
import { counted, formatBytes, progressLine, startProgress } from '../../src/cli/vmfs/progress.ts'

const MIB = 1024 * 1024

function recorded(isTTY: boolean, columns = 80) {
  let text = ''
  let nowMs = 0
  const stderr = {
    ...{ isTTY, columns },
    write: (more: string | Uint8Array) => {
      text += more
    },
  }
  const progress = startProgress('put', formatBytes, { stderr }, () => nowMs)
  return {
    progress,
    text: () => text,
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

describe('a line of it', () => {
  test.each([
    [{ done: 5 * MIB, total: 20 * MIB }, 0, 'put: 25% of 20 MiB'],
    [{ done: 5 * MIB, total: 20 * MIB }, 2000, 'put: 25% of 20 MiB, 2.50 MiB/s, 6.0 s left'],
    [{ done: MIB, total: 1000 * MIB }, 1000, 'put: 0% of 1000 MiB, 1 MiB/s, 16 min 39 s left'],
    [{ done: 3 * MIB }, 1000, 'put: 3 MiB, 3 MiB/s'],
    [{ done: 0, total: 0 }, 5000, 'put: 0 B, 0 B/s'],
    [{ done: 0, total: 10 }, 5000, 'put: 0% of 10 B, 0 B/s'],
  ])('%j after %i ms', (count, ms, line) => {
    expect(progressLine('put', formatBytes, count, ms)).toBe(line.replace('1000 MiB', formatBytes(1000 * MIB)))
  })
})

test('on a terminal the line is drawn again, not more than five times in a second, no wider than it is, and cleared', () => {
  const { progress, text, pass } = recorded(true, 20)
  for (let i = 0; i < 100; i++) {
    progress.update({ done: i, total: 100 })
    pass(10)
  }
  const drawn = text().split('\r\u001b[K').slice(1)
  expect(drawn).toHaveLength(5)
  for (const line of drawn) expect(line.length).toBeLessThan(20)
  progress.end()
  expect(text().endsWith('\r\u001b[K')).toBe(true)
  expect(text()).not.toContain('\n')
})

test('elsewhere there is a line for each step, and no other', () => {
  const { progress, text, pass } = recorded(false)
  progress.update({ done: 5, total: 10 })
  pass(1500)
  progress.step('10 files, 3 MiB')
  progress.end()
  expect(text()).toBe('put: 10 files, 3 MiB, 1.5 s\n')
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1024, '1 KiB'],
  [1536, '1.50 KiB'],
  [15 * 1024 + 512, '15.5 KiB'],
  [300 * MIB, '300 MiB'],
  [2 ** 41, '2 TiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test('things are counted', () => {
  expect([0, 1, 10_000].map(counted('file'))).toEqual(['0 files', '1 file', '10,000 files'])
})
