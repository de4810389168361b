// The files that this host holds open on one volume, and how: which of them an operation may change, and which may be opened again.
// Hosts exclude each other by locks; within one host, files that are open exclude each other in the same way.

import { VmfsError } from './errors.ts'
import type { Keeper } from './locking/contention.ts'
import type { FoundFile } from './locking/operation-locks.ts'
import type { OpenMode } from './open-file.ts'
import { LOCK_MODE } from './structures/lock.ts'

interface Opened {
  readonly mode: OpenMode
  /** How often. */
  count: number
}

const AS = { exclusive: 'exclusively', readOnly: 'to read it', multiWriter: 'for several writers' } as const
const MODES = Object.keys(AS) as OpenMode[]

export class OpenFiles {
  /** By the offset of the descriptor in the volume. */
  readonly #opened = new Map<number, Opened>()

  /**
   * Of a file that is to be opened.
   * @returns whether it is open already
   * @throws VmfsError 'in use' when that does not go together
   */
  admit(file: FoundFile, mode: OpenMode): boolean {
    const opened = this.#opened.get(file.offset)
    if (!opened) return false
    if (mode !== 'exclusive' && opened.mode === mode) return true
    throw inUse(calledBy(file), opened.mode, 'close it first')
  }

  add(offset: number, mode: OpenMode): void {
    const opened = this.#opened.get(offset)
    if (opened) opened.count++
    else this.#opened.set(offset, { mode, count: 1 })
  }

  /** @returns whether it is not open any more */
  remove(offset: number): boolean {
    const opened = this.#opened.get(offset)
    if (!opened || --opened.count > 0) return false
    return this.#opened.delete(offset)
  }

  /** Of what an operation changes: an exclusive file is changed under the lock that is held. @throws VmfsError 'in use' */
  requireChangeable(file: FoundFile): void {
    const opened = this.#opened.get(file.offset)
    if (opened && opened.mode !== 'exclusive')
      throw inUse(calledBy(file), opened.mode, 'it is changed when it is closed, or open exclusively')
  }

  /** Of what an operation removes. @throws VmfsError 'in use' */
  requireClosed(file: FoundFile): void {
    const opened = this.#opened.get(file.offset)
    if (opened) throw inUse(calledBy(file), opened.mode, 'close it first')
  }
}

const calledBy = ({ path, name }: FoundFile): string => (path === undefined ? name : JSON.stringify(path))

const inUse = (file: string, mode: OpenMode, cure: string) =>
  new VmfsError('in use', `${file} is in use: this host has it open ${AS[mode]}; ${cure}`)

/** For a file whose lock another host keeps. */
export function keptByOther(file: FoundFile, keeper: Keeper): VmfsError {
  const how = MODES.find((mode) => LOCK_MODE[mode] === keeper.mode)
  const held = `${nameOf(keeper)} holds its lock${how ? ` ${AS[how]}` : ''}${withOthers(keeper)}`
  return new VmfsError('in use', `${calledBy(file)} is in use: ${held}; try again when it is closed there`, file.offset)
}

/** What a slot holds as the address of its host is shown if it is one. */
export const nameOf = ({ host, ip }: Keeper): string => (ADDRESS.test(ip) ? `host ${host} (${ip})` : `host ${host}`)

const ADDRESS = /^[\w.:%-]+$/

function withOthers({ others }: Keeper): string {
  if (others === 0) return ''
  return `, as ${others} other ${others === 1 ? 'host does' : 'hosts do'}`
}
