// The Linux calls that Node lacks, through koffi, an optional dependency: where it or libc cannot load, `linux` is
// undefined, and stores do the same work with what Node has, slower. LUNETTE_NO_KOFFI=1 asks for that.
// preadv2 stands on the hot path of every read; whatever may wait for a disk goes through libuv's threads, as bulk work.

import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { getSystemErrorName } from 'node:util'
import type { KoffiFunc } from 'koffi'
import { threads } from './threads.ts'

export interface Linux {
  /** Reads from the page cache alone; one reader a file, for it keeps the I/O vector. */
  cachedReader(fd: number): CachedReader
  /** Reserves disk blocks for the range, growing the file where it is shorter. */
  allocate(fd: number, offset: number, length: number): Promise<void>
  /** Frees the range: it reads as zeroes. The file keeps its size. */
  punchHole(fd: number, offset: number, length: number): Promise<void>
  /** Makes the range read as zeroes and keeps its blocks. */
  zeroRange(fd: number, offset: number, length: number): Promise<void>
  /** The first byte at or after `offset` that a hole does not hold; undefined when only a hole follows. */
  seekData(fd: number, offset: number): number | undefined
  /** The first byte at or after `offset` that a hole holds: the end of the file is one. */
  seekHole(fd: number, offset: number): number
  /** Copies inside the kernel; gives the bytes copied, 0 at the end of the source. */
  copyRange(source: number, sourceOffset: number, fd: number, offset: number, length: number): Promise<number>
  /** Locks the open file against other opens of it, without waiting. False: another one holds it. */
  lock(fd: number, exclusive: boolean): boolean
}

export interface CachedReader {
  /** Fills the range of `target` if the page cache has all of it. False: nothing is promised about the target. */
  read(target: Buffer, at: number, length: number, offset: number): boolean
}

type Long = (...args: number[]) => number
type Func<F extends (...args: never[]) => unknown> = KoffiFunc<F>

const RWF_NOWAIT = 8
const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
const FALLOC_FL_ZERO_RANGE = 16
const SEEK_DATA = 3
const SEEK_HOLE = 4
const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4

/** 64-bit and little-endian: what the I/O vector below and off_t are written for. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64']

/** Binds the calls, or gives undefined where the platform, koffi or libc does not have them. */
export function loadLinux(env: NodeJS.ProcessEnv): Linux | undefined {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) return undefined
  if (env.LUNETTE_NO_KOFFI === '1') return undefined
  try {
    return bind(createRequire(import.meta.url)('koffi') as typeof import('koffi'))
  } catch {
    return undefined // no koffi, no prebuilt one for this libc, or a libc without one of the calls
  }
}

export const linux = loadLinux(process.env)

function bind(koffi: typeof import('koffi')): Linux {
  const libc = koffi.load(null)
  const signed = 'int64_t'
  const fallocate = libc.func('fallocate', 'int', ['int', 'int', signed, signed]) as Func<Long>
  const lseek = libc.func('lseek', signed, ['int', signed, 'int']) as Func<Long>
  const flock = libc.func('flock', 'int', ['int', 'int']) as Func<Long>
  const copyFileRange = libc.func('copy_file_range', signed, [
    'int', 'int64_t *', 'int', 'int64_t *', 'size_t', 'uint',
  ]) as Func<(from: number, at: BigInt64Array, to: number, into: BigInt64Array, length: number, flags: number) => number> // biome-ignore format: one line shows the prototype
  const preadv2 = libc.func('preadv2', signed, ['int', 'uintptr_t', 'int', signed, 'int']) as Func<Long>

  const inThread = async <F extends (...args: never[]) => number>(
    name: string,
    call: Func<F>,
    ...args: Parameters<F>
  ): Promise<number> => {
    for (;;) {
      const [result, code] = await threads.bulk(() => threaded(koffi, call, args))
      if (code === undefined) return result
      if (code === TOO_MANY) await setTimeout(1)
      else if (code !== 'EINTR') throw new LinuxError(name, code)
    }
  }
  const allocation = (mode: number) => async (fd: number, offset: number, length: number) => {
    await inThread('fallocate', fallocate, fd, mode, offset, length)
  }
  const seek = (fd: number, offset: number, whence: number) => {
    const found = lseek(fd, offset, whence)
    if (found >= 0) return found
    const code = codeOf(koffi.errno())
    if (code === 'ENXIO') return undefined
    throw new LinuxError('lseek', code)
  }

  return {
    cachedReader: (fd) => new PageCacheReader(fd, koffi, preadv2),
    allocate: allocation(0),
    punchHole: allocation(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE),
    zeroRange: allocation(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE),
    seekData: (fd, offset) => seek(fd, offset, SEEK_DATA),
    seekHole: (fd, offset) => seek(fd, offset, SEEK_HOLE) ?? offset,
    copyRange: (source, sourceOffset, fd, offset, length) => {
      const from = BigInt64Array.of(BigInt(sourceOffset))
      const to = BigInt64Array.of(BigInt(offset))
      return inThread('copy_file_range', copyFileRange, source, from, fd, to, length, 0)
    },
    lock: (fd, exclusive) => {
      for (;;) {
        if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0) return true
        const code = codeOf(koffi.errno())
        if (code === 'EAGAIN') return false
        if (code !== 'EINTR') throw new LinuxError('flock', code)
      }
    },
  }
}

