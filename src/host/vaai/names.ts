// The names of a logical unit as ESXi uses them (SPC-4 7.8.6): what it calls the device, and what its copies name it by.

import {
  ASSOCIATION,
  DESIGNATOR_TYPE,
  type Designator,
  designatorText,
  isNaa,
} from '../../../protocol/scsi/designator.ts'
import { type Check, toldBy, toldCheck } from './check.ts'
import type { Told } from './facts.ts'

/** NAA formats, the best first: IEEE registered extended, registered, extended; locally assigned. */
const NAA_FORMATS = [6, 5, 2, 3] as const
const LOCALLY_ASSIGNED = 3
const OTHER_TYPES = [DESIGNATOR_TYPE.EUI_64, DESIGNATOR_TYPE.T10_VENDOR_ID] as const

const ofLogicalUnit = (all: readonly Designator[]): Designator[] =>
  all.filter(({ association }) => association === ASSOCIATION.LOGICAL_UNIT)

const formatOf = ({ value }: Designator): number => (value[0] ?? 0) >> 4

function bestNaa(all: readonly Designator[]): Designator | undefined {
  const names = ofLogicalUnit(all).filter(({ type, value }) => type === DESIGNATOR_TYPE.NAA && isNaa(value))
  return NAA_FORMATS.map((format) => names.find((name) => formatOf(name) === format)).find(Boolean)
}

/** naa., eui. or t10., in this order; undefined where the device has none of them. */
export function deviceName(designators: Told<readonly Designator[]>): string | undefined {
  const all = toldBy(designators) ?? []
  const others = OTHER_TYPES.map((wanted) => ofLogicalUnit(all).find(({ type }) => type === wanted))
  const best = [bestNaa(all), ...others].find(Boolean)
  return best && designatorText(best)
}

/** What the CSCD descriptors of ESXi's copies name a logical unit by. */
export function naaCheck(designators: Told<readonly Designator[]>): Check {
  return toldCheck('NAA designator of the logical unit (83h)', designators, (all) => {
    const naa = bestNaa(all)
    if (naa) {
      const found = designatorText(naa)
      if (formatOf(naa) !== LOCALLY_ASSIGNED) return { found, result: 'ok' }
      return { found, result: 'warning', why: 'locally assigned: another array may have the same' }
    }
    const others = ofLogicalUnit(all).map(designatorText).join(', ')
    const found = others === '' ? 'none' : `none; only ${others}`
    return { found, result: 'missing', why: 'EXTENDED COPY names the logical unit by it' }
  })
}
