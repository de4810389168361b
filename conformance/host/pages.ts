// What sg_vpd prints of each VPD page, and how it is laid beside what lunette vpd --json says.

import { compareDesignators, compareFields, compareNames, type Section } from './compare.ts'

export interface Page {
  readonly acronym?: string
  readonly sections: readonly Section[]
}

type Compare = (sections: readonly Section[], printed: string) => string[]

/** Every field stands in one section. */
const plain: Compare = ([section], printed) => compareFields(section?.fields ?? {}, printed)

const CHARACTERISTICS = {
  'Medium rotation rate': (rate: number) => {
    if (rate === 0) return /Medium rotation rate is not reported/
    return rate === 1 ? /Non-rotating medium/ : new RegExp(`rotation rate: ${rate} rpm`)
  },
  'Product type': (type: number) => (type === 0 ? /Product type: Not specified/ : /Product type: \S.*/),
  'Nominal form factor': (factor: number) => (factor === 0 ? /Nominal form factor not reported/ : /form factor.*inch/),
}

/** Pages by sg_vpd's acronym; `shown` is what it is asked for. */
export const PAGES: Readonly<Record<string, { readonly shown?: string; readonly compare: Compare }>> = {
  sv: { compare: listed },
  sn: { compare: plain },
  di: { shown: 'di_asis', compare: compareDesignators },
  mna: { compare: (sections, printed) => compareFields(sections[0]?.fields ?? {}, printed) },
  ei: { compare: plain },
  mpp: { compare: policies },
  sp: { compare: ports },
  tpc: { compare: thirdPartyCopy },
  bl: { compare: plain },
  bdc: {
    compare: ([section], printed) => compareFields(section?.fields ?? {}, printed, { sentences: CHARACTERISTICS }),
  },
  lbpv: { compare: plain },
}

function listed(sections: readonly Section[], printed: string): string[] {
  const names = Object.values(sections[0]?.fields ?? {}).map(String)
  const theirs = [...printed.matchAll(/^ {2}(.*?)(?: \(\w+\))? \[\w+\]$/gm)].map(([, name = '']) => name)
  return compareNames(names, theirs)
}

function policies(sections: readonly Section[], printed: string): string[] {
  const parts = printed.split(/(?=^ *Policy page code)/m).slice(1)
  return sections.flatMap(({ fields }, index) => compareFields(fields, parts[index] ?? ''))
}

function ports(sections: readonly Section[], printed: string): string[] {
  const numbers = sections.flatMap(({ fields }) => fields['Relative port'] ?? [])
  const theirs = [...printed.matchAll(/^ *Relative port=(\d+)/gm)].map(([, port]) => port)
  return [...compareNames(numbers.map(String), theirs.map(String)), ...compareDesignators(sections, printed)]
}

/** sg_vpd prints the descriptors under titles of one space, the fields of each under it. */
function thirdPartyCopy(sections: readonly Section[], printed: string): string[] {
  const parts = new Map(
    printed
      .split(/^ (?=\S)/m)
      .slice(1)
      .map((part): [string, string] => [part.slice(0, part.indexOf(':')), part.slice(part.indexOf('\n') + 1)]),
  )
  const rods = (parts.get('Supported ROD token and ROD types') ?? '').split(/(?=^ *ROD type:)/m).filter(Boolean)
  return sections.flatMap((section) => {
    const { title = '', fields } = section
    if (title.startsWith('ROD type')) return compareRod(section, rods.shift() ?? '')
    const part = parts.get(title)
    if (part === undefined) return [`${title}, which sg3_utils does not print`]
    return LISTS.has(title)
      ? compareNames(Object.values(fields).map(String), namesOf(part))
      : compareFields(fields, part)
  })
}

const LISTS: ReadonlySet<string> = new Set([
  'Supported commands',
  'Supported descriptors',
  'Supported CSCD IDs (above 0x7ff)',
])
const namesOf = (part: string): string[] =>
  part.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.replace(/\[0x[\da-f]+\]/, '').trim()]))

function compareRod({ title = '', fields }: Section, printed: string): string[] {
  const [, code = '', name = ''] = /^ROD type (\w+)h: (.*)$/.exec(title) ?? []
  const heading = `ROD type: ${name} [0x${code.replace(/^0+(?=.)/, '')}]`
  const differences = printed.includes(heading)
    ? []
    : [`${title}, and sg3_utils prints ${printed.split('\n')[0]?.trim()}`]
  return [...differences, ...compareFields(fields, printed.replace(/^.*ROD type:.*$/m, ''))]
}

/** Standard INQUIRY data beside `sg_inq -d`. */
export function compareInquiry(fields: Section['fields'], printed: string): string[] {
  const isVersion = ([name]: [string, unknown]): boolean => name.startsWith('Version descriptor ')
  const entries = Object.entries(fields)
  const [data = '', versions = ''] = printed.split(/^ *Version descriptors:$/m)
  return [
    ...compareFields(Object.fromEntries(entries.filter((entry) => !isVersion(entry))), data, {
      beside: INQUIRY_BESIDE,
    }),
    ...compareNames(
      entries.filter(isVersion).map(([, name]) => String(name)),
      namesOf(versions),
    ),
  ]
}

/** The heading, what the fields of the parallel interface stand in, a vendor specific bit, the length of the whole, and the device type once more. */
const INQUIRY_BESIDE = [
  /standard INQUIRY:[^\n]*/,
  /\[SPI:/,
  /\(VS=\d\)/,
  /length=\d+ \(0x[\da-f]+\)/,
  /Peripheral device type: [^\n]*/,
]

/** READ CAPACITY(16) beside `sg_readcap --zbc`. */
export const compareCapacity = (fields: Section['fields'], printed: string): string[] =>
  compareFields(fields, printed, { beside: CAPACITY_BESIDE })

const CAPACITY_BESIDE = [/Protection:/, /Logical block provisioning:/, /\[so physical block length=\d+ bytes\]/]
