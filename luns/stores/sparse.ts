// A thin image: the holes of the file are the unmapped blocks of the LUN. Unmapping punches; without koffi it writes
// zeroes where there may be data, and what is a hole is known from the allocation map alone.

import { ImageFile } from '../image-file.ts'
import { linux } from '../linux.ts'
import { type ImageOptions, openImage } from '../open-image.ts'
import type { Extent } from '../store.ts'

class SparseStore extends ImageFile {
  /** The kernel writes zeroes to the parts of file system blocks at both ends: those stay mapped. */
  unmap(offset: number, length: number): Promise<void> {
    return this.clear(offset, length, linux?.punchHole)
  }

  async extent(offset: number, length: number): Promise<Extent> {
    if (!linux || this.busy) return this.map.extent(offset, length)
    const end = offset + length
    try {
      const data = linux.seekData(this.fd, offset) ?? end
      if (data > offset) return { offset, length: Math.min(data, end) - offset, mapped: false }
      return { offset, length: Math.min(linux.seekHole(this.fd, offset), end) - offset, mapped: true }
    } catch {
      return this.map.extent(offset, length) // a file system without SEEK_DATA
    }
  }
}

export const openSparse = async (path: string, options: ImageOptions): Promise<SparseStore> =>
  new SparseStore(await openImage(path, options, false))
