// A LUN as a BlockDevice: reads and writes in pieces that the device server takes (Block Limits, SBC-3 6.5.3), several of them
// outstanding; SYNCHRONIZE CACHE as its flush.

import { SENSE } from '../../protocol/scsi/sense.ts'
import { OperatorError } from '../errors.ts'
import { CommandError, ConflictBudgetError, ReservationConflictError } from './command-error.ts'
import { tellsOfReset } from './command-policy.ts'
import { compareAndWrite, read10, read16, synchronizeCache10, write10, write16 } from './commands/medium.ts'
import type { Request } from './commands/request.ts'
import { NotSentError, ReservationLostError } from './initiator/errors.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Fence, IoLimits, SharedDevice } from './shared-device.ts'

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
/** What one command does about RESERVATION CONFLICTs before it fails: some seconds in all. */
const CONFLICTS = { retries: 200, waitMs: 20 }

/**
 * The disk behind a logical unit, which `close` of the device closes.
 * @param name what messages call it: a URL without its secret
 * @throws OperatorError for what is no disk, or one of a block length that no file system here can use
 * @throws CommandError, IscsiError
 */
export async function openIscsiDevice(unit: LogicalUnit, name = unit.name): Promise<SharedDevice> {
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
  const limits = await blockLimits(unit, blockLength)
  return new IscsiDevice(unit, { name, size, blockBytes: blockLength, ...limits })
}

/**
 * MAXIMUM TRANSFER LENGTH; zero and a page that is not there are no limit. MAXIMUM COMPARE AND WRITE LENGTH; with those there is no
 * COMPARE AND WRITE.
 */
async function blockLimits(unit: LogicalUnit, blockLength: number) {
  const page = await unit.vpdPage('blockLimits').catch((error) => {
    if (error instanceof CommandError && error.is(SENSE.INVALID_FIELD_IN_CDB)) return undefined
    throw error
  })
  const longest = page?.maximumTransferLength || Number.POSITIVE_INFINITY
  return {
    pieceBlocks: Math.min(longest, MAX_PIECE_BYTES / blockLength, MAX_BLOCKS_10),
    hasCompareAndWrite: (page?.maximumCompareAndWriteLength ?? 0) > 0,
  }
}

interface Disk {
  readonly name: string
  readonly size: number
  readonly blockBytes: number
  readonly pieceBlocks: number
  readonly hasCompareAndWrite: boolean
}

interface Piece {
  readonly lba: number
  readonly blocks: number
  /** From the start of the whole. */
  readonly at: number
}

class IscsiDevice implements SharedDevice {
  readonly name: string
  readonly size: number
  readonly blockBytes: number
  readonly hasCompareAndWrite: boolean
  readonly #unit: LogicalUnit
  readonly #pieceBlocks: number
  #fence: Fence | undefined
  /** Of the logical unit, as unit attentions have told. */
  #resets = 0
  #conflicts = 0

  constructor(unit: LogicalUnit, disk: Disk) {
    this.#unit = unit
    this.name = disk.name
    this.size = disk.size
    this.blockBytes = disk.blockBytes
    this.hasCompareAndWrite = disk.hasCompareAndWrite
    this.#pieceBlocks = disk.pieceBlocks
    unit.onUnitAttention((attention) => {
      if (tellsOfReset(attention)) this.#resets++
    })
  }

  get localAddress(): string | undefined {
    return this.#unit.localAddress
  }

  get epoch(): number {
    return this.#unit.nexusGeneration + this.#resets
  }

  get conflicts(): number {
    return this.#conflicts
  }

  fence(fence: Fence): void {
    this.#fence = fence
  }

  readNow(offset: number, length: number, limits: IoLimits): Promise<Buffer> {
    this.#requireInside(offset, length)
    return this.#unit.run({ ...this.#readRequest(this.#piece(offset, length)), ...limits, repeatable: false })
  }

  writeNow(offset: number, data: Buffer, limits: IoLimits): Promise<void> {
    this.#requireInside(offset, data.length)
    return this.#unit.run({
      ...this.#writeRequest(this.#piece(offset, data.length), data),
      ...limits,
      repeatable: false,
    })
  }

  compareAndWrite(offset: number, expected: Buffer, replacement: Buffer, limits: IoLimits): Promise<void> {
    this.#requireInside(offset, expected.length)
    const { lba } = this.#piece(offset, expected.length)
    return this.#unit.run({ ...compareAndWrite(lba, expected, replacement, this.blockBytes), ...limits })
  }

  reserve(): Promise<void> {
    return this.#unit.reserve6()
  }

  release(): Promise<void> {
    return this.#unit.release6()
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
    const fence = this.#fence
    await this.#each(this.#pieces(offset, data.length), (piece) => {
      const part = data.subarray(piece.at, piece.at + piece.blocks * this.blockBytes)
      return this.#insist({ ...this.#writeRequest(piece, part), ...limitsOf(fence) }, fence)
    })
  }

  async flush(): Promise<void> {
    try {
      await this.#insist(synchronizeCache10())
    } catch (error) {
      const noCache = error instanceof CommandError && error.is(SENSE.INVALID_COMMAND_OPERATION_CODE)
      if (!noCache) throw error
    }
  }

  close(): Promise<void> {
    return this.#unit.close()
  }

  #readPiece(piece: Piece): Promise<Buffer> {
    return this.#insist(this.#readRequest(piece))
  }

  /**
   * While another host has the logical unit reserved to change a lock, everybody else tries again ("CR retries"). So does who has
   * nothing to do with a reservation of this host that is lost, until the change of a lock that relied on it has given up.
   */
  async #insist<T>(request: Request<T>, fence?: Fence): Promise<T> {
    const { retries, waitMs } = fence?.conflicts ?? this.#fence?.conflicts ?? CONFLICTS
    for (let met = 0; ; ) {
      try {
        return await this.#unit.run(request)
      } catch (error) {
        if (error instanceof NotSentError && fence && (await fence.opened())) continue
        const isConflict = error instanceof ReservationConflictError
        if (!isConflict && !(error instanceof ReservationLostError)) throw error
        if (isConflict) this.#conflicts++
        if (++met > retries) throw isConflict ? new ConflictBudgetError(error, met) : error
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }
  }

  #readRequest({ lba, blocks }: Piece) {
    return (lba + blocks > BLOCKS_OF_10 ? read16 : read10)(lba, blocks, this.blockBytes)
  }

  #writeRequest({ lba, blocks }: Piece, data: Buffer) {
    return (lba + blocks > BLOCKS_OF_10 ? write16 : write10)(lba, data, this.blockBytes)
  }

  #piece(offset: number, length: number): Piece {
    return { lba: offset / this.blockBytes, blocks: length / this.blockBytes, at: 0 }
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

const limitsOf = (fence: Fence | undefined): Partial<IoLimits> =>
  fence
    ? {
        ...{ mayLeave: fence.mayLeave, timeoutMs: fence.timeoutMs },
        ...(fence.abortMs !== undefined && { abortMs: fence.abortMs }),
      }
    : {}
