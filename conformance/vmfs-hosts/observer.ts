// Stands between the array and its medium: sees every write in the order in which it takes effect, knows whose command it is from, and
// hands locks, heartbeat slots and everything else to the judge.

import { AsyncLocalStorage } from 'node:async_hooks'
import { readSync } from 'node:fs'
import type { Store } from '../../luns/store.ts'
import { SENSE } from '../../protocol/index.ts'
import type { Injection, LockEvent, SeenCommand } from '../../src/index.ts'
import type { Judge } from './judge.ts'
import { decodeLock, SECTOR_BYTES } from './sectors.ts'

/** Of a volume on one disk: where it begins there, and where its heartbeat slots stand (notes, 1 and 3). */
const VOLUME_AT = 0x1100000
const SLOTS_AT = 0x300000
const SLOTS: Readonly<Record<5 | 6, { readonly end: number; readonly bytes: number }>> = {
  5: { end: 0x400000, bytes: 512 },
  6: { end: 0x700000, bytes: 4096 },
}

export interface ObserverOptions {
  readonly version: 5 | 6
  readonly judge: Judge
  /** Of the image, to read what a sector held before. */
  readonly image: number
}

export class Observer {
  /** COMPARE AND WRITE is refused as a command that the array does not know. */
  atsOff = false
  readonly events: LockEvent[] = []
  readonly commands: Record<string, number> = {}
  readonly #options: ObserverOptions
  readonly #from = new AsyncLocalStorage<SeenCommand>()
  #reserver: string | undefined

  constructor(options: ObserverOptions) {
    this.#options = options
  }

  readonly injector = (command: SeenCommand): Injection | undefined => {
    this.#from.enterWith(command)
    this.commands[command.command] = (this.commands[command.command] ?? 0) + 1
    if (this.atsOff && command.command === 'COMPARE AND WRITE')
      return { refuse: { sense: SENSE.INVALID_COMMAND_OPERATION_CODE } }
    return undefined
  }

  readonly onLockEvent = (event: LockEvent): void => {
    this.events.push({ ...event }) // the array keeps the images of the last ones alone
    if (event.verdict !== 'accepted') return
    const port = event.nexus?.initiatorPort
    if (event.command.startsWith('RESERVE')) this.#reserver = port
    else if (event.command !== 'COMPARE AND WRITE' && port === this.#reserver) this.#reserver = undefined
  }

  readonly medium = (store: Store): Store => {
    const before = (offset: number, length: number) => this.#before(offset, length)
    return {
      ...delegate(store),
      writeNow: (source, at, length, offset) => {
        const seen = before(offset, length)
        const written = store.writeNow(source, at, length, offset)
        if (written) this.#written(source.subarray(at, at + length), offset, seen)
        return written
      },
      write: async (source, at, length, offset) => {
        const seen = before(offset, length)
        const copy = Buffer.from(source.subarray(at, at + length))
        await store.write(source, at, length, offset)
        this.#written(copy, offset, seen)
      },
    }
  }

  /** Single sectors are what locks and slots are written as; what is long is data. */
  #before(offset: number, length: number): Buffer {
    const image = Buffer.alloc(length)
    readSync(this.#options.image, image, 0, length, offset)
    return image
  }

  #written(data: Buffer, diskOffset: number, before: Buffer): void {
    const { judge } = this.#options
    const command = this.#from.getStore()
    const initiator = command?.initiatorName ?? 'nobody'
    const deed = {
      ...{ atMs: Date.now(), initiator, command: command?.command ?? 'an unknown command' },
      reserved: command !== undefined && command.initiatorPort === this.#reserver,
    }
    const rest = { offset: 0, length: 0 }
    for (let at = 0; at < data.length; at += SECTOR_BYTES) {
      const offset = diskOffset + at - VOLUME_AT
      const [was, is] = [before, data].map((image) => image.subarray(at, at + SECTOR_BYTES)) as [Buffer, Buffer]
      if (this.#isWatched(was, is, offset)) {
        if (!was.equals(is)) judge.changed({ ...deed, offset, before: Buffer.from(was), after: Buffer.from(is) })
      } else {
        if (rest.length === 0) rest.offset = offset
        rest.length += SECTOR_BYTES
      }
    }
    if (rest.length > 0 && !data.equals(before)) judge.wrote(deed, rest.offset, rest.length)
  }

  #isWatched(before: Buffer, after: Buffer, offset: number): boolean {
    if (after.length < SECTOR_BYTES) return false
    const { end, bytes } = SLOTS[this.#options.version]
    if (offset >= SLOTS_AT && offset < end) return (offset - SLOTS_AT) % bytes === 0
    return decodeLock(after, offset) !== undefined || decodeLock(before, offset) !== undefined
  }
}

/** The store by its own methods, which need it as `this`. */
function delegate(store: Store): Store {
  const { unmap, zero, extent, presumedExtent, resize } = store
  return {
    get length() {
      return store.length
    },
    readNow: (...where) => store.readNow(...where),
    read: (...where) => store.read(...where),
    writeNow: (...what) => store.writeNow(...what),
    write: (...what) => store.write(...what),
    flush: () => store.flush(),
    close: () => store.close(),
    ...(unmap && { unmap: unmap.bind(store) }),
    ...(zero && { zero: zero.bind(store) }),
    ...(extent && { extent: extent.bind(store) }),
    ...(presumedExtent && { presumedExtent: presumedExtent.bind(store) }),
    ...(resize && { resize: resize.bind(store) }),
  }
}
