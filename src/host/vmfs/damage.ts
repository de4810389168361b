// Gives what is found damaged its place: the structures say what is wrong with an image, and whoever read it knows from where.

import { VmfsError } from './errors.ts'

/** Runs what decodes the image of `what`, found at `offset` of the volume. */
export function decodeAt<Result>(what: string, offset: number, decode: () => Result): Result {
  try {
    return decode()
  } catch (error) {
    throw locate(error, what, offset)
  }
}

/** The same of what takes reads. */
export async function decodeFrom<Result>(what: string, offset: number, decode: () => Promise<Result>): Promise<Result> {
  try {
    return await decode()
  } catch (error) {
    throw locate(error, what, offset)
  }
}

function locate(error: unknown, what: string, offset: number): unknown {
  if (!(error instanceof VmfsError) || error.problem !== 'damaged' || error.volumeOffset !== undefined) return error
  return new VmfsError('damaged', `${what} at byte ${offset} of the volume: ${error.message}`, offset)
}
