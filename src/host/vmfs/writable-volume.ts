// A volume that is open for writing: every operation that changes it, one after the other. Each is done whole or not at all, also
// when the device is lost at any write: who opens the volume next finishes or undoes it from the journal (notes, 16).

import { crc32c } from '@node-rs/crc32'
import type { BlockDevice } from '../block-device.ts'
import { isShared } from '../shared-device.ts'
import { VmfsError, type VmfsProblem } from './errors.ts'
import { type FileDescriptor, formatAddress } from './file-descriptors.ts'
import { makeHostUuid } from './host-identity.ts'
import { beginSession, type OpenSession, type RecoverOptions, recoverHosts } from './host-session.ts'
import type { LockingCounts } from './locking/counters.ts'
import { BeginAgain } from './locking/operation-locks.ts'
import { type FileReference, HeldFile, type OpenFile, type OpenFileContext, type OpenMode } from './open-file.ts'
import { requireFile, resizeContent, writeContent } from './operations/change-content.ts'
import { makeDirectory } from './operations/make-directory.ts'
import { makeLink } from './operations/make-link.ts'
import { quote, requireChangeable } from './operations/names.ts'
import { type PutOptions, putFile } from './operations/put-file.ts'
import { removeDirectory, removeFile } from './operations/remove.ts'
import { rename } from './operations/rename.ts'
import { ReplayableSource } from './operations/replayable-source.ts'
import { lookup } from './path-lookup.ts'
import { buryAll, leftBehind } from './shared-recovery.ts'
import { beginSharedSession, type SharedOptions, SharedSession } from './shared-session.ts'
import { decodeFdAddress } from './structures/address.ts'
import { encodeUuid } from './structures/uuid.ts'
import type { VolumeIo } from './transaction.ts'
import { openVolume, type Volume } from './volume.ts'
import { type Work, Writing } from './writing.ts'

export type { PutOptions } from './operations/put-file.ts'

export interface WriteOptions extends RecoverOptions, SharedOptions {
  /** Whose heartbeat slot it is: a UUID as VMFS writes it. By default one of this process, different each time. */
  readonly host?: string
  /** Milliseconds since 1970, for the times of files. */
  readonly now?: () => number
}

/** Of an operation that meets other hosts. */
const MAX_ATTEMPTS = 60
/** What another host changes may look damaged, or not to be there, while an operation has no lock yet: it is looked at so often. */
const LOOKS: Partial<Record<VmfsProblem, number>> = { damaged: 5, 'no such file': 2 }
const LOOK_AGAIN_MS = 20
/** Data that is written in one transaction: more of it is split. */
const WRITE_BYTES = 64 * 1024 * 1024

/**
 * A volume that this host has open for writing. Paths start at the root, with or without "/". The methods may be called while
 * another one is under way: each waits for its turn. All of them throw VmfsError, with the problem of what was asked for ('no such
 * file', 'exists', 'not a directory', 'is a directory', 'not empty', 'bad name', 'no space', 'too large', 'read-only' for system
 * files, 'unsupported'), 'damaged' for what the volume holds; and whatever the device fails with.
 */
export class WritableVolume {
  /** To read it: what is read between two operations is consistent. */
  readonly volume: Volume
  /** UUIDs of the hosts whose journals were replayed when the volume was opened. */
  readonly recovered: readonly string[]
  readonly #writing: Writing
  readonly #session: OpenSession
  readonly #opened = new Set<HeldFile>()
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(writing: Writing, session: OpenSession, recovered: readonly string[]) {
    this.volume = writing.volume
    this.recovered = recovered
    this.#writing = writing
    this.#session = session
  }

  /** UUID under which this host has the volume open. */
  get host(): string {
    return this.#session.host
  }

  /** What this host has sent for locks and its heartbeat; nothing where it has the volume for itself. */
  get lockingCounts(): LockingCounts | undefined {
    return this.#session instanceof SharedSession ? this.#session.counts : undefined
  }

