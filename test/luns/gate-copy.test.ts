// Copies between gates and inside one, and what long operations owe to the event loop.

import { describe, expect, test } from 'vitest'
import { MATCH } from '../../luns/gate.ts'
import { contentOf, expectBytes, imageGate, memoryGate, pattern, waitingGate } from './tools.ts'

const SECTOR = 512
const KIB = 1024
const MIB = 1024 * KIB
const LENGTH = 4 * MIB

const memory = (length = LENGTH) => memoryGate(length)
const waiting = (length = LENGTH) => waitingGate(length)
const image = (type: 'sparse' | 'file' = 'sparse', length = LENGTH) => imageGate(type, length)

describe('copying between gates', () => {
  const KINDS = [
    { from: 'sparse', to: 'sparse', open: async () => [await image(), await image()] as const },
    { from: 'sparse', to: 'file', open: async () => [await image(), await image('file')] as const },
    { from: 'memory', to: 'sparse', open: async () => [memory(), await image()] as const },
    { from: 'sparse', to: 'memory', open: async () => [await image(), memory()] as const },
    { from: 'a waiting store', to: 'memory', open: async () => [waiting(), memory()] as const },
  ]

  test.each(KINDS)('$from to $to: data and holes', async ({ open }) => {
    const [source, target] = await open()
    const model = pattern(LENGTH, 9)
    await target.write(model, 0, LENGTH, 0, false)
    const data = pattern(MIB, 1)
    await source.write(data, 0, MIB, 64 * KIB, false)
    await source.write(data, 0, SECTOR, 3 * MIB + SECTOR, false)
    const told: number[] = []
    await target.copyFrom(source, 0, SECTOR, LENGTH - SECTOR, { progress: (bytes) => told.push(bytes) })
    const expected = await contentOf(source, 0, LENGTH - SECTOR)
    expectBytes(await contentOf(target, SECTOR, LENGTH - SECTOR), expected)
    expectBytes(await contentOf(target, 0, SECTOR), model.subarray(0, SECTOR))
    expect(told.at(-1)).toBe(LENGTH - SECTOR)
    expect(target.counters).toMatchObject({ copies: 1, bytesCopied: LENGTH - SECTOR })
    await Promise.all([source.close(), target.close()])
  })

  test('holes of the source become holes', async () => {
    const [source, target] = [await image(), await image()]
    await target.write(pattern(LENGTH, 1), 0, LENGTH, 0, false)
    await source.write(pattern(MIB, 2), 0, MIB, MIB, false)
    await target.copyFrom(source, 0, 0, LENGTH)
    expect(await target.extent(0, LENGTH)).toEqual({ offset: 0, length: MIB, mapped: false })
    expect(await target.extent(MIB, LENGTH - MIB)).toEqual({ offset: MIB, length: MIB, mapped: true })
    await Promise.all([source.close(), target.close()])
  })

  test('onto itself: nothing to do', async () => {
    const gate = memory()
    await gate.write(pattern(MIB, 1), 0, MIB, 0, false)
    await gate.copyFrom(gate, 0, 0, MIB)
    expectBytes(await contentOf(gate, 0, MIB), pattern(MIB, 1))
  })

  test('two opposite copies at once, and two inside one gate, all end', async () => {
    const gates = [waiting(), waiting()] as const
    for (let round = 0; round < 20; round++)
      await Promise.all([
        gates[0].copyFrom(gates[1], 0, MIB, 2 * MIB),
        gates[1].copyFrom(gates[0], MIB, 0, 2 * MIB),
        gates[0].copyFrom(gates[0], 0, 2 * MIB, MIB),
        gates[0].copyFrom(gates[0], 2 * MIB, 0, MIB),
        gates[1].compareAndWrite(pattern(SECTOR, 1), pattern(SECTOR, 2), MIB, false),
        gates[0].unmap(MIB, MIB),
      ])
    await Promise.all(gates.map((gate) => gate.close()))
  })

  test('aborted between two pieces: it stops there', async () => {
    const [source, target] = [memory(64 * MIB), memory(64 * MIB)]
    let copied = 0
    const copy = target.copyFrom(source, 0, 0, 64 * MIB, {
      stop: () => copied > 0,
      progress: (bytes) => {
        copied = bytes
      },
    })
    await expect(copy).rejects.toMatchObject({ name: 'AbortedError' })
    expect(copied).toBe(16 * MIB)
    const stop = () => true
    await expect(target.unmap(0, MIB, { stop })).rejects.toMatchObject({ name: 'AbortedError' })
    const same = target.writeSame(pattern(SECTOR, 1), 0, MIB, { unmap: false, fua: false, stop })
    await expect(same).rejects.toMatchObject({ name: 'AbortedError' })
    expect(await target.verify(Buffer.alloc(MIB), 0)).toBe(MATCH)
  })
})

describe('long operations', () => {
  test('leave the event loop its turns', async () => {
    const length = 48 * MIB
    const [gate, other] = [memory(length), memory(length)]
    const block = pattern(SECTOR, 1)
    for (const work of [
      () => gate.writeSame(block, 0, length, { unmap: false, fua: false }),
      () => gate.verify(Buffer.alloc(length, block), 0),
      () => gate.verifySame(block, 0, length),
      () => gate.orWrite(Buffer.alloc(length, block), 0, false),
      () => other.copyFrom(gate, 0, 0, length),
      () => gate.copyFrom(gate, 0, SECTOR, length - SECTOR),
      () => gate.read(Buffer.alloc(length), 0, length, 0),
      () => gate.prefetch(0, length),
    ]) {
      let turns = 0
      const counter = () => {
        turns++
        timer = setImmediate(counter)
      }
      let timer = setImmediate(counter)
      await work()
      clearImmediate(timer)
      expect(turns).toBeGreaterThan(4)
    }
  })

  test('zeroing and unmapping 10 GiB of a thin medium, and copying its hole, take under a second each', async () => {
    const length = 10 * 1024 * MIB
    const [gate, other] = [await image('sparse', length), await image('sparse', length)]
    await gate.write(pattern(MIB, 1), 0, MIB, 5 * 1024 * MIB, false)
    for (const work of [
      () => gate.writeSame(Buffer.alloc(SECTOR), 0, length, { unmap: false, fua: false }),
      () => gate.unmap(0, length),
      () => other.copyFrom(gate, 0, 0, length),
    ]) {
      const began = performance.now()
      await work()
      expect(performance.now() - began).toBeLessThan(1000)
    }
    expect(await other.extent(0, length)).toEqual({ offset: 0, length, mapped: false })
    await Promise.all([gate.close(), other.close()])
  })
})
