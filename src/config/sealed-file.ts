// A small file that an array must not lose: JSON in an envelope with its format, its version and a checksum, replaced
// atomically. One that is damaged, or newer than this program, is refused and never replaced.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { OperatorError } from '../errors.ts'
import { writeAtomically } from './atomic-file.ts'

export interface SealedFormat<Body extends z.ZodType> {
  /** Names the kind of file in its envelope. */
  readonly format: string
  readonly version: number
  readonly body: Body
  /** What it is, for "cannot read ...". */
  readonly about: string
  /** What to do about a damaged one. */
  readonly cure: string
}

const envelopeSchema = z.object({ format: z.string(), version: z.number() })
const fileSchema = z.strictObject({ format: z.string(), version: z.number(), checksum: z.string(), body: z.unknown() })

/**
 * Undefined when there is no file yet.
 * @throws OperatorError when the file cannot be read, is damaged or comes from a later version
 */
export async function readSealed<Body extends z.ZodType>(
  path: string,
  kind: SealedFormat<Body>,
): Promise<z.output<Body> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OperatorError(`cannot read ${kind.about}: ${(error as Error).message}`, { cause: error })
  }
  return unseal(path, text, kind)
}

/** Replaces the file atomically: it is on stable storage when the promise resolves. Throws OperatorError. */
export async function writeSealed<Body extends z.ZodType>(
  path: string,
  { format, version, about }: SealedFormat<Body>,
  body: z.output<Body>,
): Promise<void> {
  const file = { format, version, checksum: checksum(body), body }
  try {
    await writeAtomically(path, `${JSON.stringify(file, null, 2)}\n`)
  } catch (error) {
    throw new OperatorError(`cannot write ${about}: ${(error as Error).message}`, { cause: error })
  }
}

function unseal<Body extends z.ZodType>(path: string, text: string, kind: SealedFormat<Body>): z.output<Body> {
  const damaged = (why: string) => new OperatorError(`${path} is damaged (${why}): ${kind.cure}`)
  const value = parseJson(text)
  if (value === undefined) throw damaged('it is no JSON')
  const envelope = envelopeSchema.safeParse(value)
  if (!envelope.success || envelope.data.format !== kind.format) throw damaged(`it is not a ${kind.format} file`)
  const { version } = envelope.data
  if (version > kind.version)
    throw new OperatorError(
      `${path} is of version ${version}, and this Lunette knows ${kind.version}: use a later Lunette`,
    )
  const file = fileSchema.safeParse(value)
  if (!file.success || version !== kind.version) throw damaged('a key is missing or unknown')
  if (file.data.checksum !== checksum(file.data.body)) throw damaged('its checksum does not match')
  const body = kind.body.safeParse(file.data.body)
  if (!body.success) throw damaged('its content makes no sense')
  return body.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Of the body alone, whatever the white space around it. */
function checksum(body: unknown): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`
}
