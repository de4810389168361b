// What SANITIZE and FORMAT UNIT leave on the medium, pass by pass (SBC-3 4.11, SBC-4 5.4), over stores alone.

import { describe, expect, test } from 'vitest'
import { Gate } from '../../luns/gate.ts'
import { MemoryStore } from '../../luns/stores/memory.ts'
import { type Medium, type Order, orderSchema, passesOf } from '../../src/target/background-passes.ts'
import { MIB } from './array.ts'
import { pattern as patternOf } from './disk.ts'

const SIZE = 2 * MIB
const WRITTEN = 64 * 1024

const base64 = (...bytes: number[]): string => Buffer.from(bytes).toString('base64')

/** Data at the start and at the end, nothing between. */
async function mediumOf(blockSize = 512, thin = true): Promise<Medium> {
  const gate = new Gate(new MemoryStore(SIZE, false), { writeThrough: false })
  await gate.write(patternOf(WRITTEN, 1), 0, WRITTEN, 0, false)
  await gate.write(patternOf(WRITTEN, 2), 0, WRITTEN, SIZE - WRITTEN, false)
  return { gate, blockSize, thin }
}

async function contents({ gate }: Medium): Promise<Buffer> {
  const data = Buffer.alloc(gate.length)
  await gate.read(data, 0, data.length, 0)
  return data
}

async function run(order: Order, medium: Medium): Promise<number[]> {
  const reported: number[] = []
  for (const pass of passesOf(order, medium))
    await pass(
      (done) => reported.push(done),
      () => false,
    )
  return reported
}

const mapped = async ({ gate }: Medium, offset: number): Promise<boolean> => (await gate.extent(offset, 4096)).mapped

const OVERWRITE = { operation: 'overwrite', ause: false, invert: false, count: 1 } as const

describe('overwrite', () => {
  test.each([512, 4096])('the pattern is repeated from the start of every block of %i bytes', async (blockSize) => {
    const medium = await mediumOf(blockSize)
    await run({ ...OVERWRITE, pattern: base64(1, 2, 3, 4, 5) }, medium)
    const block = Buffer.alloc(blockSize, Buffer.from([1, 2, 3, 4, 5]))
    expect((await contents(medium)).equals(Buffer.alloc(SIZE, block))).toBe(true)
  })

  test.each([
    [1, ['aa']],
    [2, ['55', 'aa']],
    [3, ['aa', '55', 'aa']],
  ])('%i passes with INVERT: the last leaves the pattern as it was given', async (count, leaves) => {
    const medium = await mediumOf()
    const passes = passesOf({ ...OVERWRITE, invert: true, count, pattern: base64(0xaa) }, medium)
    expect(passes).toHaveLength(count)
    for (const [index, pass] of passes.entries()) {
      await pass(
        () => {},
        () => false,
      )
      expect((await contents(medium)).equals(Buffer.alloc(SIZE, leaves[index]!, 'hex')), `pass ${index}`).toBe(true)
    }
  })

  test('without INVERT every pass writes the pattern', async () => {
    const medium = await mediumOf()
    const passes = passesOf({ ...OVERWRITE, count: 31, pattern: base64(0x5a) }, medium)
    expect(passes).toHaveLength(31)
    await passes[0]!(
      () => {},
      () => false,
    )
    expect((await contents(medium)).equals(Buffer.alloc(SIZE, 0x5a))).toBe(true)
  })

  test('with zeroes: what is mapped is written and stays mapped, the rest stays unmapped', async () => {
    const medium = await mediumOf()
    await run({ ...OVERWRITE, pattern: base64(0) }, medium)
    expect((await contents(medium)).equals(Buffer.alloc(SIZE))).toBe(true)
    expect([await mapped(medium, 0), await mapped(medium, MIB), await mapped(medium, SIZE - 4096)]).toEqual([
      true,
      false,
      true,
    ])
  })
})

describe('block erase', () => {
  test('zeroes, nothing mapped', async () => {
    const medium = await mediumOf()
    await run({ operation: 'block erase', ause: false }, medium)
    expect((await contents(medium)).equals(Buffer.alloc(SIZE))).toBe(true)
    expect(await medium.gate.extent(0, SIZE)).toMatchObject({ mapped: false, length: SIZE })
  })
})

describe('cryptographic erase', () => {
  test('what is mapped reads as noise, other noise each time; what is not stays so', async () => {
    const seen: Buffer[] = []
    for (let times = 0; times < 2; times++) {
      const medium = await mediumOf()
      const before = await contents(medium)
      await run({ operation: 'cryptographic erase', ause: false }, medium)
      const after = await contents(medium)
      for (const at of [0, SIZE - WRITTEN]) {
        const noise = after.subarray(at, at + WRITTEN)
        const same = [...noise].filter((byte, index) => byte === before[at + index]).length
        expect(same).toBeLessThan(WRITTEN / 64) // one in 256 by chance
        seen.push(noise)
      }
      expect(await mapped(medium, MIB)).toBe(false)
    }
    for (const [index, one] of seen.entries())
      for (const other of seen.slice(index + 1)) expect(one.equals(other)).toBe(false)
  })
})

describe('format', () => {
  test.each([
    [true, false],
    [false, true],
  ])('thin %s: zeroes everywhere, mapped %s', async (thin, stays) => {
    const medium = await mediumOf(512, thin)
    await run({ operation: 'format', pattern: '' }, medium)
    expect((await contents(medium)).equals(Buffer.alloc(SIZE))).toBe(true)
    if (!stays) expect(await mapped(medium, 0)).toBe(false)
  })

  test('with an initialization pattern: that, everywhere', async () => {
    const medium = await mediumOf()
    await run({ operation: 'format', pattern: base64(7, 8, 9) }, medium)
    const block = Buffer.alloc(512, Buffer.from([7, 8, 9]))
    expect((await contents(medium)).equals(Buffer.alloc(SIZE, block))).toBe(true)
  })
})

const ORDERS: Order[] = [
  { ...OVERWRITE, pattern: base64(1) },
  { ...OVERWRITE, pattern: base64(0) },
  { operation: 'block erase', ause: true },
  { operation: 'cryptographic erase', ause: true },
  { operation: 'format', pattern: '' },
]

describe.each(ORDERS.map((order, index) => ({ name: `${order.operation} ${index}`, order })))('$name', ({ order }) => {
  test('progress grows and ends at 1; the order is plain data', async () => {
    const reported = await run(order, await mediumOf())
    expect(reported.at(-1)).toBe(1)
    expect(reported).toEqual([...reported].sort((a, b) => a - b))
    expect(orderSchema.parse(JSON.parse(JSON.stringify(order)))).toEqual(order)
  })

  test('stops when it is told to', async () => {
    const [pass] = passesOf(order, await mediumOf())
    await expect(
      pass!(
        () => {},
        () => true,
      ),
    ).rejects.toThrow('aborted')
  })
})
