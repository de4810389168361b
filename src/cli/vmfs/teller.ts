// What hosts tell while they have a volume open: a line each, with its time as a host's log has it, or as JSON.

import type { Terminal } from '../command.ts'
import { jsonLine, printable } from '../print-sections.ts'

/** Something that has happened to a host. */
export interface Told {
  readonly host: string
  readonly event: string
  readonly text: string
  /** Milliseconds since 1970; now without it. */
  readonly atMs?: number
  /** For programs. */
  readonly facts?: Readonly<Record<string, unknown>>
}

export class Teller {
  readonly #terminal: Terminal
  readonly #json: boolean

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal
    this.#json = json
  }

  tell({ host, event, text, atMs = Date.now(), facts }: Told): void {
    const at = new Date(atMs).toISOString()
    this.#terminal.stdout.write(
      this.#json ? jsonLine({ at, host, event, text, ...facts }) : `${at} host ${host}: ${printable(text)}\n`,
    )
  }
}
