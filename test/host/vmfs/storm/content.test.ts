// What the files of a storm hold tells of itself whether it is what was written.

import { describe, expect, test } from 'vitest'
import { contentOf, verify } from '../../../../src/host/vmfs/storm/content.ts'

const SEED = 7n

describe('content of a storm', () => {
  test('what was written in parts is one whole', () => {
    const parts = Buffer.concat([contentOf(SEED, 0, 512), contentOf(SEED, 512, 4096)])
    expect(parts).toEqual(contentOf(SEED, 0, 4608))
    expect(verify('/f', parts)).toBe(SEED)
    expect(verify('/f', parts, { seed: SEED, length: 4608 })).toBe(SEED)
  })

  const whole = contentOf(SEED, 0, 1024)
  const changed = (at: number) => {
    const image = Buffer.from(whole)
    image[at] = (image[at] ?? 0) ^ 1
    return image
  }
  test.each([
    ['a byte that differs', changed(1000), 'byte 1000 of 1024 differs'],
    ['another file', Buffer.concat([contentOf(SEED, 0, 512), contentOf(8n, 512, 512)]), 'byte 512 of 1024 differs'],
    ['a part that stands elsewhere', Buffer.concat([whole.subarray(0, 512), whole.subarray(0, 512)]), 'differs'],
    ['zeros', Buffer.alloc(1024), 'differs'],
    ['nothing', Buffer.alloc(0), '0 bytes'],
    ['half a unit', whole.subarray(0, 1000), '1000 bytes'],
  ])('%s is told', (_, data, message) => {
    expect(() => verify('/f', data)).toThrow(
      expect.objectContaining({ problem: 'damaged', message: expect.stringContaining(message) }),
    )
  })

  test('less than was written, and what another host has made, are told', () => {
    expect(() => verify('/f', whole, { seed: SEED, length: 1040 })).toThrow('it has 1024 bytes, and 1040 were written')
    expect(() => verify('/f', whole, { seed: 8n, length: 1024 })).toThrow('byte 0 of 1024 differs')
  })
})
