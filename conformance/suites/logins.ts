// open-iscsi logs in with CHAP, one-way and mutual, and with digests, over IPv4 and IPv6, and is refused with credentials that
// are wrong. Every session verifies what it writes; every refusal is one line of the array's log that says who and why.

import { join } from 'node:path'
import type { Bench, Suite } from '../suite.ts'
import type { Account, ArraySpec, LunSpec, RunningArray } from '../targets/array.ts'
import { GuestShell } from './guest-shell.ts'
import { MACHINE_TOOLS } from './machine.ts'

const INITIATOR = 'iqn.2026-11.io.lunette:guest'
const OPEN = 'iqn.2026-11.io.lunette:open'
const ONE_WAY = 'iqn.2026-11.io.lunette:one-way'
const MUTUAL = 'iqn.2026-11.io.lunette:mutual'
const ALICE: Account = { user: 'alice', secret: 'alices-secret-16' }
const ARRAY: Account = { user: 'array', secret: 'arrays-secret-of-24-byte' }
const FINDER: Account = { user: 'finder', secret: 'finders-secret' }
const LUN = { id: 0, size: '16MiB', provisioning: 'thin' } as const
/** iscsiadm's statuses (iscsiadm(8)); the first stands for what it refuses itself. */
const LOGIN_FAILED = 19
const LOGIN_AUTHENTICATION_FAILED = 24

/** A row: what is logged in to or looked for, with which keys of its record, and what comes of it. */
interface Attempt {
  readonly test: string
  /** Absent: discovery. */
  readonly target?: string
  readonly keys: readonly string[]
  readonly digests?: true
  /** What iscsiadm ends with, and what the array logs of it. */
  readonly refused?: { readonly status: number; readonly reason: RegExp }
}

const credentials = (at: string, { user, secret }: Account, own?: Account): readonly string[] => [
  `${at}.authmethod=CHAP`,
  `${at}.username=${user}`,
  `${at}.password=${secret}`,
  ...(own ? [`${at}.username_in=${own.user}`, `${at}.password_in=${own.secret}`] : []),
]
const session = (account: Account, own?: Account) => credentials('node.session.auth', account, own)
const discovery = (account: Account) => credentials('discovery.sendtargets.auth', account)
const DIGESTS = ['HeaderDigest', 'DataDigest'].map((key) => `node.conn[0].iscsi.${key}=CRC32C`)
const other = ({ user, secret }: Account): Account => ({ user, secret: `${secret.slice(0, -1)}!` })

const refused = (reason: RegExp, status = LOGIN_AUTHENTICATION_FAILED) => ({ refused: { status, reason } })

const ATTEMPTS: readonly Attempt[] = [
  { test: 'no authentication', target: OPEN, keys: [] },
  { test: 'header and data digests', target: OPEN, keys: DIGESTS, digests: true },
  { test: 'CHAP', target: ONE_WAY, keys: session(ALICE) },
  { test: 'mutual CHAP', target: MUTUAL, keys: session(ALICE, ARRAY) },
  { test: 'mutual CHAP and both digests', target: MUTUAL, keys: [...session(ALICE, ARRAY), ...DIGESTS], digests: true },
  ...['SHA3-256', 'SHA256', 'SHA1', 'MD5'].map((name) => ({
    test: `mutual CHAP with ${name} alone`,
    target: MUTUAL,
    keys: [...session(ALICE, ARRAY), `node.session.auth.chap_algs=${name}`],
  })),
  { test: 'discovery with CHAP', keys: discovery(FINDER) },
  {
    test: 'a wrong secret',
    target: ONE_WAY,
    keys: session(other(ALICE)),
    ...refused(/^CHAP: wrong response for user "alice"$/),
  },
  {
    test: 'a wrong user name',
    target: ONE_WAY,
    keys: session({ ...ALICE, user: 'alicia' }),
    ...refused(/^CHAP: CHAP_N is not "alice"$/),
  },
  { test: 'no credentials', target: ONE_WAY, keys: [], ...refused(/^authentication is required/) },
  {
    test: 'mutual CHAP that the initiator does not ask for',
    target: MUTUAL,
    keys: session(ALICE),
    ...refused(/^CHAP: mutual authentication is required/),
  },
  {
    test: 'another secret of the target than the initiator expects',
    target: MUTUAL,
    keys: session(ALICE, other(ARRAY)),
    ...refused(/^closed by the initiator$/, LOGIN_FAILED),
  },
  {
    test: 'discovery with a wrong secret',
    keys: discovery(other(FINDER)),
    ...refused(/^CHAP: wrong response for user "finder"$/),
  },
]

