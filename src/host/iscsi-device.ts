// A LUN as a BlockDevice: reads and writes in pieces that the device server takes (Block Limits, SBC-3 6.5.3), several of them
// outstanding; SYNCHRONIZE CACHE as its flush.

import { SENSE } from '../../protocol/scsi/sense.ts'
import { OperatorError } from '../errors.ts'
import type { BlockDevice } from './block-device.ts'
import { CommandError } from './command-error.ts'
import type { LogicalUnit } from './logical-unit.ts'

const MIB = 1024 * 1024
/** Pieces of one read or write are no longer, also where the device server would take more. */
const MAX_PIECE_BYTES = MIB
/** Pieces of one read or write that are under way at once. */
const MAX_OUTSTANDING = 16
const BLOCK_LENGTHS: readonly number[] = [512, 4096]
const DIRECT_ACCESS = 0
const CONNECTED = 0
/** What a CDB of ten bytes can address, and move. */
const MAX_BLOCKS_10 = 0xffff
const BLOCKS_OF_10 = 2 ** 32

/**
 * The disk behind a logical unit, which `close` of the device closes.
 * @param name what messages call it: a URL without its secret
 * @throws OperatorError for what is no disk, or one of a block length that no file system here can use
 * @throws CommandError, IscsiError
 */
export async function openIscsiDevice(unit: LogicalUnit, name = unit.name): Promise<BlockDevice> {
  const { peripheralQualifier, peripheralDeviceType } = await unit.inquiry()
  if (peripheralQualifier !== CONNECTED) throw new OperatorError(`${name}: the target has no logical unit there`)
  if (peripheralDeviceType !== DIRECT_ACCESS) {
    const type = peripheralDeviceType.toString(16).padStart(2, '0')
    throw new OperatorError(`${name} is no disk: INQUIRY says device type ${type}h, and a disk is 00h`)
  }
  const { lastLba, blockLength } = await unit.capacity()
  if (!BLOCK_LENGTHS.includes(blockLength))
    throw new OperatorError(
      `${name} has blocks of ${blockLength} bytes: only ${BLOCK_LENGTHS.join(' and ')} can be used`,
    )
  const size = (Number(lastLba) + 1) * blockLength
  if (!Number.isSafeInteger(size)) throw new OperatorError(`${name} is larger than 8 PiB`)
  return new IscsiDevice(unit, name, size, blockLength, await pieceBlocks(unit, blockLength))
}

/** MAXIMUM TRANSFER LENGTH; zero and a page that is not there are no limit. */
async function pieceBlocks(unit: LogicalUnit, blockLength: number): Promise<number> {
  const limit = await unit.vpdPage('blockLimits').then(
    ({ maximumTransferLength }) => maximumTransferLength,
    (error) => {
      if (error instanceof CommandError && error.is(SENSE.INVALID_FIELD_IN_CDB)) return 0
      throw error
    },
  )
  return Math.min(limit || Number.POSITIVE_INFINITY, MAX_PIECE_BYTES / blockLength, MAX_BLOCKS_10)
}

interface Piece {
  readonly lba: number
  readonly blocks: number
  /** From the start of the whole. */
  readonly at: number
}

class IscsiDevice implements BlockDevice {
  readonly name: string
  readonly size: number
  readonly blockBytes: number
  readonly #unit: LogicalUnit
  readonly #pieceBlocks: number

  constructor(unit: LogicalUnit, name: string, size: number, blockBytes: number, pieceBlocks: number) {
    this.#unit = unit
    this.name = name
    this.size = size
    this.blockBytes = blockBytes
    this.#pieceBlocks = pieceBlocks
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#requireInside(offset, length)
    const [first, ...others] = this.#pieces(offset, length)
    if (!first) return Buffer.alloc(0)
    if (others.length === 0) return this.#readPiece(first)
    const whole = Buffer.allocUnsafe(length)
    await this.#each([first, ...others], async (piece) => {
      const data = await this.#readPiece(piece)
      data.copy(whole, piece.at)
    })
    return whole
  }

  async write(offset: number, data: Buffer): Promise<void> {
    this.#requireInside(offset, data.length)
    await this.#each(this.#pieces(offset, data.length), ({ lba, blocks, at }) => {
      const part = data.subarray(at, at + blocks * this.blockBytes)
      return lba + blocks > BLOCKS_OF_10 ? this.#unit.write16(lba, part) : this.#unit.write10(lba, part)
    })
  }

  async flush(): Promise<void> {
    try {
      await this.#unit.synchronizeCache10()
    } catch (error) {
      const noCache = error instanceof CommandError && error.is(SENSE.INVALID_COMMAND_OPERATION_CODE)
      if (!noCache) throw error
    }
  }

  close(): Promise<void> {
    return this.#unit.close()
  }

  #readPiece({ lba, blocks }: Piece): Promise<Buffer> {
    return lba + blocks > BLOCKS_OF_10 ? this.#unit.read16(lba, blocks) : this.#unit.read10(lba, blocks)
  }

  #requireInside(offset: number, length: number): void {
    const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value % this.blockBytes === 0
    if (!whole(offset) || !whole(length))
      throw new RangeError(`${this.name}: ${length} bytes at ${offset} are no blocks of ${this.blockBytes}`)
    if (offset + length > this.size)
      throw new RangeError(`${this.name}: ${length} bytes at ${offset} of a disk of ${this.size}`)
  }

  #pieces(offset: number, length: number): Piece[] {
    const pieces: Piece[] = []
    const step = this.#pieceBlocks * this.blockBytes
    for (let at = 0; at < length; at += step)
      pieces.push({
        lba: (offset + at) / this.blockBytes,
        blocks: Math.min(step, length - at) / this.blockBytes,
        at,
      })
    return pieces
  }

  /** A failure is told when no piece is under way any more: the caller's data are then its own again. */
  async #each(pieces: readonly Piece[], run: (piece: Piece) => Promise<void>): Promise<void> {
    const iterator = pieces.values()
    const failures: unknown[] = []
    const work = async (): Promise<void> => {
      for (const piece of iterator) {
        if (failures.length > 0) return
        await run(piece).catch((error) => failures.push(error))
      }
    }
    await Promise.all(Array.from({ length: Math.min(MAX_OUTSTANDING, pieces.length) }, work))
    if (failures.length > 0) throw failures[0]
  }
}
