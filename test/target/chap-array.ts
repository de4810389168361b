// An array whose targets ask for CHAP in every way there is, and its log at the finest level. When it closes, the log is
// searched for the secrets.

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ArrayInput, startArray } from '../../src/index.ts'
import { createLogger } from '../../src/log.ts'
import { requireUntold, SECRETS } from '../secrets.ts'
import { memory, TestArray } from './array.ts'

export const iqn = (word: string) => `iqn.2026-11.io.lunette:${word}`
export const OPEN = iqn('open')
export const ONE_WAY = iqn('one-way')
export const MUTUAL = iqn('mutual')
/** Credentials by initiator. */
export const SINGLE = iqn('single')
/** SHA-256 alone. */
export const STRICT = iqn('strict')

export const alice = { user: 'alice', secret: SECRETS.alice }
export const array = { user: 'array', secret: SECRETS.array }
export const bob = { user: 'bob', secret: SECRETS.bob }
export const carol = { user: 'carol', secret: SECRETS.carol }
export const finder = { user: 'finder', secret: SECRETS.finder }

/** The status of an authentication failure. */
export const FAILURE = { statusClass: 2, statusDetail: 1 }

export class ChapArray extends TestArray {
  readonly #log: string[]
  #seen = 0

  private constructor(running: TestArray['running'], data: string, log: string[]) {
    super(running, data)
    this.#log = log
  }

  static async open(): Promise<ChapArray> {
    const luns = [memory()]
    const data = await mkdtemp(join(tmpdir(), 'lunette-chap-'))
    const config: ArrayInput = {
      data,
      discoveryAuth: { chap: finder },
      targets: [
        { iqn: OPEN, luns },
        { iqn: ONE_WAY, luns, auth: { chap: alice } },
        { iqn: MUTUAL, luns, auth: { chap: alice, mutual: array } },
        {
          iqn: SINGLE,
          luns,
          auth: {
            mutual: array,
            initiators: [
              { name: iqn('bob'), chap: bob },
              { name: iqn('guest-*'), chap: carol, mutual: 'none' },
            ],
          },
        },
        { iqn: STRICT, luns, auth: { chap: alice, algorithms: ['SHA-256'] } },
      ],
    }
    const log: string[] = []
    const stream = { write: (line: string) => log.push(line) }
    return new ChapArray(await startArray(config, { log: createLogger('trace', stream, false) }), data, log)
  }

  /** What has been logged of refused logins since this was asked last. */
  refusals(): Record<string, string>[] {
    const lines = this.#log.slice(this.#seen).map((line) => JSON.parse(line) as Record<string, string>)
    this.#seen = this.#log.length
    return lines.filter(({ msg }) => msg === 'login refused')
  }

  override async close(): Promise<void> {
    await super.close()
    requireUntold(this.#log.join(''))
  }
}
