// A directory (vmfs-format.md, 10 and 11): what of its own structures does not fit is told, and mended by making the directory
// anew from its entries. The entries are what the tree goes on with.

import type { FileDescriptor } from '../file-descriptors.ts'
import { rebuildDirectory } from '../operations/directory-file.ts'
import type { FoundEntry } from '../structures/directory.ts'
import { auditDirectory5 } from './directory-5.ts'
import { auditDirectory6 } from './directory-6.ts'
import type { CheckContext } from './findings.ts'
import { type FindingName, formatAddress } from './report.ts'

/** What is wrong with a directory's own structures, and the entries that are found in it nevertheless. */
export interface Audit {
  readonly entries: FoundEntry[]
  readonly problems: readonly (readonly [name: FindingName, message: string])[]
}

const AUDITS = { 5: auditDirectory5, 6: auditDirectory6 } as const

/** @throws VmfsError 'damaged' for a directory of which not even the entries can be told */
export async function checkDirectory(context: CheckContext, file: FileDescriptor, path: string): Promise<FoundEntry[]> {
  const { volume, findings } = context
  const { entries, problems } = await AUDITS[volume.version.version](volume, volume.openDirectory(file))
  const named = distinctNames(entries)
  const all = [...problems, ...named.problems]
  for (const [name, message] of all)
    findings.add(
      {
        ...{ name, address: formatAddress(file.address), volumeOffset: file.offset, path },
        ...{ message: `${path} ${message}`, repair: 'the directory is made anew from its entries' },
      },
      {
        phase: 'directories',
        key: `rebuild ${file.address}`,
        run: (writing) => writing.run((work) => rebuildDirectory(work, file.address, named.entries)),
      },
    )
  return entries
}

/** An entry whose name cannot be said, or is another one's too, gets one of its own. */
function distinctNames(entries: readonly FoundEntry[]): Audit {
  const names = new Set<string>()
  const problems: [FindingName, string][] = []
  const named = entries.map((entry) => {
    const { name } = entry
    const problem =
      name === '' || name.includes('/') ? 'is no file name' : names.has(name) ? 'is the name of two entries' : undefined
    if (!problem) {
      names.add(name)
      return entry
    }
    let other = `${name.replaceAll('/', '_').slice(0, 40)}~${formatAddress(entry.address)}`
    for (let count = 2; names.has(other); count++) other = `${formatAddress(entry.address)}~${count}`
    names.add(other)
    problems.push([
      'entry name',
      `has an entry ${JSON.stringify(name)}, which ${problem}: it becomes ${JSON.stringify(other)}`,
    ])
    return { ...entry, name: other }
  })
  return { entries: named, problems }
}
