// Names in a directory (notes, 10 and 11): UTF-8, up to 127 bytes. An entry of VMFS6 has room for 255, and the hash of a name
// covers 127, which is as far as ESXi goes.

import { VmfsError } from '../errors.ts'

export const MAX_NAME_BYTES = 127

/** @throws VmfsError 'bad name' for what a new entry cannot be called */
export function demandFileName(name: string): void {
  const bad = (why: string) => new VmfsError('bad name', `${JSON.stringify(name)} is no file name: ${why}`)
  if (name === '') throw bad('it is empty')
  if (name === '.' || name === '..') throw bad('every directory has it already')
  if (name.includes('/')) throw bad('a name has no "/"')
  if (name.includes('\0')) throw bad('a name has no zero byte')
  if (Buffer.from(name).toString() !== name) throw bad('it is not well-formed Unicode')
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_NAME_BYTES) throw bad(`it has ${bytes} bytes, more than ${MAX_NAME_BYTES}`)
}
