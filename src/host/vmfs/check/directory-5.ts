// A directory of VMFS5 (vmfs-format.md, 10): an array of entries without a gap, "." and ".." first.

import { type DirectoryBytes, DirectoryImage, type FoundEntry } from '../structures/directory.ts'
import { DIRECTORY5, ENTRY } from '../structures/directory-5.ts'
import type { Volume } from '../volume.ts'
import type { Audit } from './directories.ts'
import type { FindingName } from './report.ts'

export async function auditDirectory5(_volume: Volume, directory: DirectoryBytes): Promise<Audit> {
  const problems: [FindingName, string][] = []
  const rest = directory.length % ENTRY.size
  if (rest !== 0) problems.push(['directory block', `has ${rest} bytes behind its last entry`])
  const image = await directory.read(0, directory.length - rest)
  const entries: FoundEntry[] = []
  for await (const entry of DIRECTORY5.entries(new DirectoryImage(image, directory.isRoot))) entries.push(entry)
  const gaps = image.length / ENTRY.size - entries.length
  if (gaps > 0) problems.push(['directory block', `has ${gaps} empty entries between the others`])
  for (const [index, name] of ['.', '..'].entries())
    if (entries[index]?.name !== name)
      problems.push([name === '.' ? 'dot entry' : 'dot-dot entry', `has no "${name}" as entry ${index}`])
  return { entries, problems }
}
