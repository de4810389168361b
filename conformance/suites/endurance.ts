// What an array must bear: sessions by the thousand that come and go, half of them without a word, and connections by the
// thousand that never log in. Its memory is measured from outside, after it has collected what it no longer holds.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '../../src/host/index.ts'
import { Observer } from '../fuzz/observer.ts'
import { end } from '../process.ts'
import { repositoryRoot } from '../root.ts'
import type { Bench, Suite } from '../suite.ts'
import type { ArraySpec, RunningArray } from '../targets/array.ts'

const IQN = 'iqn.2026-11.io.lunette:endurance'
const KIND = 'many'
const MIB = 1024 * 1024
const SESSIONS = 1000
const ROUNDS = 3
/** Until pings have found out who has gone, and the pool has given back what lies idle. */
const CALM_MS = 60_000
const HALF_OPEN = 5000
const LOGINS = 30
const LOGIN_MS = 1000

/** What comes out: for people, and why it is not good enough. */
interface Outcome {
  readonly found: string
  readonly failure?: string | undefined
}

interface Trial {
  readonly test: string
  readonly limits: Readonly<Record<string, number>>
  run(array: RunningArray, observer: Observer, signal: AbortSignal): Promise<Outcome>
}

const program = (name: string) => join(repositoryRoot(), 'dist/conformance/endurance', `${name}.js`)

/** A child process, once it has said that it is ready. */
async function started(name: string, array: RunningArray, signal: AbortSignal, ...args: string[]) {
  const port = array.portals[0]!.split(':').at(-1)!
  const child = fork(program(name), [port, ...args], { signal, stdio: 'inherit' })
  const said = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (said[0] !== 'ready') throw new Error(`${name} does not get ready: ${String(said[0])}`)
  return child
}

/** Half of the sessions log out; the others are of a host that stops in the middle: no FIN, no answer to a ping. */
async function comeAndGo(array: RunningArray, signal: AbortSignal): Promise<ChildProcess> {
  const half = () => started('sessions', array, signal, IQN, String(SESSIONS / 2))
  const [staying, vanishing] = await Promise.all([half(), half()])
  vanishing.kill('SIGSTOP')
  const left = once(staying, 'exit')
  staying.send('leave')
  const [status] = await left
  if (status !== 0) throw new Error(`the sessions that log out end with ${status}`)
  return vanishing
}

async function thousandSessions(array: RunningArray, observer: Observer, signal: AbortSignal): Promise<Outcome> {
  const sockets = observer.sockets()
  const before = await residentAfter(observer, 0)
  const bound = 1.1 * before
  const after: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const vanished = await comeAndGo(array, signal)
    let resident = await residentAfter(observer, 0)
    const deadline = performance.now() + CALM_MS
    while ((observer.sockets() > sockets || resident > bound) && performance.now() < deadline)
      resident = await residentAfter(observer, 1000)
    await end(vanished, 'SIGKILL')
    if (observer.sockets() > sockets)
      return { found: '', failure: `${observer.sockets() - sockets} connections are left` }
    after.push(resident)
  }
  const found = `${SESSIONS} sessions, ${ROUNDS} rounds: resident ${[before, ...after].map(mib).join(', ')} MiB`
  return { found, failure: after.every((resident) => resident <= bound) ? undefined : `${found}: more than 10 % above` }
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(1)

async function residentAfter(observer: Observer, waitMs: number): Promise<number> {
  await delay(waitMs)
  observer.collectGarbage()
  await delay(300) // what is collected is unmapped by threads of its own
  return observer.residentBytes()
}

async function halfOpen(array: RunningArray, observer: Observer, signal: AbortSignal): Promise<Outcome> {
  const flood = await started('half-open', array, signal, String(HALF_OPEN))
  try {
    const open = observer.sockets()
    const times: number[] = []
    for (let login = 0; login < LOGINS; login++) {
      const began = performance.now()
      const session = await connect({ host: '127.0.0.1', port: portOf(array), targetName: IQN })
      times.push(performance.now() - began)
      await session.logout()
      await delay(50)
    }
    const worst = Math.max(...times)
    const found = `${HALF_OPEN} half-open connections, ${open} sockets at the array: ${LOGINS} logins, the slowest in ${worst.toFixed(0)} ms`
    return { found, failure: worst <= LOGIN_MS ? undefined : `${found}: more than ${LOGIN_MS} ms` }
  } finally {
    await end(flood, 'SIGKILL')
  }
}

const portOf = ({ portals }: RunningArray): number => Number(portals[0]!.split(':').at(-1))

const TRIALS: readonly Trial[] = [
  {
    test: `${SESSIONS} sessions, half of them vanish: memory comes back`,
    limits: { pingAfterSeconds: 2, pingAnswerSeconds: 2 },
    run: thousandSessions,
  },
  {
    test: `${HALF_OPEN} connections that do not log in, of which most are dropped: a login takes a second at most`,
    limits: {},
    run: halfOpen,
  },
  {
    test: `${HALF_OPEN} connections that do not log in, all of them open: a login takes a second at most`,
    limits: { connectionsBeforeLogin: HALF_OPEN + LOGINS, loginSeconds: 300 },
    run: halfOpen,
  },
]

/** Each trial has an array of its own; that of the suite shows that an idle one ends well. */
const arrayWith = (limits: Trial['limits']): ArraySpec => ({
  limits,
  targets: [{ iqn: IQN, luns: [{ id: 0, size: '16MiB', provisioning: 'thin' }] }],
  nodeOptions: `--expose-gc --import=${program('collect')}`,
})

export const ENDURANCE: Suite = {
  name: 'endurance',
  about: 'thousands of sessions that come and vanish, thousands of connections that never log in',
  tools: {},
  ownOnly: true,
  cases: async () => TRIALS.map(({ test }) => ({ kind: KIND, group: test, test })),
  array: () => arrayWith({}),

  async run(bench, cases) {
    for (const testCase of cases) {
      const index = TRIALS.findIndex(({ test }) => test === testCase.test)
      const began = performance.now()
      const { found, failure } = await outcomeOf(TRIALS[index]!, bench, join(bench.directory, `trial-${index}`))
      const durationMs = performance.now() - began
      bench.report({
        ...testCase,
        outcome: failure === undefined ? 'pass' : 'fail',
        detail: failure ?? found,
        durationMs,
      })
    }
  },

  summary: async (results) =>
    results.filter(({ kind, verdict }) => kind === KIND && verdict === 'passed').map(({ detail }) => detail),
}

async function outcomeOf(trial: Trial, bench: Bench, directory: string): Promise<Outcome> {
  mkdirSync(directory)
  const array = await bench.startArray(arrayWith(trial.limits), directory)
  let outcome: Outcome
  try {
    outcome = await trial.run(array, new Observer(directory), bench.signal)
  } catch (error) {
    bench.signal.throwIfAborted()
    outcome = { found: '', failure: (error as Error).message }
  }
  const complaints = [outcome.failure ?? [], ...(await array.stop())].flat()
  return complaints.length === 0 ? outcome : { found: outcome.found, failure: complaints.join('\n') }
}
