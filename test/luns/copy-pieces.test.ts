import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BUFFER_BYTES, copyPieces } from '../../luns/copy-pieces.ts'

const MIB = 1024 * 1024

describe('copy pieces', () => {
  test('between two media: ascending, 16 MiB each', () => {
    const pieces = [...copyPieces(512, 4096, 40 * MIB, false)]
    expect(pieces).toEqual([
      { sourceOffset: 512, offset: 4096, length: 16 * MIB, overlaps: false },
      { sourceOffset: 512 + 16 * MIB, offset: 4096 + 16 * MIB, length: 16 * MIB, overlaps: false },
      { sourceOffset: 512 + 32 * MIB, offset: 4096 + 32 * MIB, length: 8 * MIB, overlaps: false },
    ])
  })

  test('nothing to copy, or onto itself: no piece', () => {
    expect([...copyPieces(512, 512, MIB, true)]).toEqual([])
    expect([...copyPieces(512, 512, MIB, false)]).toHaveLength(1)
    expect([...copyPieces(0, 512, 0, true)]).toEqual([])
  })

  test('inside one medium no piece destroys what a later one reads, and all of it is covered', () => {
    const sectors = fc.nat(200).map((n) => n * 64 * 1024)
    const distance = fc.oneof(fc.constantFrom(512, 4096, MIB, MIB + 512, 16 * MIB, 17 * MIB), sectors)
    fc.assert(
      fc.property(sectors, distance, fc.boolean(), sectors, (low, apart, up, length) => {
        const [from, to] = up ? [low, low + apart] : [low + apart, low]
        const pieces = [...copyPieces(from, to, length, true)]
        expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(apart === 0 ? 0 : length)
        for (const [index, piece] of pieces.entries()) {
          expect(piece.offset - to).toBe(piece.sourceOffset - from)
          const own = Math.abs(piece.offset - piece.sourceOffset) < piece.length
          expect(piece.overlaps).toBe(own)
          if (piece.overlaps) expect(piece.length).toBeLessThanOrEqual(BUFFER_BYTES)
          for (const later of pieces.slice(index + 1)) {
            const start = Math.max(piece.offset, later.sourceOffset)
            const end = Math.min(piece.offset + piece.length, later.sourceOffset + later.length)
            expect(start, 'a source read after it was written over').toBeGreaterThanOrEqual(end)
          }
        }
      }),
      {
        examples: [
          [0, 512, true, 3 * MIB],
          [0, 512, false, 3 * MIB],
        ],
      },
    )
  })
})