const FAMILIES = [
  { kind: 'ipv4', portal: 0, host: '10.0.2.2' },
  { kind: 'ipv6', portal: 1, host: '[fec0::2]' },
] as const
/** Told by a SCSI event (RFC 7143 11.9): open-iscsi looks for LUNs then. */
const ADDED = { kind: 'ipv4', test: 'a LUN that is added to the running array appears by itself' }
const ROWS = FAMILIES.flatMap((family) => ATTEMPTS.map((attempt) => ({ ...family, ...attempt })))
type Row = (typeof ROWS)[number]

export const LOGINS: Suite = {
  name: 'logins',
  about: 'a Linux virtual machine: CHAP, digests, IPv4 and IPv6, and what is refused',
  tools: MACHINE_TOOLS,
  inMachines: true,
  ownOnly: true,
  cases: async () => [...ROWS, ADDED].map(({ kind, test }) => ({ kind, group: test, test })),
  array: () => arrayWith([LUN]),

  async run(bench, cases) {
    const consoleFile = join(bench.directory, 'console.txt')
    const guest = await GuestShell.boot(bench, { initiator: INITIATOR, iqn: OPEN, port: 0, consoleFile })
    try {
      for (const testCase of cases) {
        const row = ROWS.find(({ kind, test }) => kind === testCase.kind && test === testCase.test)
        const started = performance.now()
        const detail =
          bench.array.ended() ?? (await (row ? failureOf(row, bench, guest) : failureToAppear(bench, guest)))
        const durationMs = performance.now() - started
        const outcome = detail === undefined ? 'pass' : 'fail'
        bench.report({ ...testCase, outcome, detail: detail ?? '', durationMs, outputFile: consoleFile })
      }
    } finally {
      await guest.close()
    }
  },
}

const arrayWith = (luns: readonly LunSpec[]): ArraySpec => ({
  ipv6: true,
  discoveryAuth: { chap: FINDER },
  targets: [
    { iqn: OPEN, luns },
    { iqn: ONE_WAY, luns: [LUN], auth: { chap: ALICE } },
    { iqn: MUTUAL, luns: [LUN], auth: { chap: ALICE, mutual: ARRAY } },
  ],
})

async function failureToAppear({ array }: Bench, guest: GuestShell): Promise<string | undefined> {
  await comeBy(FAMILIES[0], array, guest)
  const before = await guest.run(`node ${OPEN}; log_in ${OPEN}; ! disk 1`)
  await array.change(arrayWith([LUN, { ...LUN, id: 1 }]))
  const after = await guest.run(`wait_until 20 disk 1 && log_out ${OPEN}`)
  const wrong = [before, after].find(({ status }) => status !== 0)
  return wrong && `a disk should appear:\n${wrong.output}`
}

/** The guest forgets what it knew, and goes to the array that way from now on. */
async function comeBy({ portal, host }: (typeof FAMILIES)[number], array: RunningArray, guest: GuestShell) {
  const port = array.portals[portal]!.split(':').at(-1)
  await guest.run(`printf '. /guest/logins.sh\\nway=%s\\n' '${host}:${port}' > /tmp/environment`)
  await guest.run('calm_down')
}

/** Why the row does not do what it should; undefined when it does. */
async function failureOf(row: Row, { array }: Bench, guest: GuestShell): Promise<string | undefined> {
  await comeBy(row, array, guest)
  const before = array.logged().length
  const { status, output } = await guest.run(commandOf(row))
  const wanted = row.refused?.status ?? 0
  if (status !== wanted) return `should end with ${wanted} and ends with ${status}:\n${output}`
  const refusals = refusalsIn(array.logged().slice(before))
  const { reason } = row.refused ?? {}
  if (!reason) return refusals.length === 0 ? undefined : `nothing is refused, but logged is:\n${refusals.join('\n')}`
  return tellsOnce(refusals, row, reason)
    ? undefined
    : `one line should name ${INITIATOR} and ${reason}:\n${refusals.join('\n')}`
}

function commandOf({ target, keys, digests, refused }: Row): string {
  const record = keys.map((key) => `'${key}'`).join(' ')
  if (target === undefined)
    return refused ? `discover ${record}` : `discover ${record} > /tmp/found; grep -q ${OPEN} /tmp/found`
  if (refused) return `node ${target} ${record}; iscsiadm -m node -T ${target} -p "$way" --login`
  const settled = digests ? 'digests' : ':'
  return `node ${target} ${record}; log_in ${target}; ${settled}; verified; log_out ${target}`
}

const refusalsIn = (log: string): string[] =>
  log.split('\n').filter((line) => /"msg":"login (?:refused|given up)"/.test(line))

/** Who, to what, and why. */
function tellsOnce(lines: readonly string[], { target }: Row, reason: RegExp): boolean {
  const [line, ...more] = lines
  if (line === undefined || more.length > 0) return false
  const said = JSON.parse(line) as Record<string, string | undefined>
  return (
    said.initiator === INITIATOR && said.target === target && said.peer !== undefined && reason.test(said.reason ?? '')
  )
}
