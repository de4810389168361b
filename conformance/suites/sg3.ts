// sg3_utils and ddpt from a stock Linux guest: every line of a list (conformance/sg3), its outcome compared. The guest has two
// sessions by way of one portal and a third by way of another.

import { join } from 'node:path'
import { COPY, MASKED_NAA } from '../sg3/copy.ts'
import { IDENTITY } from '../sg3/identity.ts'
import { MEDIUM } from '../sg3/medium.ts'
import { RESERVATIONS } from '../sg3/reservations.ts'
import { failureOf, type Row, type Step } from '../sg3/row.ts'
import { STATES } from '../sg3/states.ts'
import type { Bench, Suite } from '../suite.ts'
import type { LunSpec } from '../targets/array.ts'
import { GuestShell } from './guest-shell.ts'
import { MACHINE_TOOLS } from './machine.ts'

const IQN = 'iqn.2026-11.io.lunette:sg3'
const GUEST = 'iqn.2026-11.io.lunette:guest'
const ROWS: readonly Row[] = [...IDENTITY, ...MEDIUM, ...COPY, ...STATES, ...RESERVATIONS]

/** The name of a LUN's node in the commands, and what it is. */
const LUNS: Readonly<Record<string, LunSpec>> = {
  D: { id: 0, size: '512MiB', provisioning: 'thin' },
  E: { id: 1, size: '512MiB', provisioning: 'thin' },
  T: { id: 2, size: '16MiB', provisioning: 'thick' },
  R: { id: 3, size: '16MiB', provisioning: 'thin', removable: true },
  N: {
    id: 4,
    size: '16MiB',
    provisioning: 'thin',
    dpoFua: false,
    limits: {
      ...{ compareAndWriteBlocks: 4, writeSameBlocks: 2048, writeSameZeroMeansEnd: false, unmapDescriptors: 4 },
      ...{ anchor: false, copySegmentBytes: '1MiB', atomicAlignmentBlocks: 8, atomicGranularityBlocks: 8 },
    },
  },
  P: { id: 5, size: '16MiB', provisioning: 'thin', readOnly: true },
  S: { id: 7, size: '16MiB', provisioning: 'thin', sanitizeSeconds: 4 },
}
/** All nodes that commands name. */
const NODES = ['$Q', ...Object.keys(LUNS).flatMap((name) => [`$${name}`, `$${name}2`])].join(' ')
const MASKED: LunSpec = {
  id: 6,
  size: '16MiB',
  provisioning: 'thin',
  initiators: ['iqn.2026-11.io.lunette:other'],
  identity: { naa: MASKED_NAA },
}

export const SG3: Suite = {
  name: 'sg3',
  about: 'sg3_utils and ddpt in a Linux virtual machine, line by line, what they do compared',
  tools: MACHINE_TOOLS,
  inMachines: true,
  ownOnly: true,
  cases: async () => ROWS.map(({ kind, test }) => ({ kind, group: test, test })),
  array: () => ({ targets: [{ iqn: IQN, luns: [...Object.values(LUNS), MASKED] }], portals: 2 }),

  async run(bench, cases) {
    const consoleFile = join(bench.directory, 'console.txt')
    const [port, otherPort] = bench.array.portals.map((portal) => Number(portal.split(':').at(-1)))
    const guest = await GuestShell.boot(bench, { initiator: GUEST, iqn: IQN, port: port!, consoleFile })
    try {
      await prepare(guest, otherPort!)
      for (const testCase of cases) {
        const row = ROWS.find(({ kind, test }) => kind === testCase.kind && test === testCase.test)!
        const started = performance.now()
        const failure = await runRow(bench, guest, row)
        const outcome = failure === undefined ? 'pass' : 'fail'
        const durationMs = performance.now() - started
        bench.report({ ...testCase, outcome, detail: failure ?? '', durationMs, outputFile: consoleFile })
      }
    } finally {
      await guest.close()
    }
  },
}

/** Logs in three times and names the nodes: $D of the first session, $D2 of the second, $Q by the other portal, $d the disk. */
async function prepare(guest: GuestShell, otherPort: number) {
  const names = Object.entries(LUNS).flatMap(([name, { id }]) => [
    `${name}=$(sg_at 1 ${id})`,
    `${name}2=$(sg_at 2 ${id})`,
    `${name.toLowerCase()}=$(disk_at 1 ${id})`,
  ])
  const commands = [
    `log_in; log_in; log_in ${otherPort}`,
    ...Object.values(LUNS).flatMap(({ id }) => [1, 2, 3].map((session) => `wait_until 20 sg_at ${session} ${id}`)),
    `{ echo '. /guest/sg3.sh'; ${[...names, 'Q=$(sg_at 3 0)'].map((name) => `echo "${name}"`).join('; ')}; } > /tmp/environment`,
    `calm ${NODES}`,
    'noise 8192 > /tmp/noise; head -c 4096 /tmp/noise > /tmp/eight; head -c 512 /tmp/noise > /tmp/block; zeros 1 > /tmp/zeroes',
  ]
  for (const command of commands) {
    const { status, output } = await guest.run(command)
    if (status !== 0) throw new Error(`the guest cannot be prepared: ${command} ends with ${status}\n${output}`)
  }
}

async function runRow(bench: Bench, guest: GuestShell, row: Row): Promise<string | undefined> {
  for (const step of row.steps) {
    const failure = bench.array.ended() ?? (await runStep(bench, guest, step))
    if (failure !== undefined) {
      await guest.run(`sg_stpg --tp=2 --state=ao $D; calm ${NODES}`)
      return failure
    }
  }
  return undefined
}

async function runStep(bench: Bench, guest: GuestShell, step: Step): Promise<string | undefined> {
  if ('command' in step) return failureOf(step, await guest.run(step.command))
  try {
    await bench.array.restart(step.restart)
  } catch (error) {
    return (error as Error).message
  }
  const { status, output } = await guest.run(
    `for node in ${NODES}; do wait_until 30 sg_turs $node; done; calm ${NODES}`,
  )
  return status === 0 ? undefined : `the sessions do not recover from a restart: ${output}`
}
