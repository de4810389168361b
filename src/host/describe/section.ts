// What a device said, field by field, for people and for programs: names as sg3_utils prints them where it has one, so that the
// two can be laid side by side. Pure.

export interface Field {
  /** Unique within its section. */
  readonly name: string
  readonly value: number | bigint | string
  readonly unit?: string
  /** What the value stands for, where it does not say so itself. */
  readonly meaning?: string
}

/** Fields that belong together. */
export interface Section {
  /** What they belong to, where a page has several. */
  readonly title?: string
  readonly fields: readonly Field[]
}

/** A number and what it stands for; names[number], where there is one. */
export type Names = Readonly<Record<number, string>>

interface Details<Value> {
  readonly unit?: string
  readonly names?: Names
  /** What a value stands for; undefined where it needs no word. */
  readonly means?: (value: Value) => string | undefined
}

/** One row of a table of fields: the property of the decoded structure, the field's name, and what its values mean. */
export type Row<Values> = {
  readonly [Key in keyof Values & string]: readonly [Key, string, Details<Values[Key]>?]
}[keyof Values & string]

/** The fields of a decoded structure, in the order of the rows; flags are 0 and 1. */
export function fieldsOf<Values>(values: Values, rows: readonly Row<Values>[]): Field[] {
  return rows.map(([key, name, details = {}]) => {
    const value = values[key] as unknown
    const shown = typeof value === 'boolean' ? Number(value) : (value as Field['value'])
    const meaning = details.means?.(value as never) ?? (typeof shown === 'number' ? details.names?.[shown] : undefined)
    return {
      name,
      value: shown,
      ...(details.unit !== undefined && { unit: details.unit }),
      ...(meaning !== undefined && { meaning }),
    }
  })
}

export const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
