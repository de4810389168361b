// Data of a put that may have to be handed out twice.

import { describe, expect, test } from 'vitest'
import { ReplayableSource } from '../../../../src/host/vmfs/operations/replayable-source.ts'

const KEPT = 8

function source(pieces: number) {
  const told = { given: 0, returned: 0, last: 0 }
  async function* give() {
    const memory = new Uint8Array(4)
    try {
      for (let piece = 0; piece < pieces; piece++) {
        told.given++
        yield memory.fill(piece)
      }
    } finally {
      told.returned++
    }
  }
  return { told, data: new ReplayableSource(give(), () => told.last++, KEPT) }
}

async function all(data: AsyncIterable<Uint8Array>, atMost = Number.POSITIVE_INFINITY): Promise<number[]> {
  const pieces: number[] = []
  for await (const piece of data) {
    if (pieces.length >= atMost) break
    pieces.push(piece[0]!)
  }
  return pieces
}

describe('the data of a put', () => {
  test('what is kept is handed out again, also after it was left in the middle; the source may use its memory again', async () => {
    const { data, told } = source(2)
    expect(await all(data, 1)).toEqual([0])
    expect(told.returned).toBe(0)
    expect(await all(data)).toEqual([0, 1])
    expect(await all(data)).toEqual([0, 1])
    expect(told).toMatchObject({ given: 2, last: 0 })
  })

  test('nothing is taken of the source before it is asked for', async () => {
    const { data, told } = source(2)
    expect(told.given).toBe(0)
    await data.close()
    expect(told.given).toBe(0)
  })

  test('more than is kept: told once, handed out once, and then refused with the cure', async () => {
    const { data, told } = source(5)
    expect(await all(data)).toEqual([0, 1, 2, 3, 4])
    expect(told.last).toBe(1)
    await expect(all(data)).rejects.toThrow(/other hosts have held what the file needs while its data came: try again/)
  })

  test('the put fails: the source is told that nothing more is wanted', async () => {
    const { data, told } = source(5)
    await all(data, 1)
    await data.close()
    expect(told.returned).toBe(1)
  })
})
