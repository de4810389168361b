// Fields of what a device said, as tables for people and as JSON for programs.

import type { Field, Section } from '../host/describe/section.ts'
import type { Style } from './color.ts'
import { type Column, formatTable } from './table.ts'

const BYTES_PER_LINE = 16

/** What a device calls itself may hold anything: nothing that a terminal would obey is printed. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')

const COLUMNS: readonly Column<Field>[] = [
  { title: 'FIELD', value: ({ name }) => printable(name) },
  { title: 'VALUE', value: ({ value, unit }) => `${printable(String(value))}${unit ? ` ${unit}` : ''}` },
  { title: 'MEANING', value: ({ meaning }) => printable(meaning ?? '') },
]

/** The columns line up over all sections. */
export function sectionLines(sections: readonly Section[], style: Style): string[] {
  const [titles = '', ...rows] = formatTable(
    COLUMNS,
    sections.flatMap(({ fields }) => fields),
  )
  const indent = sections.some(({ title }) => title !== undefined) ? '    ' : '  '
  const lines = [`${indent}${style('dim', titles)}`]
  for (const { title, fields } of sections) {
    if (title !== undefined) lines.push(`  ${style('bold', printable(title))}`)
    lines.push(...rows.splice(0, fields.length).map((row) => `${indent}${row}`))
  }
  return lines
}

export interface JsonSection {
  readonly title?: string
  readonly fields: Readonly<Record<string, Field['value']>>
}

export const sectionJson = ({ title, fields }: Section): JsonSection => ({
  ...(title !== undefined && { title }),
  fields: Object.fromEntries(fields.map(({ name, value }) => [name, value])),
})

/** One line. A number of more than 53 bits is a string: JSON readers would round it. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each !== 'bigint' ? each : each <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(each) : `${each}`,
  )
  return `${text}\n`
}

/** As `sg_vpd --inhex=-` and `sg_inq --inhex=-` read it: bytes, 16 a line, after a line that says what they are. */
export function hexLines(title: string, bytes: Buffer): string[] {
  const lines = [`# ${title}`]
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE)
    lines.push(bytes.toString('hex', at, Math.min(at + BYTES_PER_LINE, bytes.length)).replace(/..(?!$)/g, '$& '))
  return lines
}
