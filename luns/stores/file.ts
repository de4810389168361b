// A fully allocated image: every block is reserved when it is created, so that no write ever lacks space. It has no
// unmap; zeroing keeps the blocks.

import { ImageFile } from '../image-file.ts'
import { linux } from '../linux.ts'
import { type ImageOptions, openImage } from '../open-image.ts'

class FileStore extends ImageFile {
  zero(offset: number, length: number): Promise<void> {
    return this.clear(offset, length, linux?.zeroRange)
  }
}

export const openFile = async (path: string, options: ImageOptions): Promise<FileStore> =>
  new FileStore(await openImage(path, options, true))
