// An array whose targets ask for CHAP in every way there is, and its log at the finest level. When it closes, the log is
// searched for the secrets.

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type ArrayInput, startArray } from '../../src/index.ts'
import { createLogger } from '../../src/log.ts'
import { memory, TestArray } from './array.ts'

export const iqn = (word: string) => `iqn.2026-11.io.lunette:${word}`
export const OPEN = iqn('open')
export const ONE_WAY = iqn('one-way')
export const MUTUAL = iqn('mutual')
/** Credentials by initiator. */
export const SINGLE = iqn('single')
/** SHA-256 alone. */
export const STRICT = iqn('strict')

export const alice = { user: 'alice', secret: 'alice has 16 byt' }
export const array = { user: 'array', secret: 'twelve bytes' }
export const bob = { user: 'bob', secret: 'a secret of bob that is a good deal longer than sixteen bytes' }
export const carol = { user: 'carol', secret: 'the one of carol' }
export const finder = { user: 'finder', secret: 'only to discover' }
const SECRETS = [alice, array, bob, carol, finder].map(({ secret }) => secret)

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
    const log = this.#log.join('')
    for (const secret of SECRETS)
      for (const form of ['utf8', 'hex', 'base64'] as const)
        expect(log).not.toContain(Buffer.from(secret).toString(form))
  }
}
