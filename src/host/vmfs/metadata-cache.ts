// What has been read of a volume's metadata, kept in lines of 64 KiB up to a bound: descriptors, cluster headers and directories
// are small, lie close together and are read again and again. A writer says what it has changed.

const LINE_BYTES = 64 * 1024
const MAX_LINES = 256

/** Reads bytes of the volume. */
export interface VolumeReader {
  /** Whole sectors, unless the reader says otherwise. */
  read(offset: number, length: number): Promise<Buffer>
}

export class MetadataCache implements VolumeReader {
  readonly #volume: VolumeReader
  readonly #volumeBytes: number
  /** The least recently used one first. */
  readonly #lines = new Map<number, Promise<Buffer>>()
  #sectorBytes: number | undefined

  constructor(volume: VolumeReader, volumeBytes: number) {
    this.#volume = volume
    this.#volumeBytes = volumeBytes
  }

  /** Any bytes of the volume; the buffer is the caller's own. @throws VmfsError 'damaged' outside the volume */
  async read(offset: number, length: number): Promise<Buffer> {
    // Where nothing is to be found, the volume says so.
    if (!(offset >= 0 && length >= 0 && offset + length <= this.#volumeBytes))
      return await this.#volume.read(offset, length)
    if (this.#sectorBytes !== undefined) return await this.#readSectors(this.#sectorBytes, offset, length)
    const result = Buffer.allocUnsafe(length)
    for (let at = offset; at < offset + length; ) {
      const start = at - (at % LINE_BYTES)
      const end = Math.min(start + LINE_BYTES, offset + length)
      const line = await this.#line(start)
      line.copy(result, at - offset, at - start, end - start)
      at = end
    }
    return result
  }

  /** What is read there from now on is read from the volume. */
  invalidate(offset: number, length: number): void {
    const first = offset - (offset % LINE_BYTES)
    for (let start = first; start < offset + length; start += LINE_BYTES) this.#lines.delete(start)
  }

  /** From now on nothing is kept: other hosts change what is read. */
  keepNothing(sectorBytes: number): void {
    this.#sectorBytes = sectorBytes
    this.clear()
  }

  get keepsNothing(): boolean {
    return this.#sectorBytes !== undefined
  }

  clear(): void {
    this.#lines.clear()
  }

  async #readSectors(sectorBytes: number, offset: number, length: number): Promise<Buffer> {
    const first = offset - (offset % sectorBytes)
    const end = Math.ceil((offset + length) / sectorBytes) * sectorBytes
    return (await this.#volume.read(first, end - first)).subarray(offset - first, offset - first + length)
  }

  #line(start: number): Promise<Buffer> {
    const known = this.#lines.get(start)
    if (known) {
      this.#lines.delete(start)
      this.#lines.set(start, known)
      return known
    }
    const line = this.#volume.read(start, Math.min(LINE_BYTES, this.#volumeBytes - start))
    this.#lines.set(start, line)
    // A failure is told to who waits for it, and tried again by the next.
    line.catch(() => {
      if (this.#lines.get(start) === line) this.#lines.delete(start)
    })
    if (this.#lines.size > MAX_LINES) this.#lines.delete(this.#lines.keys().next().value!)
    return line
  }
}
