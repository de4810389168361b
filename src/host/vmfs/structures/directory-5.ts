// A directory of VMFS5 (notes, 10): an array of entries of 140 bytes, "." and ".." first, with no gap between them. An entry is
// taken out by moving the last one to its place.

import { VmfsError } from '../errors.ts'
import type { DirectoryBytes, DirectoryEntry, DirectoryFormat, EntryTarget, FoundEntry } from './directory.ts'
import { structure, text, u32 } from './structure.ts'

export const ENTRY = structure('directory entry', 140, {
  type: u32(0),
  address: u32(4),
  generation: u32(8),
  name: text(128)(12),
})
/** Entries that are read at once. */
const BATCH = 256

export const DIRECTORY5: DirectoryFormat = {
  create: (self, parent) => Buffer.concat([encode('.', self), encode('..', parent)]),
  entries,
  find,
  async insert(directory, entry) {
    const end = demandWholeEntries(directory)
    await directory.resize(end + ENTRY.size)
    await directory.write(end, encode(entry.name, entry))
  },
  async remove(directory, { offset }) {
    const last = demandWholeEntries(directory) - ENTRY.size
    if (offset !== last) await directory.write(offset, await directory.read(last, ENTRY.size))
    await directory.resize(last)
  },
  async retarget(directory, { name, offset }, target) {
    await directory.write(offset, encode(name, target))
  },
}

function encode(name: string, { type, address, generation }: EntryTarget): Buffer {
  return ENTRY.encode({ name, type, address, generation } satisfies DirectoryEntry)
}

/** Compares names as they stand: a directory has no index, and decoding each entry takes ten times as long. */
async function find(directory: DirectoryBytes, name: string): Promise<FoundEntry | undefined> {
  const raw = Buffer.from(name)
  if (raw.length > ENTRY.fields.name.bytes) return undefined
  const wanted = Buffer.alloc(Math.min(raw.length + 1, ENTRY.fields.name.bytes))
  raw.copy(wanted)
  for await (const { start, batch } of batches(directory))
    for (let at = 0; at < batch.length; at += ENTRY.size) {
      const from = at + ENTRY.fields.name.offset
      if (batch.compare(wanted, 0, wanted.length, from, from + wanted.length) !== 0) continue
      const entry = ENTRY.decode(batch, at)
      if (entry.address !== 0) return { ...entry, offset: start + at }
    }
  return undefined
}

async function* entries(directory: DirectoryBytes): AsyncGenerator<FoundEntry> {
  for await (const { start, batch } of batches(directory))
    for (let at = 0; at < batch.length; at += ENTRY.size) {
      const entry = ENTRY.decode(batch, at)
      // Cleared, but not filled with the last one.
      if (entry.address !== 0) yield { ...entry, offset: start + at }
    }
}

async function* batches(directory: DirectoryBytes): AsyncGenerator<{ start: number; batch: Buffer }> {
  const end = demandWholeEntries(directory)
  for (let start = 0; start < end; start += BATCH * ENTRY.size)
    yield { start, batch: await directory.read(start, Math.min(BATCH * ENTRY.size, end - start)) }
}

function demandWholeEntries({ length }: DirectoryBytes): number {
  if (length % ENTRY.size !== 0)
    throw new VmfsError('damaged', `a directory of ${length} bytes, which is no multiple of an entry's ${ENTRY.size}`)
  return length
}