  /**
   * Makes a file of the bytes of `source`, or replaces what one holds: until it is done the old content is there. A symbolic link
   * at the end of the path is followed.
   * @returns the file, for `writeAt`
   */
  putFile(path: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<FileReference> {
    if (!(this.#session instanceof SharedSession)) return this.#putOnce(path, source, options)
    const kept = new ReplayableSource(source, () => this.#writing.insist())
    return this.#putOnce(path, kept, options).finally(() => kept.close())
  }

  #putOnce(path: string, source: AsyncIterable<Uint8Array>, options: PutOptions): Promise<FileReference> {
    return this.#inTurn(() => putFile(this.#writing, path, source, options))
  }

  /** Makes an empty directory in one that exists, with mode 0755. */
  makeDirectory(path: string): Promise<void> {
    return this.#inTurn(async () => void (await makeDirectory(this.#writing, path)))
  }

  /** Makes a symbolic link at `path` that leads to `target`, whether or not that exists. */
  makeLink(target: string, path: string): Promise<void> {
    return this.#inTurn(async () => void (await makeLink(this.#writing, target, path)))
  }

  /** Removes a file, or a symbolic link itself. */
  removeFile(path: string): Promise<void> {
    return this.#inTurn(() => removeFile(this.#writing, path))
  }

  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void> {
    return this.#inTurn(() => removeDirectory(this.#writing, path))
  }

  /** Moves a file or directory to the path `to`, where it replaces a file, but no directory. */
  rename(from: string, to: string): Promise<void> {
    return this.#inTurn(() => rename(this.#writing, from, to))
  }

  /** Makes a file `length` bytes long; it must exist. What it gains reads as zeros and takes no space. */
  truncate(path: string, length: number): Promise<void> {
    requireOffset(length)
    return this.#inTurn(async () => {
      const found = await lookup(this.volume, path)
      const file = { ...found.file, path: found.path }
      requireChangeable(file, path)
      await this.#writing.run(async (work) => {
        await work.claim(file)
        await resizeContent(work, file, length)
      })
    })
  }

  /** What a path leads to, through links, for `writeAt`. */
  reference(path: string): Promise<FileReference> {
    return this.#inTurn(async () => {
      const { address, meta } = (await lookup(this.volume, path)).file
      return { address, generation: meta.generation }
    })
  }

  /**
   * Writes bytes at `offset` (bytes) over what the file holds, which grows when they reach behind its end. Like a disk's, the write is not
   * atomic: cut, it may have written a part of the data.
   */
  writeAt(file: FileReference, offset: number, data: Buffer): Promise<void> {
    requireOffset(offset)
    requireOffset(offset + data.length)
    return this.#inTurn(() => this.#writeParts(file, offset, data))
  }

  /**
   * Opens a file, and holds it open until it is closed, or the volume is. What other hosts have open, and what this host has open
   * in another way or exclusively, is refused. While it is open this host's other operations change the file if it is 'exclusive',
   * and none removes it or puts another one in its place.
   * @throws VmfsError 'in use', naming a host that has it open; 'is a directory'; 'read-only' for files of the volume itself
   */
  openFile(path: string, mode: OpenMode): Promise<OpenFile> {
    return this.#inTurn(async () => {
      const { openFiles, locks } = this.#writing
      const found = await lookup(this.volume, path)
      requireChangeable(found.file, path)
      const file = { ...found.file, path: found.path }
      requireFile(file)
      if (!openFiles.admit(file, mode)) {
        await locks?.hold(file, mode)
        const isStill = this.#find({ address: file.address, generation: file.meta.generation })
        if (!(await isStill.catch(() => undefined))) {
          await locks?.letGo(file.offset)
          throw new BeginAgain(false)
        }
      }
      openFiles.add(file.offset, mode)
      const opened = new HeldFile(file, mode, this.#openFileContext)
      this.#opened.add(opened)
      return opened
    })
  }

  /** Runs what changes the volume past these operations, when its turn comes: repairs. */
  exclusively<Result>(operate: (writing: Writing) => Promise<Result>): Promise<Result> {
    return this.#inTurn(() => operate(this.#writing))
  }

  /** Waits for what is under way, gives the heartbeat slot back and closes the devices. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last.catch(() => {})
    try {
      for (const file of this.#opened) await this.#giveBack(file)
    } finally {
      try {
        await this.#session.end()
      } finally {
        await this.volume.close()
      }
    }
  }

  get #openFileContext(): OpenFileContext {
    return {
      ...{ volume: this.volume, locks: this.#writing.locks },
      inTurn: (operate) => this.#inTurn(operate),
      writeAt: (file, offset, data) => this.#writeParts(file, offset, data),
      release: async (file) => {
        if (!this.#closed) await this.#inTurn(() => this.#giveBack(file))
      },
    }
  }

  async #giveBack(file: HeldFile): Promise<void> {
    const isLast = this.#opened.delete(file) && this.#writing.openFiles.remove(file.offset)
    if (isLast) await this.#writing.locks?.letGo(file.offset)
  }

  async #writeParts(file: FileReference, offset: number, data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; at += WRITE_BYTES) {
      const part = data.subarray(at, at + WRITE_BYTES)
      await this.#onFile(file, async (work, found) => await writeContent(work, found, offset + at, part))
    }
  }

  async #find({ address, generation }: FileReference): Promise<FileDescriptor | undefined> {
    const { cluster, resource } = decodeFdAddress(address)
    const { state } = await this.volume.files.fdc.readCluster(cluster)
    const file = state.isFree(resource) ? undefined : await this.volume.readFileDescriptor(address)
    return file?.meta.generation === generation ? file : undefined
  }

  async #onFile(reference: FileReference, operate: (work: Work, file: FileDescriptor) => Promise<void>): Promise<void> {
    const file = await this.#find(reference)
    if (!file)
      throw new VmfsError('no such file', `the file that had descriptor ${formatAddress(reference.address)} is gone`)
    await this.#writing.run(async (work) => {
      await work.claim(file)
      await operate(work, file)
    })
  }

  #inTurn<Result>(operate: () => Promise<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new VmfsError('read-only', 'the volume has been closed'))
    const attempts = () => {
      this.#writing.locks?.begin()
      return this.#untilDone(operate)
    }
    const result = this.#last.then(attempts, attempts)
    // Whoever asked for it is told.
    this.#last = result.catch(() => {})
    return result
  }

  #mostLooks(error: unknown): number {
    return this.#session instanceof SharedSession && error instanceof VmfsError ? (LOOKS[error.problem] ?? 1) : 1
  }

  /** Other hosts may change what an operation is about while it looks. */
  async #untilDone<Result>(operate: () => Promise<Result>): Promise<Result> {
    let looks = 0
    for (let attempt = 1; ; attempt++) {
      try {
        this.#writing.lookAgain()
        return await operate()
      } catch (error) {
        if (!(error instanceof BeginAgain)) {
          // What the attempt before has locked.
          await this.#writing.releaseLocks().catch(() => {})
          if (++looks >= this.#mostLooks(error)) throw error
          await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
          continue
        }
        if (error.keepsLocks) continue
        await this.#writing.releaseLocks()
        if (attempt >= MAX_ATTEMPTS)
          throw new VmfsError(
            'in use',
            `${error.other ?? 'other hosts'} held what this needs, at each of ${attempt} attempts: try again`,
          )
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(500, 10 * 2 ** attempt)))
      }
    }
  }
}

