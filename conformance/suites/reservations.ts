// Two kernels with two initiator names share a LUN: what each type of reservation of one host admits from the other, command
// by command, and what becomes of reservations when hosts preempt each other, log out, reset, or the array is killed.

import { join } from 'node:path'
import { SCENARIOS, type Scenario } from '../reservations/scenarios.ts'
import type { Bench, Suite } from '../suite.ts'
import { GuestShell } from './guest-shell.ts'
import { MACHINE_TOOLS } from './machine.ts'

const IQN = 'iqn.2026-11.io.lunette:shared'
const KIND = 'twoHosts'

export const RESERVATIONS: Suite = {
  name: 'reservations',
  about: 'two Linux virtual machines share a LUN: persistent reservations and RESERVE, cell by cell',
  tools: MACHINE_TOOLS,
  inMachines: true,
  ownOnly: true,
  cases: async () => SCENARIOS.map(({ test }) => ({ kind: KIND, group: test, test })),
  array: () => ({
    targets: [
      {
        iqn: IQN,
        luns: [
          { id: 0, size: '32MiB', provisioning: 'thin' },
          { id: 1, size: '32MiB', provisioning: 'thin' },
        ],
      },
    ],
  }),

  async run(bench, cases) {
    const hosts = await Promise.all(['one', 'two'].map((name) => host(bench, name)))
    const [one, two] = hosts as [GuestShell, GuestShell]
    try {
      for (const testCase of cases) {
        const scenario = SCENARIOS.find(({ test }) => test === testCase.test)!
        const started = performance.now()
        const detail = bench.array.ended() ?? (await failureOf(scenario, bench, one, two))
        const durationMs = performance.now() - started
        bench.report({ ...testCase, outcome: detail === undefined ? 'pass' : 'fail', detail: detail ?? '', durationMs })
      }
    } finally {
      await Promise.all(hosts.map((each) => each.close()))
    }
  },
}

async function host(bench: Bench, name: string): Promise<GuestShell> {
  const guest = await GuestShell.boot(bench, {
    initiator: `iqn.2026-11.io.lunette:host-${name}`,
    iqn: IQN,
    port: Number(bench.array.portals[0]!.split(':').at(-1)),
    consoleFile: join(bench.directory, `console-${name}.txt`),
  })
  const { status, output } = await guest.run(
    `log_in; wait_until 20 sg_at 1 0; wait_until 20 sg_at 1 1
     { echo '. /guest/sg3.sh; . /guest/hosts.sh'
       echo "L=$(sg_at 1 0) l=$(disk_at 1 0) M=$(sg_at 1 1)"; } > /tmp/environment
     noise 1 > /tmp/block; calm $(sg_at 1 0) $(sg_at 1 1)`,
  )
  if (status !== 0) throw new Error(`host ${name} cannot be prepared:\n${output}`)
  return guest
}

async function failureOf(scenario: Scenario, { array }: Bench, one: GuestShell, two: GuestShell) {
  for (const each of [one, two]) await each.run('release_all')
  for (const each of [one, two]) await each.run('calm $L $M')
  try {
    await scenario.run({ one, two, restart: () => array.restart('SIGKILL') })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
