// Opens the image of a store: creates or grows it, locks it, reserves its blocks where asked, and learns its holes, which
// tell how much of its pool it uses: the image itself is what survives a restart.
// What an operator can cure fails as StoreError 'cannot open', one sentence: which image, why, what to do.

import { constants, existsSync, type Stats } from 'node:fs'
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { AllocationMap } from './allocation-map.ts'
import { errorCode, StoreError } from './errors.ts'
import { lockImage, type Unlock } from './image-lock.ts'
import { linux } from './linux.ts'
import type { Pool, PoolAccount } from './pool.ts'

export interface ImageOptions {
  /** The size of the medium in bytes. */
  readonly length: number
  readonly readOnly: boolean
  /** Takes account of what is allocated. */
  readonly pool?: Pool | undefined
}

/** An image that is open, locked, and as long as its medium (shorter only when read-only). */
export interface OpenImage {
  readonly path: string
  readonly file: FileHandle
  readonly length: number
  readonly readOnly: boolean
  /** All of it is reserved, and the account has taken its length; else the account follows the map. */
  readonly thick: boolean
  readonly map: AllocationMap
  readonly account: PoolAccount | undefined
  readonly unlock: Unlock
}

/** `thick`: every block is reserved before the promise resolves, so that no write ever lacks space. */
export async function openImage(path: string, options: ImageOptions, thick: boolean): Promise<OpenImage> {
  const { file, created } = await openFile(path, options.readOnly)
  const account = options.pool?.open()
  let unlock: Unlock | undefined
  try {
    requireFile(path, await file.stat())
    unlock = await lockImage(file.fd, path, !options.readOnly)
    const { length, readOnly } = options
    const map = new AllocationMap(length, thick ? undefined : account)
    const image = { path, file, length, readOnly, thick, map, account, unlock }
    await prepare(image)
    return image
  } catch (error) {
    account?.close()
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

/** Brings the file to the size of the medium, and learns its holes. */
async function prepare(image: OpenImage): Promise<void> {
  const { path, file, length, readOnly, thick } = image
  const before = await file.stat()
  if (before.size > length) {
    const why = `it holds ${before.size} bytes and ${length} are configured, which would cut off data`
    throw refusal(path, `${why}; configure ${before.size}, or name another image`)
  }
  if (thick && !readOnly) await requireSpace(path, before, length)
  if (thick) await takeWhole(image)
  await learnHoles(file, before.size, image.map)
  if (!readOnly) await growImage(file, before.size, length, thick ? 0 : undefined)
}

/** What has blocks already counts whether or not the pool has room, so that every image opens again. */
async function takeWhole({ path, file, length, readOnly, account }: OpenImage): Promise<void> {
  if (!account) return
  const allocated = readOnly ? length : Math.min(length, await allocatedBytes(file))
  account.count(allocated)
  const wanted = length - allocated
  const { name, available } = account.pool
  if (wanted > available) {
    const why = `the pool ${name} has ${available} bytes free and ${wanted} are wanted`
    throw refusal(path, `${why}; raise its capacity, free some of it, or use a sparse image`)
  }
  account.count(wanted)
}

/**
 * Brings the file from one length to another; as it was where that fails. `reserveFrom`: from there on every block is
 * reserved.
 */
export async function growImage(file: FileHandle, from: number, length: number, reserveFrom?: number): Promise<void> {
  try {
    if (length > from) await file.truncate(length)
    if (reserveFrom !== undefined) await reserve(file, reserveFrom, from, length)
  } catch (error) {
    if (length > from) await file.truncate(from)
    throw error
  }
}

/**
 * Marks what may hold data. Without koffi holes cannot be seen, and reading the image for them would take a disk's time:
 * an image that has any block is then presumed to be all data, and counts whole in its pool until it is unmapped. That
 * errs on the safe side: other units may be refused room that is there, but room that is taken is never given twice.
 */
async function learnHoles(file: FileHandle, size: number, map: AllocationMap): Promise<void> {
  if (size === 0) return
  if (!linux) {
    if ((await allocatedBytes(file)) !== 0) map.markData(0, size)
    return
  }
  let slice = performance.now()
  try {
    for (let offset = 0; offset < size; ) {
      const data = linux.seekData(file.fd, offset)
      if (data === undefined || data >= size) return
      const hole = linux.seekHole(file.fd, data)
      map.markData(data, hole - data)
      offset = (Math.floor((hole - 1) / map.grainLength) + 1) * map.grainLength // the rest of a grain adds nothing
      if (performance.now() - slice > 1) {
        await setImmediate()
        slice = performance.now()
      }
    }
  } catch {
    map.markData(0, size) // a file system without SEEK_DATA
  }
}

/** Some file systems count blocks only once they are on the disk. st_blocks counts 512 bytes each, whatever they are. */
async function allocatedBytes(file: FileHandle): Promise<number> {
  await file.datasync()
  return 512 * (await file.stat()).blocks
}

async function requireSpace(path: string, { blocks }: Stats, length: number): Promise<void> {
  const { bavail, bsize } = await statfs(path)
  const wanted = length - 512 * blocks
  if (wanted > bavail * bsize) throw new StoreError('no space', `${wanted} bytes wanted, ${bavail * bsize} free`)
}

/** One call must not keep its thread for long: 1 GiB takes milliseconds. */
const RESERVE_BYTES = 1024 * 1024 * 1024

/** Without fallocate what is new is written; what was there before, up to `size`, is presumed to be allocated. */
async function reserve(file: FileHandle, from: number, size: number, length: number): Promise<void> {
  try {
    if (linux) {
      for (let offset = from; offset < length; offset += RESERVE_BYTES)
        await linux.allocate(file.fd, offset, Math.min(RESERVE_BYTES, length - offset))
      return
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOTSUP') throw error
  }
  const zeroes = Buffer.alloc(Math.min(1024 * 1024, length - size))
  for (let offset = size; offset < length; ) {
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
