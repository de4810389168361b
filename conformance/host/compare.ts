// Lunette's decoding of what a logical unit says beside what sg3_utils prints of the same logical unit, field by field and both
// ways: a field that one has and the other has not, or of which the two say different things, is a difference. Pure.

export interface Section {
  readonly title?: string
  readonly fields: Readonly<Record<string, string | number>>
}

interface Options {
  /** Fields that sg3_utils prints as a sentence: what it prints, by the value. */
  readonly sentences?: Readonly<Record<string, (value: number) => RegExp>>
  /** What sg3_utils prints beside the fields. */
  readonly beside?: readonly RegExp[]
}

/** Fields by name, `NAME=VALUE` or `NAME: VALUE`. What differs, a line each. */
export function compareFields(ours: Section['fields'], printed: string, options: Options = {}): string[] {
  let rest = printed
  const differences: string[] = []
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(rest)
    if (found) rest = rest.slice(0, found.index) + rest.slice(found.index + found[0].length)
    return found?.[1] ?? found?.[2] ?? found?.[0]
  }
  for (const pattern of options.beside ?? []) take(pattern)
  for (const [name, value] of Object.entries(ours)) {
    const sentence = options.sentences?.[name]
    const found = take(sentence ? sentence(Number(value)) : fieldPattern(name))
    if (found === undefined) differences.push(`${name}: ${value}, which sg3_utils does not print`)
    else if (!sentence && !same(value, found)) differences.push(`${name}: ${value}, and sg3_utils prints ${found}`)
  }
  for (const left of rest.matchAll(/^[^\n]*\S(?:=|: +)\S[^\n]*$/gm))
    differences.push(`only sg3_utils prints ${left[0].trim()}`)
  return differences
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** After an equals sign one word, after a colon the rest of the line; what stands in brackets behind it explains it. */
const fieldPattern = (name: string): RegExp =>
  new RegExp(
    `(?<=^|[\\s[,])${escaped(name)}(?:=([^\\s,\\]]+)|: *((?:(?!,| \\[| \\()[^\\n])*)) ?(?:[[(][^\\n=]*?[\\])])?`,
    'm',
  )

const same = (ours: string | number, theirs: string): boolean => {
  const text = theirs.trim()
  return String(ours) === text || (isNumber(ours) && numberOf(text) === BigInt(ours))
}

const isNumber = (value: string | number): boolean => /^\d+$/.test(String(value))

/** A number with or without its unit; -1 stands for all ones in 32 bits. */
function numberOf(text: string): bigint | undefined {
  if (text === 'true' || text === 'yes') return 1n
  if (text === 'false' || text === 'no') return 0n
  const [, digits] = /^(-?\d+|0x[\da-f]+)(?: \w+)?$/i.exec(text) ?? []
  if (digits === undefined) return undefined
  return digits === '-1' ? 0xffff_ffffn : BigInt(digits)
}

/** Designators in their order, as `sg_vpd -p di_asis` and `sg_vpd -p sp` print them. */
export function compareDesignators(ours: readonly Section[], printed: string): string[] {
  const theirs = [...printed.matchAll(DESIGNATOR)].map(({ groups }) => normalized(groups as Record<string, string>))
  const all = ours.filter(({ fields }) => 'designator type' in fields).map(({ fields }) => ownText(fields))
  const differences = all.flatMap((text, index) =>
    text === theirs[index] ? [] : [`designator ${index}: ${text}, and sg3_utils prints ${theirs[index] ?? 'none'}`],
  )
  if (theirs.length > all.length) differences.push(`only sg3_utils prints ${theirs.slice(all.length).join(', ')}`)
  return differences
}

const DESIGNATOR =
  /designator type: (?<type>[^\n]*?), +code set: (?<set>[^\n]*)\n(?: *transport: (?<transport>[^\n]*)\n)?(?<value>(?: +(?!designator type)[^\n]*(?:\n|$))+?)(?= *designator type|\s*\S[^\n]*:\s*\n|\s*$)/g

const normalized = ({ type, set, transport, value = '' }: Record<string, string>): string =>
  [type, set?.trim(), transport?.trim() ?? '', valueText(value)].join(' | ')

/** Names of values are the same on both sides: what counts is what follows them. */
const valueText = (value: string): string =>
  value
    .split('\n')
    .map((line) => line.replace(/^ *(?:vendor id|vendor specific|[\w ]*(?:port|group|string)):/, '').trim())
    .filter((line) => line !== '')
    .map((line) => (/^0x[\da-f]{1,4}$/i.test(line) ? String(Number(line)) : line))
    .join(' ')

function ownText(fields: Section['fields']): string {
  const { 'designator type': type, 'code set': set, transport = '', ...values } = fields
  const text = Object.values(values)
    .map((value) => String(value).trim())
    .filter((value) => value !== '')
    .join(' ')
  return [type, set, transport, text].join(' | ')
}

interface Opcode {
  readonly opcode: number
  readonly serviceAction?: number
  readonly cdbLength: number
  readonly name: string | null
}

/** The list of `sg_opcodes -u`: operation code, service action, CDB size, name. */
export function compareOpcodes(ours: readonly Opcode[], printed: string): string[] {
  const theirs = [...printed.matchAll(/^ ([\da-f]{2}) {1,9}([\da-f]{0,4}) +(\d+) +\d,\d +(.*)$/gm)].map(
    ([, opcode = '', action = '', size, name = '']) =>
      `${opcode}${action && `/${Number.parseInt(action, 16)}`} ${size} ${wordsOf(name)}`,
  )
  const all = ours.map(({ opcode, serviceAction, cdbLength, name }) => {
    const code = opcode.toString(16).padStart(2, '0')
    return `${code}${serviceAction === undefined ? '' : `/${serviceAction}`} ${cdbLength} ${wordsOf(name ?? '')}`
  })
  return [
    ...all.filter((line) => !theirs.includes(line)).map((line) => `${line}, which sg3_utils does not print`),
    ...theirs.filter((line) => !all.includes(line)).map((line) => `only sg3_utils prints ${line}`),
  ]
}

/** Names of commands differ in case and punctuation, and here and there in a word. */
function wordsOf(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
  return SYNONYMS[plain] ?? plain
}

/** sg3_utils' word, and the standard's. */
const SYNONYMS: Readonly<Record<string, string>> = {
  'extended copy': 'extended copy lid4',
  'receive copy status': 'receive copy status lid4',
  'receive copy data': 'receive copy data lid4',
  'read buffer': 'read buffer 10',
}

/** Names in their order, whatever their case. */
export function compareNames(ours: readonly string[], theirs: readonly string[]): string[] {
  const [all, printed] = [ours.map(wordsOf), theirs.map(wordsOf)]
  return [
    ...all.filter((name) => !printed.includes(name)).map((name) => `${name}, which sg3_utils does not print`),
    ...printed.filter((name) => !all.includes(name)).map((name) => `only sg3_utils prints ${name}`),
  ]
}
