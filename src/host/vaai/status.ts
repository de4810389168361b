// Which VAAI primitives work on a logical unit, and why not where they do not: from facts to verdicts, pure. What ESXi needs is
// listed in SPC-4 and SBC-4 terms; two things that a device says and that exclude each other are named.

import { checkAts } from './ats.ts'
import { type Check, commandTitle, type Verdict, verdictOf, wants } from './check.ts'
import { checkClone } from './clone.ts'
import { checkDelete } from './delete.ts'
import type { VaaiFacts } from './facts.ts'
import { deviceName, naaCheck } from './names.ts'
import { checkZero } from './zero.ts'

export type PrimitiveName = 'ATS' | 'Clone' | 'Zero' | 'Delete'

export interface PrimitiveStatus {
  readonly name: PrimitiveName
  readonly verdict: Verdict
  readonly checks: readonly Check[]
}

export interface VaaiStatus {
  /** As ESXi names it: naa., eui. or t10.; its URL where it has no name. */
  readonly device: string
  readonly primitives: readonly PrimitiveStatus[]
  /** What the primitives share. */
  readonly deviceChecks: readonly Check[]
}

/** From facts to verdicts, each with the checks that it rests on; pure. Works on facts of any array. */
export function judgeVaai(facts: VaaiFacts): VaaiStatus {
  const primitive = (name: PrimitiveName, checks: readonly Check[]): PrimitiveStatus => ({
    name,
    verdict: verdictOf(checks),
    checks,
  })
  return {
    device: deviceName(facts.designators) ?? facts.url,
    primitives: [
      primitive('ATS', checkAts(facts)),
      primitive('Clone', checkClone(facts)),
      primitive('Zero', checkZero(facts)),
      primitive('Delete', checkDelete(facts)),
    ],
    deviceChecks: [deviceNaa(facts), productCheck(facts), reservationCheck(facts)],
  }
}

/** ESXi can name a device without, but not copy from or to it. */
function deviceNaa({ designators }: VaaiFacts): Check {
  const check = naaCheck(designators)
  return check.result === 'missing' ? { ...check, result: 'warning' } : check
}

function productCheck({ products, inquiry }: VaaiFacts): Check {
  const item = 'product identification'
  const own = `${inquiry.vendor} ${inquiry.product}`
  if ('missing' in products)
    return { item, found: own, result: 'warning', why: `of the other LUNs: ${products.missing}` }
  const others = products.told.filter(({ vendor, product }) => vendor !== inquiry.vendor || product !== inquiry.product)
  const luns = others.map(({ lun, vendor, product }) => `LUN ${lun} is ${vendor} ${product}`).join(', ')
  const alike = `${own}, alike on ${products.told.length === 1 ? 'its one disk' : `${products.told.length} disks`}`
  return {
    item,
    ...wants(
      others.length === 0,
      others.length === 0 ? alike : own,
      `${luns}: ESXi wants one for all LUNs of an array`,
    ),
  }
}

function reservationCheck({ commands: { reserve, release } }: VaaiFacts): Check {
  const item = `${commandTitle('reserve')}, ${commandTitle('release')}`
  if (reserve.supported === undefined || release.supported === undefined)
    return { item, found: 'not known', result: 'unknown', why: reserve.method }
  const both = reserve.supported && release.supported
  return { item, ...wants(both, both ? 'supported' : 'not supported', 'ESXi needs both to create a datastore') }
}
