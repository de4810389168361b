// Cuts a byte stream, split anywhere, into PDUs (RFC 7143 11.1). First thing on the data path: a PDU that lies whole in
// a chunk is handed out in place, without a copy; only one that straddles chunks is assembled.

import { crc32c } from '@node-rs/crc32'
import { WireError } from '../wire/error.ts'

const BHS_BYTES = 48
const TOTAL_AHS_LENGTH_BYTE = 4
const DIGEST_BYTES = 4

export interface FramerOptions {
  /** Bytes: what this side declared as MaxRecvDataSegmentLength; a longer data segment is a WireError. */
  maxDataSegmentLength: number
  /**
   * Where the data segment of a PDU that straddles chunks shall be assembled: a buffer whose start receives `length`
   * bytes, or undefined for a new one. Called once, when the header is complete.
   */
  place?: (header: Buffer, headerOffset: number, length: number) => Buffer | undefined
}

/** A PDU where it lies in the stream's buffers. */
export interface FramedPdu {
  readonly header: Buffer
  readonly headerOffset: number
  readonly ahsLength: number
  readonly data: Buffer
  readonly dataOffset: number
  readonly dataLength: number
  /** Whether `data` is the buffer that `place` returned. */
  readonly placed: boolean
}

/**
 * `push` a chunk, then take PDUs with `next` until it is false. The properties describe the PDU found last: `header` at
 * `headerOffset`, its AHS right behind the 48 bytes, and `data` from `dataOffset`. They lie in the chunk, or in what `place`
 * returned: whoever keeps a view of a chunk keeps the chunk. Chunks are pushed one at a time, each taken to its end.
 */
export class Framer implements FramedPdu {
  headerDigest = false
  dataDigest = false
  maxDataSegmentLength: number
  header: Buffer = EMPTY
  headerOffset = 0
  ahsLength = 0
  data: Buffer = EMPTY
  dataOffset = 0
  dataLength = 0
  /** Whether `data` is the buffer that `place` returned. */
  placed = false

  readonly #place: FramerOptions['place']
  #chunk: Buffer = EMPTY
  #position = 0
  #partial: Partial | undefined

  constructor(options: FramerOptions) {
    this.maxDataSegmentLength = options.maxDataSegmentLength
    this.#place = options.place
  }

  push(chunk: Buffer): void {
    if (this.#position !== this.#chunk.length) throw new RangeError('the chunk before was not taken to its end')
    this.#chunk = chunk
    this.#position = 0
  }

  /** The chunk is about to change: what has not been taken of it is copied. */
  keepRest(): void {
    if (this.#position === this.#chunk.length) return
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#position))
    this.#position = 0
  }

  /** Whether bytes of a PDU that is not complete are held: the stream may not end here. */
  get incomplete(): boolean {
    return this.#partial !== undefined
  }

  /** Leaves the PDU behind whose data digest does not match. */
  skip(): void {
    this.#partial = undefined
  }

  /** The buffer that `place` gave out is wanted back: what is being assembled in it goes on elsewhere. */
  displace(owner: Buffer): void {
    const partial = this.#partial
    if (!partial?.placed || partial.body?.buffer !== owner.buffer) return
    partial.body = Buffer.from(partial.body)
    partial.placed = false
  }

  /** The stream has ended in the middle of a PDU: its header and the buffer that `place` gave out for it, if it did. */
  abandon(): { readonly header: Buffer; readonly placed: Buffer } | undefined {
    const partial = this.#partial
    this.#partial = undefined
    this.#position = this.#chunk.length
    return partial?.placed && partial.body ? { header: partial.head, placed: partial.body } : undefined
  }

  /**
   * Throws a WireError for a data segment over the limit or a digest that does not match. The stream ends there, but for a data
   * digest: the properties describe the PDU, and after `skip` the next one can be taken.
   */
  next(): boolean {
    const partial = this.#partial
    if (partial) return this.#assemble(partial)
    const chunk = this.#chunk
    const start = this.#position
    const room = chunk.length - start
    if (room === 0) return false
    if (room < BHS_BYTES) return this.#assemble(this.#begin())
    const ahsLength = 4 * chunk[start + TOTAL_AHS_LENGTH_BYTE]!
    const dataLength = this.#dataLength(chunk, start)
    const headLength = BHS_BYTES + ahsLength + (this.headerDigest ? DIGEST_BYTES : 0)
    const length = headLength + this.#tailedLength(dataLength)
    if (room < length) return this.#assemble(this.#begin())
    this.#position = start + length
    this.#emit(chunk, start, ahsLength, chunk, start + headLength, dataLength, false)
    if (this.headerDigest) this.#checkHeader(chunk, start, ahsLength)
    if (this.dataDigest && dataLength !== 0) this.#checkData(chunk, start + headLength, dataLength)
    return true
  }

  #dataLength(header: Buffer, offset: number): number {
    const length = (header[offset + 5]! << 16) | (header[offset + 6]! << 8) | header[offset + 7]!
    if (length > this.maxDataSegmentLength) {
      this.header = header
      this.headerOffset = offset
      throw new WireError('PDU', 'dataSegmentLength', 5, 'too large', `${length} > ${this.maxDataSegmentLength}`)
    }
    return length
  }

  /** The data segment with its padding and digest. */
  #tailedLength(dataLength: number): number {
    return dataLength === 0 ? 0 : ((dataLength + 3) & ~3) + (this.dataDigest ? DIGEST_BYTES : 0)
  }

