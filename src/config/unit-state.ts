// What a logical unit keeps over a restart of the array: saved mode parameters, reservations with APTPL and the like. One
// file a unit, DATA/units/NAA.json, named by the identity that never changes. Parts are read at the start, each by the
// schema of who wrote it, and replaced one at a time: a crash leaves the state before or after, never another.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { OperatorError } from '../errors.ts'
import { syncDirectory } from './atomic-file.ts'
import { readSealed, type SealedFormat, writeSealed } from './sealed-file.ts'

export interface UnitState {
  /** False for a unit whose medium does not outlive the array: then nothing is kept, and `save` is not called. */
  readonly persistent: boolean
  /** A part as it was saved, or undefined. Throws OperatorError for one that its schema does not know. */
  load<Part extends z.ZodType>(name: string, schema: Part): z.output<Part> | undefined
  /** The part, which must be plain JSON, is on stable storage when the promise resolves. Undefined removes it. */
  save(name: string, part: unknown): Promise<void>
}

/** Of a unit without an image. */
export const NO_UNIT_STATE: UnitState = {
  persistent: false,
  load: () => undefined,
  save: () => Promise.reject(new Error('a unit without an image keeps nothing')),
}

const FILE = {
  format: 'lunette-unit',
  version: 1,
  body: z.record(z.string(), z.unknown()),
  about: "a logical unit's state",
  cure: 'restore it from a backup, or move it away and the unit forgets its reservations and saved mode parameters',
} as const satisfies SealedFormat<z.ZodType>

/** @throws OperatorError when the unit's file cannot be read, is damaged or comes from a later version */
export async function openUnitState(data: string, naa: string): Promise<UnitState> {
  const directory = join(data, 'units')
  const path = join(directory, `${naa}.json`)
  let parts: Readonly<Record<string, unknown>> = (await readSealed(path, FILE)) ?? {}
  let writing: Promise<void> = Promise.resolve()

  const write = async (name: string, part: unknown): Promise<void> => {
    const { [name]: _, ...others } = parts
    const next = part === undefined ? others : { ...others, [name]: part }
    if (await mkdir(directory, { recursive: true })) await syncDirectory(data)
    await writeSealed(path, FILE, next)
    parts = next
  }
  return {
    persistent: true,
    load(name, schema) {
      if (parts[name] === undefined) return undefined
      const part = schema.safeParse(parts[name])
      if (!part.success) throw new OperatorError(`${path} is damaged (${name} makes no sense): ${FILE.cure}`)
      return part.data
    },
    save(name, part) {
      const written = writing.then(() => write(name, part))
      writing = written.catch(() => {})
      return written
    },
  }
}
