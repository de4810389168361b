// A local image, or a disk of this machine, as a BlockDevice: what stands in a file stands on the disk, byte for byte.

import { constants } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { OperatorError } from '../errors.ts'
import type { BlockDevice } from './block-device.ts'
import { lockFile } from './file-lock.ts'

const BLOCK_BYTES = 512

export interface FileDeviceOptions {
  /** Writes are refused, and the file is shared with other readers. */
  readonly readOnly?: boolean
}

/** @throws OperatorError for what is neither a file nor a disk, or is not to be had */
export async function openFileDevice(path: string, { readOnly = false }: FileDeviceOptions = {}): Promise<BlockDevice> {
  // Without O_NONBLOCK the open of a pipe waits for its other end.
  const flags = (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK
  const file = await open(path, flags).catch((error: unknown) => {
    throw new OperatorError(`cannot open ${path}: ${reasonOf(error)}`, { cause: error })
  })
  return await deviceOf(file, path, readOnly)
}

/**
 * A new image of zeros that takes no room on the disk before it is written.
 * @param size bytes, a multiple of 512
 * @throws OperatorError when there is something of that name, or it cannot be made
 */
export async function createFileDevice(path: string, size: number): Promise<BlockDevice> {
  if (!Number.isSafeInteger(size) || size <= 0 || size % BLOCK_BYTES !== 0)
    throw new OperatorError(
      `cannot make ${path}: an image has a positive multiple of ${BLOCK_BYTES} bytes, not ${size}`,
    )
  const file = await open(path, 'wx+').catch((error: unknown) => {
    throw new OperatorError(`cannot make ${path}: ${reasonOf(error)}`, { cause: error })
  })
  try {
    await file.truncate(size)
  } catch (error) {
    await file.close()
    throw new OperatorError(`cannot make ${path} of ${size} bytes: ${reasonOf(error)}`, { cause: error })
  }
  return await deviceOf(file, path, false)
}

async function deviceOf(file: FileHandle, path: string, readOnly: boolean): Promise<BlockDevice> {
  try {
    const size = await sizeOf(file, path)
    if (size < BLOCK_BYTES) throw new OperatorError(`${path} is empty: it holds no disk`)
    if (!lockFile(file.fd, !readOnly))
      throw new OperatorError(`${path} is in use by another program: stop that one first, an array or a host`)
    return new FileDevice(file, path, size - (size % BLOCK_BYTES), readOnly)
  } catch (error) {
    await file.close()
    throw error
  }
}

async function sizeOf(file: FileHandle, path: string): Promise<number> {
  const stat = await file.stat()
  if (stat.isFile()) return stat.size
  if (stat.isBlockDevice()) return await diskBytes(stat.rdev, path)
  throw new OperatorError(`${path} is ${stat.isDirectory() ? 'a directory' : 'no file'}: name an image or a disk`)
}

/** The kernel tells a disk's size here, in sectors of 512 bytes whatever its blocks are. */
async function diskBytes(rdev: number, path: string): Promise<number> {
  const major = (rdev >>> 8) & 0xfff
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
  const text = await readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8').catch((error: unknown) => {
    throw new OperatorError(`cannot tell the size of ${path}: ${reasonOf(error)}`, { cause: error })
  })
  return Number(text) * BLOCK_BYTES
}

class FileDevice implements BlockDevice {
  readonly name: string
  readonly size: number
  readonly blockBytes = BLOCK_BYTES
  readonly #file: FileHandle
  readonly #readOnly: boolean

  constructor(file: FileHandle, name: string, size: number, readOnly: boolean) {
    this.#file = file
    this.name = name
    this.size = size
    this.#readOnly = readOnly
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#requireInside(offset, length)
    const data = Buffer.allocUnsafe(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#file.read(data, done, length - done, offset + done)
      if (bytesRead === 0) throw new OperatorError(`${this.name} was cut short at byte ${offset + done} while in use`)
      done += bytesRead
    }
    return data
  }

  async write(offset: number, data: Buffer): Promise<void> {
    if (this.#readOnly) throw new OperatorError(`${this.name} was opened for reading only`)
    this.#requireInside(offset, data.length)
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await this.#file.write(data, done, data.length - done, offset + done)
      done += bytesWritten
    }
  }

  async flush(): Promise<void> {
    if (!this.#readOnly) await this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #requireInside(offset: number, length: number): void {
    const whole = (value: number) => Number.isSafeInteger(value) && value >= 0 && value % BLOCK_BYTES === 0
    if (!whole(offset) || !whole(length) || offset + length > this.size)
      throw new RangeError(`${this.name}: ${length} bytes at ${offset} of ${this.size}`)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; "lunette vmfs format" makes one with --size',
  EEXIST: 'there is a file of that name already',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  EISDIR: 'it is a directory: name an image or a disk',
  ENXIO: 'it is no file: name an image or a disk',
  ENOSPC: 'no space left on the disk',
  EFBIG: 'the file system has no files of that size',
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return REASONS[code ?? ''] ?? message
}
