// Reads a file's bytes through its map: any offset and length, or all of it in pieces, several of them under way.

import { VmfsError } from './errors.ts'
import type { FileDescriptor } from './file-descriptors.ts'
import { FileMap, type MapContext } from './file-map.ts'
import type { VolumeReader } from './metadata-cache.ts'

const PIECE_BYTES = 1024 * 1024
const PIECES_UNDER_WAY = 4

/** A run of a file's bytes. */
export interface FilePiece {
  readonly offset: number
  readonly length: number
  /** None where the file has a hole, or blocks that are yet to be zeroed. */
  readonly data: Buffer | undefined
}

/** What becomes of a hole: zeros, or damage where none can be. */
type Holes = 'zeros' | 'damaged'

export class FileReader {
  /** Bytes. */
  readonly length: number
  readonly map: FileMap
  readonly #file: FileDescriptor
  readonly #source: VolumeReader
  readonly #sectorBytes: number
  readonly #holes: Holes

  /**
   * @param source reads whole sectors of the volume
   * @throws VmfsError 'damaged', 'unsupported'
   */
  constructor(context: MapContext, file: FileDescriptor, source: VolumeReader, holes: Holes = 'zeros') {
    this.map = new FileMap(context, file)
    this.length = file.meta.length
    this.#file = file
    this.#source = source
    this.#sectorBytes = context.version.sectorBytes
    this.#holes = holes
  }

  /** The bytes from `offset` on, fewer at the end of the file. @throws VmfsError 'damaged' */
  async read(offset: number, length: number): Promise<Buffer> {
    if (!(offset >= 0 && length >= 0)) throw new RangeError(`${length} bytes at ${offset} of a file`)
    const result = Buffer.alloc(Math.max(Math.min(length, this.length - offset), 0))
    for (let done = 0; done < result.length; ) {
      const piece = await this.#piece(offset + done, result.length - done)
      if (piece.volumeOffset !== undefined)
        (await this.#readVolume(piece.volumeOffset, piece.length)).copy(result, done)
      done += piece.length
    }
    return result
  }

  /** The whole file in order, at most 1 MiB at a time. @throws VmfsError 'damaged' */
  async *pieces(): AsyncGenerator<FilePiece> {
    const underWay: Promise<FilePiece>[] = []
    let at = 0
    try {
      while (at < this.length || underWay.length > 0) {
        while (at < this.length && underWay.length < PIECES_UNDER_WAY) {
          const { volumeOffset, length } = await this.#piece(at, PIECE_BYTES)
          const piece = this.#readPiece(at, length, volumeOffset)
          // Whoever waits for it is told; nobody may, when an earlier one has failed.
          piece.catch(() => {})
          underWay.push(piece)
          at += length
        }
        yield await underWay.shift()!
      }
    } finally {
      await Promise.allSettled(underWay)
    }
  }

  async #piece(at: number, most: number) {
    const { offset: volumeOffset, length } = await this.map.place(at)
    if (volumeOffset === undefined && this.#holes === 'damaged')
      throw new VmfsError('damaged', `${this.#file.name} has a hole at byte ${at}`, this.#file.offset)
    return { volumeOffset, length: Math.min(length, most, this.length - at) }
  }

  async #readPiece(offset: number, length: number, volumeOffset: number | undefined): Promise<FilePiece> {
    const data = volumeOffset === undefined ? undefined : await this.#readVolume(volumeOffset, length)
    return { offset, length, data }
  }

  /** A block ends at the end of a sector, so that the sectors of a place are its own. */
  async #readVolume(offset: number, length: number): Promise<Buffer> {
    const before = offset % this.#sectorBytes
    const sectors = Math.ceil((before + length) / this.#sectorBytes)
    const data = await this.#source.read(offset - before, sectors * this.#sectorBytes)
    return data.subarray(before, before + length)
  }
}
