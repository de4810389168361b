// Which paths lead to some file descriptors: one walk of the directories, of which the entries alone are read.

import { VmfsError } from './errors.ts'
import type { FileDescriptor } from './file-descriptors.ts'
import { SYSTEM_FD } from './structures/address.ts'
import { FILE_TYPE } from './structures/file-descriptor.ts'
import type { Volume } from './volume.ts'

interface Directory {
  readonly path: string
  readonly address: number
}

/**
 * By the addresses of descriptors; what no directory names is left out. Hosts may be at work: a directory that cannot be read
 * because it has just changed is passed over.
 */
export async function pathsOf(volume: Volume, addresses: ReadonlySet<number>): Promise<Map<number, string>> {
  const paths = new Map<number, string>()
  const entered = new Set<number>()
  const waiting: Directory[] = [{ path: '/', address: SYSTEM_FD.root }]
  if (addresses.has(SYSTEM_FD.root)) paths.set(SYSTEM_FD.root, '/')
  for (let directory = waiting.pop(); directory && paths.size < addresses.size; directory = waiting.pop()) {
    if (entered.has(directory.address)) continue
    entered.add(directory.address)
    for await (const { name, address, type } of entriesOf(volume, directory)) {
      if (name === '.' || name === '..') continue
      const path = `${directory.path === '/' ? '' : directory.path}/${name}`
      if (addresses.has(address) && !paths.has(address)) paths.set(address, path)
      if (type === FILE_TYPE.directory) waiting.push({ path, address })
    }
  }
  return paths
}

async function* entriesOf(volume: Volume, { address }: Directory): ReturnType<Volume['entries']> {
  try {
    const file: FileDescriptor = await volume.readFileDescriptor(address)
    yield* volume.entries(file)
  } catch (error) {
    if (!(error instanceof VmfsError)) throw error
  }
}
