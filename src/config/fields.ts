// What the schema is made of. Each field has one message: what is allowed. The problem report puts the path and what was
// found in front of it, so that every error of a configuration reads the same.

import { z } from 'zod'
import { parseSize, SIZE_FORMS } from './size.ts'

/** A mapping that knows its keys: any other is an error that lists them. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? keys : `a mapping with the keys ${keys}`),
  })
}

/** Exactly these values. */
export function oneOf<const Values extends readonly [z.util.Literal, ...z.util.Literal[]]>(...values: Values) {
  return z.literal(values, { error: values.join(', ') })
}

export const flag = () => z.boolean({ error: 'true, false' })

export function whole(min: number, max: number) {
  return z.custom<number>((value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max, {
    error: `a whole number from ${min} to ${max}`,
  })
}

/** A size in any form that people write; bytes after parsing. */
export function size(min: number, max: number, range: string) {
  const inRange = (value: unknown) => {
    const bytes = parseSize(value)
    return bytes !== undefined && bytes >= min && bytes <= max
  }
  return z
    .custom<number | string>(inRange, { error: `${range}: ${SIZE_FORMS}` })
    .transform((value) => parseSize(value) as number)
}

/** Text that answers a test. */
export function text(allowed: string, test: RegExp | ((value: string) => boolean)) {
  const passes = test instanceof RegExp ? (value: string) => test.test(value) : test
  return z.custom<string>((value) => typeof value === 'string' && passes(value), { error: allowed })
}

export function list<Item extends z.ZodType>(item: Item, allowed: string, min = 0) {
  return z.array(item, { error: allowed }).min(min, { error: allowed })
}

/** A mapping, or something else that is no mapping: each with its own messages. */
function orMapping<Plain extends z.ZodType, Mapping extends z.ZodType>(plain: Plain, items: Mapping) {
  return z
    .custom<z.input<Plain> | z.input<Mapping>>(() => true)
    .transform((value, context): z.output<Plain> | z.output<Mapping> => {
      const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value)
      const result = (isMapping ? items : plain).safeParse(value)
      if (result.success) return result.data as z.output<Plain> | z.output<Mapping>
      context.issues.push(...result.error.issues.map((issue) => ({ ...issue, input: value }) as z.core.$ZodRawIssue))
      return z.NEVER
    })
}

/** Text, or a mapping that says more. */
export const textOrMapping = orMapping

/** One word that stands for nothing in particular, or a mapping. */
export function wordOrMapping<const Word extends string, Mapping extends z.ZodType>(word: Word, items: Mapping) {
  return orMapping(z.literal(word, { error: `${word}, or a mapping` }), items)
}

/** One word that stands for a list, or the list. */
export function wordOr<const Word extends string, Item extends z.ZodType>(word: Word, item: Item, of: string, min = 0) {
  const allowed = `${word}, or a list of ${of}`
  const items = list(item, allowed, min)
  return z
    .custom<Word | z.input<typeof items>>((value) => value === word || Array.isArray(value), { error: allowed })
    .transform((value, context): Word | z.output<typeof items> => {
      if (value === word) return word
      const result = items.safeParse(value)
      if (result.success) return result.data
      for (const { path, message } of result.error.issues) context.addIssue({ code: 'custom', path, message })
      return z.NEVER
    })
}
