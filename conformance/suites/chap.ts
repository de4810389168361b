// CHAP as libiscsi speaks it (RFC 7143 12.1.3): one-way and mutual, for a login and for discovery, the right secret and wrong ones.

import type { Suite } from '../suite.ts'
import type { ArraySpec } from '../targets/array.ts'
import { type Check, checkCases, requireThat, runChecks, type Tools } from './checks.ts'

const ONE_WAY = 'iqn.2026-11.io.lunette:chap'
const MUTUAL = 'iqn.2026-11.io.lunette:mutual'
const ALICE = { user: 'alice', secret: 'alices-secret-16' }
const ARRAY = { user: 'array', secret: 'arrays-secret-of-24-byte' }
const LUN = { id: 0, size: '64MiB', provisioning: 'thin' } as const
const REFUSED = /Authentication failure\(513\)/

const check = (test: string, run: Check['run']): Check => ({ kind: 'chap', test, run })

interface Attempt {
  readonly iqn: string
  readonly user?: string
  readonly secret?: string
  readonly mutual?: { readonly user: string; readonly secret: string }
  readonly wanted?: 'failure'
}

/** iscsi-inq, which logs in and asks for the standard data; what it prints. */
function inquire(
  { run, url }: Tools,
  { iqn, user = ALICE.user, secret = ALICE.secret, mutual, wanted }: Attempt,
): Promise<string> {
  const environment = mutual
    ? [`LIBISCSI_CHAP_TARGET_USERNAME=${mutual.user}`, `LIBISCSI_CHAP_TARGET_PASSWORD=${mutual.secret}`]
    : []
  const address = url(LUN.id).replace('iscsi://', `iscsi://${user}%${secret}@`).replace(ONE_WAY, iqn)
  return run(['env', ...environment, 'iscsi-inq', address], wanted)
}

async function connects(tools: Tools, attempt: Attempt): Promise<void> {
  const output = await inquire(tools, attempt)
  requireThat(/^Peripheral Qualifier:CONNECTED$/m.test(output), 'iscsi-inq should print CONNECTED', output)
}

async function isRefused(tools: Tools, attempt: Attempt, says = REFUSED): Promise<void> {
  const output = await inquire(tools, { ...attempt, wanted: 'failure' })
  requireThat(says.test(output), `iscsi-inq should print ${says}`, output)
}

const CHECKS: readonly Check[] = [
  check('one-way', (tools) => connects(tools, { iqn: ONE_WAY })),
  check('one-way: a wrong secret', (tools) => isRefused(tools, { iqn: ONE_WAY, secret: 'alices-secret-17' })),
  check('one-way: a wrong name', (tools) => isRefused(tools, { iqn: ONE_WAY, user: 'alicia' })),
  check('one-way: no credentials', async ({ run, url }) => {
    const output = await run(['iscsi-inq', url(LUN.id)], 'failure')
    requireThat(REFUSED.test(output), `iscsi-inq should print ${REFUSED}`, output)
  }),
  check('mutual', (tools) => connects(tools, { iqn: MUTUAL, mutual: ARRAY })),
  check('mutual: a wrong secret of the initiator', (tools) =>
    isRefused(tools, { iqn: MUTUAL, mutual: ARRAY, secret: 'alices-secret-17' }),
  ),
  check('mutual: another secret of the target than expected', (tools) =>
    isRefused(tools, { iqn: MUTUAL, mutual: { ...ARRAY, secret: 'arrays-secret-of-24-bite' } }, /Invalid CHAP_R/),
  ),
  check('mutual: the initiator does not ask', (tools) => isRefused(tools, { iqn: MUTUAL })),
  check('mutual: of a target that has no secret for it', (tools) => isRefused(tools, { iqn: ONE_WAY, mutual: ARRAY })),
  check('discovery without credentials where none are asked for', async ({ run, portal }) => {
    const output = await run(['iscsi-ls', `iscsi://${portal()}`])
    for (const iqn of [ONE_WAY, MUTUAL]) requireThat(output.includes(iqn), `iscsi-ls should print ${iqn}`, output)
  }),
]

const array = (): ArraySpec => ({
  targets: [
    { iqn: ONE_WAY, luns: [LUN], auth: { chap: ALICE } },
    { iqn: MUTUAL, luns: [LUN], auth: { chap: ALICE, mutual: ARRAY } },
  ],
})

export const CHAP: Suite = {
  name: 'chap',
  about: "CHAP with libiscsi's iscsi-inq and iscsi-ls, one-way and mutual",
  tools: Object.fromEntries(['iscsi-ls', 'iscsi-inq'].map((tool) => [tool, 'libiscsi-bin'])),
  cases: async () => checkCases(CHECKS),
  array,
  run: (bench, cases) => runChecks(bench, ONE_WAY, CHECKS, cases),
}