/** koffi lets so many calls run at once (256 unless configured) and refuses the next by this text alone. */
const TOO_MANY = 'Too many asynchronous calls are running'

/** One call in a libuv thread: its result, and the name of its error; koffi carries the errno over to the callback. */
function threaded<F extends (...args: never[]) => number>(
  koffi: typeof import('koffi'),
  call: Func<F>,
  args: Parameters<F>,
): Promise<[result: number, code: string | undefined]> {
  return new Promise((resolve, reject) => {
    const refused = (error: unknown) =>
      error instanceof Error && error.message === TOO_MANY ? resolve([-1, TOO_MANY]) : reject(error)
    try {
      call.async(...args, (error: unknown, result: ReturnType<F>) => {
        if (error) refused(error)
        else resolve([result, result < 0 ? codeOf(koffi.errno()) : undefined])
      })
    } catch (error) {
      refused(error)
    }
  })
}

const codeOf = (errno: number): string => getSystemErrorName(-errno)

/** Looks like Node's own: `code` is the name, ENOTSUP for EOPNOTSUPP as libuv says it. */
class LinuxError extends Error {
  readonly code: string

  constructor(call: string, code: string) {
    super(`${call}: ${code}`)
    this.name = 'LinuxError'
    this.code = code
  }
}

class PageCacheReader implements CachedReader {
  readonly #fd: number
  readonly #koffi: typeof import('koffi')
  readonly #preadv2: Func<Long>
  /** struct iovec: address and length, each as two halves, for a 64-bit store would cost a bigint. */
  readonly #vector = new Uint32Array(new ArrayBuffer(16))
  readonly #vectorAddress: number
  /** An ArrayBuffer never moves, and few are in use: those of the pools. */
  readonly #addresses = new WeakMap<ArrayBufferLike, number>()
  #supported = true

  constructor(fd: number, koffi: typeof import('koffi'), preadv2: Func<Long>) {
    this.#fd = fd
    this.#koffi = koffi
    this.#preadv2 = preadv2
    this.#vectorAddress = Number(koffi.address(this.#vector))
  }

  read(target: Buffer, at: number, length: number, offset: number): boolean {
    if (!this.#supported) return false
    // The kernel writes through a bare address: nothing else would notice a range outside the buffer.
    if (!(at >= 0 && length >= 0 && at + length <= target.length)) throw new RangeError('read outside the buffer')
    const address = (this.#addresses.get(target.buffer) ?? this.#learn(target)) + target.byteOffset + at
    this.#vector[0] = address // modulo 2^32
    this.#vector[1] = address / 0x1_0000_0000
    this.#vector[2] = length
    const count = this.#preadv2(this.#fd, this.#vectorAddress, 1, offset, RWF_NOWAIT)
    if (count === length) return true
    if (count < 0 && codeOf(this.#koffi.errno()) === 'ENOTSUP') this.#supported = false
    return false
  }

  #learn(target: Buffer): number {
    const address = Number(this.#koffi.address(target)) - target.byteOffset
    this.#addresses.set(target.buffer, address)
    return address
  }
}