  #begin(): Partial {
    this.#partial = { head: Buffer.allocUnsafe(BHS_BYTES), have: 0, body: undefined, bodyHave: 0, placed: false }
    return this.#partial
  }

  /** Takes what the chunk has for a PDU that straddles chunks. */
  #assemble(partial: Partial): boolean {
    if (!this.#fillHead(partial)) return false
    const { head } = partial
    const ahsLength = 4 * head[TOTAL_AHS_LENGTH_BYTE]!
    const dataLength = this.#dataLength(head, 0)
    const tailed = this.#tailedLength(dataLength)
    if (!partial.body) {
      if (this.headerDigest) this.#checkHeader(head, 0, ahsLength)
      const place = tailed === 0 ? undefined : this.#place?.(head, 0, dataLength)
      partial.placed = place !== undefined
      partial.body = place ?? Buffer.allocUnsafe(dataLength)
      partial.tail = Buffer.alloc(tailed - dataLength)
    }
    if (!this.#fillBody(partial, partial.body, dataLength, tailed)) return false
    this.#emit(head, 0, ahsLength, partial.body, 0, dataLength, partial.placed)
    if (this.dataDigest && dataLength !== 0) this.#checkTail(partial.body, dataLength, partial.tail as Buffer)
    this.#partial = undefined // only now: after a digest error `abandon` still tells what was placed
    return true
  }

  #fillHead(partial: Partial): boolean {
    partial.have += this.#take(partial.head, partial.have, partial.head.length)
    if (partial.have < BHS_BYTES) return false
    if (partial.head.length === BHS_BYTES) {
      const length = BHS_BYTES + 4 * partial.head[TOTAL_AHS_LENGTH_BYTE]! + (this.headerDigest ? DIGEST_BYTES : 0)
      if (length > BHS_BYTES) partial.head = Buffer.concat([partial.head], length)
      partial.have += this.#take(partial.head, partial.have, length)
    }
    return partial.have === partial.head.length
  }

  #fillBody(partial: Partial, body: Buffer, dataLength: number, tailed: number): boolean {
    if (partial.bodyHave < dataLength) partial.bodyHave += this.#take(body, partial.bodyHave, dataLength)
    if (partial.bodyHave >= dataLength && partial.bodyHave < tailed)
      partial.bodyHave += this.#take(partial.tail as Buffer, partial.bodyHave - dataLength, tailed - dataLength)
    return partial.bodyHave === tailed
  }

  /** Copies from the chunk into `target` from `have` up to `end`; returns how many bytes there were. */
  #take(target: Buffer, have: number, end: number): number {
    const count = Math.min(end - have, this.#chunk.length - this.#position)
    this.#chunk.copy(target, have, this.#position, this.#position + count)
    this.#position += count
    return count
  }

  #emit(
    header: Buffer,
    headerOffset: number,
    ahsLength: number,
    data: Buffer,
    dataOffset: number,
    dataLength: number,
    placed: boolean,
  ): void {
    this.header = header
    this.headerOffset = headerOffset
    this.ahsLength = ahsLength
    this.data = data
    this.dataOffset = dataOffset
    this.dataLength = dataLength
    this.placed = placed
  }

  #checkHeader(head: Buffer, start: number, ahsLength: number): void {
    const end = start + BHS_BYTES + ahsLength
    if (crc32c(head.subarray(start, end)) !== head.readUInt32LE(end))
      throw new WireError('PDU', 'headerDigest', BHS_BYTES + ahsLength, 'header digest')
  }

  #checkData(data: Buffer, start: number, dataLength: number): void {
    const end = start + ((dataLength + 3) & ~3)
    if (crc32c(data.subarray(start, end)) !== data.readUInt32LE(end))
      throw new WireError('PDU', 'dataDigest', 0, 'data digest')
  }

  #checkTail(body: Buffer, dataLength: number, tail: Buffer): void {
    const padding = tail.length - DIGEST_BYTES
    const crc = crc32c(body.subarray(0, dataLength))
    if (crc32c(tail.subarray(0, padding), crc) !== tail.readUInt32LE(padding))
      throw new WireError('PDU', 'dataDigest', 0, 'data digest')
  }
}

interface Partial {
  head: Buffer
  have: number
  body: Buffer | undefined
  /** Bytes of data, padding and digest that have come. */
  bodyHave: number
  /** Padding and digest. */
  tail?: Buffer
  placed: boolean
}

const EMPTY: Buffer = Buffer.alloc(0)
