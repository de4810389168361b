// One array an image: flock on the open file where Linux can be asked, else a lock file beside the image that carries
// the pid and the host. Writers lock it alone, read-only arrays share it. The kernel drops a flock with its process;
// a lock file is stale when its process is gone, and then the next array removes it.

import { randomBytes } from 'node:crypto'
import { readdir, readFile, realpath, stat, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { errorCode, StoreError } from './errors.ts'
import { linux } from './linux.ts'

/** Gives the lock back. A flock needs nothing: it goes with the file descriptor. */
export type Unlock = () => Promise<void>

/** Throws StoreError 'cannot open' when another array, here or in another process, holds the image. */
export async function lockImage(fd: number, path: string, exclusive: boolean): Promise<Unlock> {
  if (!linux) return lockBeside(path, exclusive)
  let locked: boolean
  try {
    locked = linux.lock(fd, exclusive)
  } catch {
    return lockBeside(path, exclusive) // a file system without flock
  }
  if (!locked) throw inUse(path, 'stop that array, or give this one another image')
  return async () => {}
}

/**
 * Everyone first makes a lock file of a name that nobody else ever uses, then looks for the others: two that come at
 * once may both be refused, never both be let in, and removing a stale one cannot hit a fresh one.
 */
async function lockBeside(path: string, exclusive: boolean): Promise<Unlock> {
  const image = await realpath(path)
  const own = `${image}.${process.pid}.${randomBytes(8).toString('hex')}.${exclusive ? 'exclusive' : 'shared'}.lock`
  const made = await make(own, exclusive)
  const unlock = async () => {
    if (made) await unlink(own).catch(() => {}) // gone already: as good
  }
  try {
    const other = await findOther(image, own, exclusive)
    if (other) throw inUse(path, `stop that array, or remove ${other} if none runs`)
    return unlock
  } catch (error) {
    await unlock()
    throw error
  }
}

/** A read-only array may stand on a read-only directory: it then looks for writers without leaving a trace. */
async function make(own: string, exclusive: boolean): Promise<boolean> {
  try {
    await writeFile(own, hostname(), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (!exclusive && ['EROFS', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

async function findOther(image: string, own: string, exclusive: boolean): Promise<string | undefined> {
  const folder = dirname(image)
  const prefix = `${basename(image)}.`
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || join(folder, name) === own) continue
    const lock = /^(\d+)\.[0-9a-f]{16}\.(exclusive|shared)\.lock$/.exec(name.slice(prefix.length))
    if (!lock || (!exclusive && lock[2] === 'shared')) continue
    if (await isHeld(join(folder, name), Number(lock[1]))) return join(folder, name)
  }
  return undefined
}

/** Removes a stale one. Another host's process cannot be asked after: its lock counts as held. */
async function isHeld(lock: string, pid: number): Promise<boolean> {
  try {
    const host = await readFile(lock, 'utf8') // empty while it is being made
    if (host !== hostname() || (isAlive(pid) && !(await isFormerSelf(lock, pid)))) return true
  } catch (error) {
    return errorCode(error) !== 'ENOENT'
  }
  await unlink(lock).catch(() => {})
  return false
}

/** A container's process has the same pid at every start: a lock older than this process is an earlier one's. */
async function isFormerSelf(lock: string, pid: number): Promise<boolean> {
  if (pid !== process.pid) return false
  const { mtimeMs } = await stat(lock)
  return mtimeMs < Date.now() - 1000 * process.uptime() - 1000
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) !== 'ESRCH'
  }
}

const inUse = (path: string, cure: string): StoreError =>
  new StoreError('cannot open', `cannot open ${path}: it is in use by another array; ${cure}`)
