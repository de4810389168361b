// DATA/state.json: what an array must not forget. Versioned and checksummed: a file that is damaged or newer than this
// program is refused, never replaced, for with it the names of all LUNs would be lost.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { OperatorError } from '../errors.ts'
import { writeAtomically } from './atomic-file.ts'

const FORMAT = 'lunette-state'
const VERSION = 1

/** `image` is the path seen from the data directory, with slashes; absolute where the image lies outside. */
const bodySchema = z.strictObject({
  identities: z.array(
    z.strictObject({
      image: z.string().min(1),
      naa: z.string().regex(/^(?:6[\da-f]{31}|[235][\da-f]{15})$/),
      serial: z.string().regex(/^[\x20-\x7e]+$/),
    }),
  ),
})

const envelopeSchema = z.object({ format: z.literal(FORMAT), version: z.number() })
const fileSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  checksum: z.string(),
  body: z.unknown(),
})

export type StateBody = z.output<typeof bodySchema>

/**
 * Undefined when there is no file yet.
 * @throws OperatorError when the file cannot be read, is damaged or comes from a later version
 */
export async function readStateFile(path: string): Promise<StateBody | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OperatorError(`cannot read the array's state: ${(error as Error).message}`, { cause: error })
  }
  return decode(path, text)
}

/** Replaces the file atomically. Throws OperatorError. */
export async function writeStateFile(path: string, body: StateBody): Promise<void> {
  const file = { format: FORMAT, version: VERSION, checksum: checksum(body), body }
  try {
    await writeAtomically(path, `${JSON.stringify(file, null, 2)}\n`)
  } catch (error) {
    throw new OperatorError(`cannot write the array's state: ${(error as Error).message}`, { cause: error })
  }
}

function decode(path: string, text: string): StateBody {
  const value = parseJson(path, text)
  const envelope = envelopeSchema.safeParse(value)
  if (!envelope.success) throw damaged(path, 'it is not a state file')
  const { version } = envelope.data
  if (version > VERSION)
    throw new OperatorError(`${path} is of version ${version}, and this Lunette knows ${VERSION}: use a later Lunette`)
  const file = fileSchema.safeParse(value)
  if (!file.success) throw damaged(path, 'a key is missing or unknown')
  if (file.data.checksum !== checksum(file.data.body)) throw damaged(path, 'its checksum does not match')
  const body = bodySchema.safeParse(file.data.body)
  if (!body.success) throw damaged(path, 'its content makes no sense')
  return body.data
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw damaged(path, 'it is no JSON')
  }
}

/** Of the body alone, whatever the white space around it. */
function checksum(body: unknown): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`
}

function damaged(path: string, why: string): OperatorError {
  return new OperatorError(
    `${path} is damaged (${why}): restore it from a backup, or move it away and every LUN gets a new identity`,
  )
}
