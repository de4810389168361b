// Opens the image of a store: creates or grows it, locks it, reserves its blocks where asked, and learns its holes.
// What an operator can cure fails as StoreError 'cannot open', one sentence: which image, why, what to do.

import { constants, existsSync, type Stats } from 'node:fs'
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { errorCode, StoreError } from './errors.ts'
import { HoleMap } from './hole-map.ts'
import { lockImage, type Unlock } from './image-lock.ts'
import { linux } from './linux.ts'

export interface ImageOptions {
  /** The size of the medium in bytes. */
  readonly length: number
  readonly readOnly: boolean
}

/** An image that is open, locked, and as long as its medium (shorter only when read-only). */
export interface OpenImage extends ImageOptions {
  readonly path: string
  readonly file: FileHandle
  readonly holes: HoleMap
  readonly unlock: Unlock
}

/** `allocate`: every block is reserved before the promise resolves, so that no write ever lacks space. */
export async function openImage(path: string, options: ImageOptions, allocate: boolean): Promise<OpenImage> {
  const { file, created } = await openFile(path, options.readOnly)
  let unlock: Unlock | undefined
  try {
    requireFile(path, await file.stat())
    unlock = await lockImage(file.fd, path, !options.readOnly)
    const holes = await prepare(path, file, options, allocate && !options.readOnly)
    return { ...options, path, file, holes, unlock }
  } catch (error) {
    if (created && unlock) await unlink(path).catch(() => {})
    await unlock?.()
    await file.close()
    throw cannotOpen(path, error)
  }
}

/** O_NONBLOCK: a FIFO in the image's place is refused below rather than waited for. */
async function openFile(path: string, readOnly: boolean): Promise<{ file: FileHandle; created: boolean }> {
  const flags = (readOnly ? constants.O_RDONLY : constants.O_RDWR) | (constants.O_NONBLOCK ?? 0)
  try {
    return { file: await open(path, flags), created: false }
  } catch (error) {
    if (readOnly || errorCode(error) !== 'ENOENT') throw cannotOpen(path, error)
  }
  try {
    return { file: await open(path, flags | constants.O_CREAT | constants.O_EXCL, 0o600), created: true }
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

function requireFile(path: string, found: Stats): void {
  if (found.isDirectory()) throw refusal(path, 'it is a directory; name a file in it')
  if (!found.isFile()) throw refusal(path, 'it is not a regular file; name one, or a new one')
}

/** Brings the file to the size of the medium; gives its holes. */
async function prepare(path: string, file: FileHandle, { length, readOnly }: ImageOptions, allocate: boolean) {
  const before = await file.stat()
  if (before.size > length) {
    const why = `it holds ${before.size} bytes and ${length} are configured, which would cut off data`
    throw refusal(path, `${why}; configure ${before.size}, or name another image`)
  }
  if (allocate) await requireSpace(path, before, length)
  const holes = new HoleMap(length)
  await learnHoles(file, before.size, holes)
  if (before.size === length || readOnly) {
    if (allocate) await reserve(file, before.size, length)
    return holes
  }
  try {
    await file.truncate(length)
    if (allocate) await reserve(file, before.size, length)
  } catch (error) {
    await file.truncate(before.size)
    throw error
  }
  return holes
}

/** Marks what may hold data: everything, where holes cannot be seen and the file has blocks. */
async function learnHoles(file: FileHandle, size: number, holes: HoleMap): Promise<void> {
  if (size === 0) return
  if (!linux) {
    if (await hasBlocks(file)) holes.markData(0, size)
    return
  }
  let slice = performance.now()
  try {
    for (let offset = 0; offset < size; ) {
      const data = linux.seekData(file.fd, offset)
      if (data === undefined || data >= size) return
      const hole = linux.seekHole(file.fd, data)
      holes.markData(data, hole - data)
      offset = (Math.floor((hole - 1) / holes.chunkLength) + 1) * holes.chunkLength // the rest of a chunk adds nothing
      if (performance.now() - slice > 1) {
        await setImmediate()
        slice = performance.now()
      }
    }
  } catch {
    holes.markData(0, size) // a file system without SEEK_DATA
  }
}

/** Some file systems count blocks only once they are on the disk. */
async function hasBlocks(file: FileHandle): Promise<boolean> {
  await file.datasync()
  return (await file.stat()).blocks !== 0
}

async function requireSpace(path: string, { blocks }: Stats, length: number): Promise<void> {
  const { bavail, bsize } = await statfs(path)
  const wanted = length - 512 * blocks // st_blocks counts 512 bytes each, whatever the file system
  if (wanted > bavail * bsize) throw new StoreError('no space', `${wanted} bytes wanted, ${bavail * bsize} free`)
}

/** Without fallocate what is new is written; what was there before is presumed to be allocated. */
async function reserve(file: FileHandle, from: number, length: number): Promise<void> {
  try {
    if (linux) return await linux.allocate(file.fd, 0, length)
  } catch (error) {
    if (errorCode(error) !== 'ENOTSUP') throw error
  }
  const zeroes = Buffer.alloc(Math.min(1024 * 1024, length - from))
  for (let offset = from; offset < length; ) {
    const { bytesWritten } = await file.write(zeroes, 0, Math.min(zeroes.length, length - offset), offset)
    offset += bytesWritten
  }
}

const refusal = (path: string, why: string, cause?: unknown): StoreError =>
  new StoreError('cannot open', `cannot open ${path}: ${why}`, { cause })

/** What a failed call means to the operator. */
function cannotOpen(path: string, error: unknown): StoreError {
  if (error instanceof StoreError && error.failure === 'cannot open') return error
  const folder = dirname(path)
  const code = error instanceof StoreError && error.failure === 'no space' ? 'ENOSPC' : errorCode(error)
  const detail = error instanceof Error ? error.message : String(error)
  if (code === 'ENOENT') {
    if (!existsSync(folder))
      return refusal(path, `the directory ${folder} does not exist; create it, or correct the path`, error)
    return refusal(path, 'it does not exist, and a read-only one is not created; correct the path', error)
  }
  if (code === 'ENOTDIR') return refusal(path, `${folder} is not a directory; correct the path`, error)
  if (code === 'EISDIR') return refusal(path, 'it is a directory; name a file in it', error)
  if (code === 'EACCES' || code === 'EPERM')
    return refusal(path, 'permission denied; let this user read and write it and its directory', error)
  if (code === 'EROFS') return refusal(path, 'the file system is read-only; remount it, or set readOnly', error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return refusal(path, `the disk is too small (${detail}); free some space, or use a sparse image`, error)
  if (code === 'EFBIG') return refusal(path, 'the file system does not take files of this size; lower the size', error)
  return refusal(path, detail, error)
}
