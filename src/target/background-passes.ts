// What SANITIZE (SBC-3 4.11) and FORMAT UNIT (SBC-4 4.34) do to the medium, pass by pass. An order is plain data that outlives
// the array; each of its passes goes over all of the medium and may be begun again. The gate paces them.

import { createCipheriv, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Gate } from '../../luns/gate.ts'
import { Pacer, type Stop } from '../../luns/pacer.ts'

/** INITIALIZATION PATTERN, to be repeated in every block. */
const pattern = z.base64()
/** Allow unrestricted sanitize exit: EXIT FAILURE MODE may end the failure. */
const ause = z.boolean()

export const orderSchema = z.discriminatedUnion('operation', [
  z.strictObject({
    operation: z.literal('overwrite'),
    ause,
    pattern,
    invert: z.boolean(),
    count: z.int().min(1).max(31),
  }),
  z.strictObject({ operation: z.literal('block erase'), ause }),
  z.strictObject({ operation: z.literal('cryptographic erase'), ause }),
  z.strictObject({ operation: z.literal('format'), pattern }),
])

export type Order = z.output<typeof orderSchema>

export interface Medium {
  readonly gate: Gate
  readonly blockSize: number
  readonly thin: boolean
}

/** Goes over the whole medium, also where that changes its size meanwhile; tells how much of it is done, 0 to 1. Throws AbortedError when `stop` says so. */
export type Pass = (report: (done: number) => void, stop: Stop) => Promise<void>

export function passesOf(order: Order, medium: Medium): Pass[] {
  switch (order.operation) {
    case 'overwrite':
      return overwrite(order, medium)
    case 'block erase':
      return [fill(medium, Buffer.alloc(medium.blockSize), { unmap: true, anchor: false })]
    case 'cryptographic erase':
      return [encipher(medium)]
    case 'format':
      return [fill(medium, blockOf(order.pattern, medium), { unmap: medium.thin, anchor: false })]
  }
}

/** The last pass leaves the pattern as it was given; with INVERT the one before it is its inversion (SBC-3 5.24.2.2). */
function overwrite(order: Extract<Order, { operation: 'overwrite' }>, medium: Medium): Pass[] {
  const block = blockOf(order.pattern, medium)
  const inverted = Buffer.from(block.map((byte) => byte ^ 0xff))
  return Array.from({ length: order.count }, (_, pass) => {
    const data = order.invert && (order.count - 1 - pass) % 2 === 1 ? inverted : block
    // Where nothing is mapped there is nothing to overwrite, if zeroes are what shall be read there.
    return isZero(data)
      ? overMapped(medium, writeBlocks(medium, data))
      : fill(medium, data, { unmap: false, anchor: true })
  })
}

const blockOf = (repeated: string, { blockSize }: Medium): Buffer =>
  repeated === '' ? Buffer.alloc(blockSize) : Buffer.alloc(blockSize, repeated, 'base64')

const isZero = (block: Buffer): boolean => block.every((byte) => byte === 0)

const PIECE_BYTES = 32 * 1024 * 1024
const PIECES_MAX = 1024

function fill({ gate }: Medium, block: Buffer, how: { readonly unmap: boolean; readonly anchor: boolean }): Pass {
  return async (report, stop) => {
    const piece = PIECE_BYTES * Math.ceil(gate.length / PIECE_BYTES / PIECES_MAX)
    const pacer = new Pacer(stop)
    for (let at = 0; at < gate.length; at += piece) {
      await pacer.next()
      await gate.writeSame(block, at, Math.min(piece, gate.length - at), { ...how, fua: false, stop })
      report(Math.min(1, (at + piece) / gate.length))
    }
  }
}

type Work = (at: number, length: number, stop: Stop) => Promise<void>

/** Zeroes are written like other data: a hole in the image would leave the old data on the disk below. */
const writeBlocks =
  ({ gate }: Medium, block: Buffer): Work =>
  (at, length, stop) =>
    gate.writeSame(block, at, length, { unmap: false, anchor: true, fua: false, stop })

const KEYSTREAM_BYTES = 1024 * 1024

/**
 * No cipher stands between the store and its medium whose key could be thrown away. So the medium gets what it would hold
 * then: what is mapped is overwritten with a keystream, the key of which nobody keeps.
 */
function encipher(medium: Medium): Pass {
  const { gate } = medium
  const zeroes = Buffer.alloc(KEYSTREAM_BYTES)
  return (report, stop) => {
    const cipher = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16))
    const write: Work = async (at, length) => {
      await gate.write(cipher.update(zeroes.subarray(0, length)), 0, length, at, false)
    }
    return overMapped(medium, write, KEYSTREAM_BYTES)(report, stop)
  }
}

/** Does the work on every run of blocks that is mapped, at most `longest` bytes at a time. */
function overMapped({ gate, blockSize }: Medium, work: Work, longest = PIECE_BYTES): Pass {
  return async (report, stop) => {
    const pacer = new Pacer(stop)
    for (let at = 0; at < gate.length; ) {
      await pacer.next()
      const run = await gate.extent(at, gate.length - at)
      const end = run.offset + run.length
      const unmapped = run.mapped ? 0 : Math.floor((end - at) / blockSize) * blockSize
      // A block that is mapped in part is mapped.
      const count = unmapped || Math.min(Math.max(blockSize, Math.ceil((end - at) / blockSize) * blockSize), longest)
      if (!unmapped) await work(at, Math.min(count, gate.length - at), stop)
      at += count
      report(Math.min(1, at / gate.length))
    }
  }
}
