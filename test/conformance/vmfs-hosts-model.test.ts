// What the vmfs-hosts suite holds files against: contents, operations of which nobody knows whether they happened, and files that
// several hosts write.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { bytesOf, type Content, digestOf, lengthOf, resized } from '../../conformance/vmfs-hosts/content.ts'
import type { Seen } from '../../conformance/vmfs-hosts/messages.ts'
import { difference, type Entry, FileModel, SharedFile } from '../../conformance/vmfs-hosts/model.ts'

const file = (...content: Content): Entry & object => ({ kind: 'file', content })
const ONE = file({ seed: 1, length: 1000 })
const TWO = file({ seed: 2, length: 1000 })
const NOTHING: Seen = { kind: 'nothing' }

function seen(entry: Entry, prefix?: Content): Seen {
  if (entry?.kind !== 'file') return { kind: entry?.kind ?? 'nothing' }
  const { content } = entry
  return {
    kind: 'file',
    length: lengthOf(content),
    digest: digestOf(content),
    ...(prefix && { prefix: digestOf(prefix) }),
  }
}

describe('a content', () => {
  test('is the same bytes each time, and a shorter one their beginning', () => {
    const whole = bytesOf({ seed: 7, length: 5000 })
    expect(bytesOf({ seed: 7, length: 5000 })).toEqual(whole)
    expect(bytesOf({ seed: 7, length: 100 })).toEqual(whole.subarray(0, 100))
    expect(bytesOf({ seed: 8, length: 100 })).not.toEqual(whole.subarray(0, 100))
  })

  test.each([0, 1, 999, 1000, 1001, 1500, 2000, 2500])('cut or continued with zeros to %i bytes', (length) => {
    const content = [
      { seed: 1, length: 1000 },
      { seed: 2, length: 1000 },
    ]
    const bytes = Buffer.concat([...content.map(bytesOf), Buffer.alloc(500)]).subarray(0, length)
    expect(digestOf(resized(content, length))).toBe(createHash('sha256').update(bytes).digest('hex'))
  })
})

test.each([
  ['another content', ONE, seen(TWO)],
  ['another length', ONE, seen(file({ seed: 1, length: 999 }))],
  ['a file that is gone', ONE, NOTHING],
  ['a file that should be gone', undefined, seen(ONE)],
  ['a directory in its place', ONE, { kind: 'directory' } as const],
  ['a file in the place of a directory', { kind: 'directory' } as const, seen(ONE)],
])('it finds %s', (_, wanted, found) => {
  expect(difference(wanted, found)).toMatch(/should be/)
})

describe('an operation of which nobody knows', () => {
  const put = [{ path: '/f', before: ONE, after: TWO }]
  const rename = [
    { path: '/from', before: ONE, after: undefined },
    { path: '/to', before: TWO, after: ONE },
  ]

  test.each([
    ['did not happen', put, [seen(ONE)], { '/f': ONE }],
    ['happened', put, [seen(TWO)], { '/f': TWO }],
    ['a rename that happened', rename, [NOTHING, seen(ONE)], { '/to': ONE }],
    ['a rename that did not', rename, [seen(ONE), seen(TWO)], { '/from': ONE, '/to': TWO }],
  ])('%s', (_, effects, found, wanted) => {
    const model = new FileModel()
    expect(model.settle(effects, found)).toBeUndefined()
    expect(Object.fromEntries(model.entries)).toEqual(wanted)
  })

  test.each([
    ['a third content', put, [seen(file({ seed: 3, length: 1000 }))]],
    ['nothing at all', put, [NOTHING]],
    ['half a rename: the file at both places', rename, [seen(ONE), seen(ONE)]],
    ['half a rename: the file lost', rename, [NOTHING, seen(TWO)]],
  ])('leaves %s: that is told', (_, effects, found) => {
    expect(new FileModel().settle(effects, found)).toMatch(/neither/)
  })

  test('may have written a part of what it was to append, behind what the file held', () => {
    const content = [{ seed: 1, length: 1000 }]
    const append = [{ path: '/f', before: ONE, after: file(...content, { seed: 2, length: 50 }), inParts: true }]
    const part = file(...content, { length: 20 })
    expect(new FileModel().settle(append, [seen(part, content)])).toBeUndefined()
    expect(new FileModel().settle(append, [seen(part, [{ seed: 9, length: 1000 }])])).toMatch(/neither/)
    expect(new FileModel().settle(append, [seen(file(...content, { length: 51 }), content)])).toMatch(/neither/)
    expect(new FileModel().settle(append, [NOTHING])).toMatch(/neither/)
  })
})

describe('a file that several write', () => {
  test('holds what was written last', () => {
    const shared = new SharedFile('/s')
    shared.begin(ONE)('done')
    shared.begin(TWO)('done')
    expect(shared.judge(seen(TWO))).toBeUndefined()
    expect(shared.judge(seen(ONE))).toMatch(/of the last writes/)
    expect(shared.judge(NOTHING)).toMatch(/of the last writes/)
  })

  test('holds either of two that were under way at once', () => {
    const shared = new SharedFile('/s')
    const [one, two] = [shared.begin(ONE), shared.begin(TWO)]
    one('done')
    two('done')
    expect(shared.judge(seen(ONE))).toBeUndefined()
    expect(shared.judge(seen(TWO))).toBeUndefined()
    expect(shared.judge(NOTHING)).toMatch(/of the last writes/)
  })

  test('may hold what nobody knows of, and what was there before', () => {
    const shared = new SharedFile('/s')
    shared.begin(ONE)('done')
    shared.begin(TWO)('unknown')
    expect(shared.judge(seen(ONE))).toBeUndefined()
    expect(shared.judge(seen(TWO))).toBeUndefined()
  })

  test('does not hold what did not happen', () => {
    const shared = new SharedFile('/s')
    shared.begin(ONE)('done')
    shared.begin(TWO)('not done')
    expect(shared.judge(seen(TWO))).toMatch(/of the last writes/)
  })
})
