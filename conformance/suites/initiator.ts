// Lunette's own initiator, in this process, against the array: ours or a foreign one.

import { CHECKS, type InitiatorCheck } from '../initiator/checks.ts'
import { ALICE, ARRAY, CHAP, MUTUAL, OPEN, Stage } from '../initiator/stage.ts'
import type { Bench, Suite } from '../suite.ts'

const KIND = 'initiator'
const CHECK_MS = 60_000
const lun = (id: number) => ({ id, size: '64MiB', provisioning: 'thin' }) as const

export const INITIATOR: Suite = {
  name: 'initiator',
  about: "Lunette's initiator: logins, CHAP, digests, transfers, typed commands, reservations, recovery",
  tools: {},
  cases: async () => CHECKS.map(({ test }) => ({ kind: KIND, group: test, test })),
  array: () => ({
    targets: [
      { iqn: OPEN, luns: [lun(0), lun(1)] },
      { iqn: CHAP, luns: [lun(0)], auth: { chap: ALICE } },
      { iqn: MUTUAL, luns: [lun(0)], auth: { chap: ALICE, mutual: ARRAY } },
    ],
  }),

  async run(bench, cases) {
    for (const testCase of cases) {
      const check = CHECKS.find(({ test }) => test === testCase.test)!
      const started = performance.now()
      const detail = bench.array.ended() ?? (await failureOf(check, bench))
      const durationMs = performance.now() - started
      bench.report({ ...testCase, outcome: detail === undefined ? 'pass' : 'fail', detail: detail ?? '', durationMs })
    }
  },
}

async function failureOf(check: InitiatorCheck, { array, signal }: Bench): Promise<string | undefined> {
  const stage = new Stage(array)
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)])
  try {
    await Promise.race([check.run(stage), ended(timeout)])
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    await Promise.race([stage.close(), ended(AbortSignal.timeout(CHECK_MS))]).catch(() => {})
  }
}

/** Rejects when the signal does. */
const ended = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no end within ${CHECK_MS / 1000} s`)), { once: true })
  })