/**
 * Opens the volume on these devices, given in any order, for writing. What hosts that are gone left half done is finished or undone
 * first. Owns the devices once it has resolved.
 * @throws VmfsError 'in use' while another host has the volume open, unless it is said to be dead with `recover`; 'not a volume',
 *   'unsupported', 'damaged'
 */
export async function openForWriting(
  devices: readonly BlockDevice[],
  options: WriteOptions = {},
): Promise<WritableVolume> {
  const { host = makeHostUuid(), now = Date.now } = options
  const volume = await openVolume(devices)
  const clock = () => Math.floor(now() / 1000)
  if (devices.every(isShared)) return await openShared(volume, host, clock, options)
  const io = cachedIo(volume)
  const recovered = await recoverHosts(volume, io, host, options)
  const session = await beginSession(volume, io, host)
  const writing = new Writing(volume, io, session.journal, clock)
  return new WritableVolume(writing, session, recovered)
}

async function openShared(volume: Volume, host: string, now: () => number, options: WriteOptions) {
  const { logical, cache, version } = volume
  cache.keepNothing(version.sectorBytes)
  const left = await leftBehind(volume, options)
  const session = await beginSharedSession(volume, logical, host, {
    ...options,
    ...(left.watch && { watch: left.watch }),
  })
  const recovered = await buryAll(volume, session, left)
  const writing = new Writing(volume, logical, session.journal, now, session.locks, crc32c(encodeUuid(host)))
  return new WritableVolume(writing, session, recovered)
}

/** Reads what is known already from the cache, which forgets what is written. */
export function cachedIo({ logical, cache }: Volume): VolumeIo {
  return {
    read: (offset, length) => cache.read(offset, length),
    async write(offset, data) {
      try {
        await logical.write(offset, data)
      } finally {
        cache.invalidate(offset, data.length)
      }
    },
    flush: () => logical.flush(),
  }
}

function requireOffset(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new VmfsError('too large', `${quote(String(bytes))} is no number of bytes that a file can have`)
}
