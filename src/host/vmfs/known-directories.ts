// What has been read of directories that other hosts change as well. Whoever changes one has its lock, and each taking of a lock counts
// its token on (notes, 5): a lock that is free now, and was free with the same token before a part was read, has had no holder in
// between, so that part still is what it was.

import type { FileDescriptor } from './file-descriptors.ts'
import type { DirectoryBytes } from './structures/directory.ts'
import { LOCK_MODE } from './structures/lock.ts'

/** Directories that are remembered, and parts of each of them. */
const [MAX_DIRECTORIES, MAX_PARTS] = [64, 64]
/** Of a lock: the rest of its sector is not used. */
const LOCK_BYTES = 512

interface Known {
  readonly lock: Buffer
  readonly parts: Map<string, Buffer>
}

export class KnownDirectories {
  readonly #known = new Map<number, Known>()

  /** `directory` has been read just now. */
  over(directory: FileDescriptor, bytes: DirectoryBytes): DirectoryBytes {
    if (directory.lock.mode !== LOCK_MODE.free) return bytes
    const { parts } = this.#of(directory)
    return {
      ...{ isRoot: bytes.isRoot, length: bytes.length },
      async read(offset, length) {
        const key = `${offset} ${length}`
        const known = parts.get(key)
        if (known) return Buffer.from(known)
        const part = await bytes.read(offset, length)
        if (parts.size >= MAX_PARTS) parts.clear()
        parts.set(key, Buffer.from(part))
        return part
      },
    }
  }

  #of({ address, image }: FileDescriptor): Known {
    const lock = image.subarray(0, LOCK_BYTES)
    const known = this.#known.get(address)
    if (known?.lock.equals(lock)) return known
    if (this.#known.size >= MAX_DIRECTORIES) this.#known.clear()
    const fresh = { lock: Buffer.from(lock), parts: new Map<string, Buffer>() }
    this.#known.set(address, fresh)
    return fresh
  }
}
