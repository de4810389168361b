// What the array's process shows from outside: whether it runs, what it logs, its memory and its sockets. The last two where
// there is a /proc.

import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { errorLines } from '../targets/lunette.ts'

export class Observer {
  readonly #pid: number
  readonly #logFile: string
  #logAt = 0
  #restOfLine = ''

  /** `directory`: where the array was started. */
  constructor(directory: string) {
    this.#pid = (JSON.parse(readFileSync(join(directory, 'ready.json'), 'utf8')) as { pid: number }).pid
    this.#logFile = join(directory, 'array.log')
  }

  /** Errors that were logged since the last call. */
  newErrors(): string[] {
    const file = openSync(this.#logFile, 'r')
    const chunk = Buffer.alloc(1024 * 1024)
    let text = this.#restOfLine
    for (let read = 1; read > 0; ) {
      read = readSync(file, chunk, 0, chunk.length, this.#logAt)
      this.#logAt += read
      text += chunk.toString('latin1', 0, read)
    }
    closeSync(file)
    const end = text.lastIndexOf('\n') + 1
    this.#restOfLine = text.slice(end)
    return errorLines(text.slice(0, end))
  }

  get canMeasure(): boolean {
    return existsSync(`/proc/${this.#pid}/status`)
  }

  /** Of an array that was started with conformance/endurance/collect.ts. */
  collectGarbage(): void {
    process.kill(this.#pid, 'SIGUSR2')
  }

  residentBytes(): number {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8')) ?? []
    return Number(kib) * 1024
  }

  sockets(): number {
    const folder = `/proc/${this.#pid}/fd`
    return readdirSync(folder).filter((fd) => linkOf(join(folder, fd)).startsWith('socket:')).length
  }
}

/** A descriptor may be gone by the time it is looked at. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
