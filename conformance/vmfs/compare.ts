// What a volume's directories and files hold, as the tools show them, against the data set that was put there.

import { requireThat, type Tools } from '../suites/checks.ts'
import type { DataSet, VmfsVersion } from './data-set.ts'
import type { Listed } from './output.ts'
import { READERS, type Volume } from './readers.ts'

const FILES_AT_ONCE = 500
const CAT_MS = 180_000
const SYSTEM_FILES = ['.fbb.sf', '.fdc.sf', '.pbc.sf', '.sbc.sf', '.vh.sf', '.pb2.sf', '.sdd.sf']

export const systemFileNames = (version: VmfsVersion): string[] =>
  version === 5 ? SYSTEM_FILES : [...SYSTEM_FILES, '.jbc.sf']

/** Reads files, many with one command, and compares them with the tree's. */
export async function catAll(tools: Tools, { version, images, tree }: Volume, paths: readonly string[]) {
  const { debug, banner } = READERS[version]
  const script = `images=$1; root=$2; shift 2; IFS='
'
    found=$(${debug} $images cat "$@" | tail -c +${banner * images.length + 1} | sha256sum)
    cd "$root"; for path; do cat ".$path"; done | sha256sum | { read -r wanted; test "$found" = "$wanted" || echo "$@"; }`
  for (let at = 0; at < paths.length; at += FILES_AT_ONCE) {
    const some = paths.slice(at, at + FILES_AT_ONCE)
    const command = ['sh', '-ec', script, 'sh', images.join('\n'), tree.root, ...some]
    const wrong = await tools.run(command, 0, CAT_MS)
    requireThat(wrong === '', 'the contents should be those that were put', wrong)
  }
}

type Entry = Pick<Listed, 'name'> & { readonly size?: number; readonly letter: string }

/** What a directory is to hold, the root with the files of the file system itself. */
export function entriesOf({ directories, files, links }: DataSet, directory: string, version: VmfsVersion): Entry[] {
  const own = directory === '/' ? '/' : `${directory}/`
  const inside = (path: string) => path.startsWith(own) && !path.slice(own.length).includes('/')
  const name = (path: string) => path.slice(own.length)
  return [
    ...directories.filter(inside).map((path) => ({ name: name(path), letter: 'd' })),
    ...files.filter(({ path }) => inside(path)).map(({ path, size }) => ({ name: name(path), size, letter: '-' })),
    ...links
      .filter(({ path }) => inside(path))
      .map(({ path, target }) => ({ name: name(path), size: Buffer.byteLength(target), letter: 'l' })),
    ...(directory === '/' ? systemFileNames(version).filter((name) => name !== '.sdd.sf') : []).map((name) => ({
      name,
      letter: '-',
    })),
  ]
}

export function compareListing(found: readonly Listed[], wanted: readonly Entry[], directory: string) {
  const missing = wanted.filter(({ name, size, letter }) => {
    const entry = found.find((each) => each.name === name)
    return entry === undefined || (size !== undefined && entry.size !== size) || !entry.mode.startsWith(letter)
  })
  requireThat(missing.length === 0, `${directory} should list`, missing.map((each) => JSON.stringify(each)).join('\n'))
  const known = new Set(['.', '..', '.sdd.sf', '.jnl.sf', ...wanted.map(({ name }) => name)])
  const others = found.filter(({ name }) => !known.has(name)).map(({ name }) => name)
  requireThat(others.length === 0, `${directory} should list nothing else`, others.join('\n'))
}

/** As find prints them: kind, size, path, target. */
export const wantedOfFind = ({ directories, files, links }: DataSet): string[] => [
  ...directories.map((path) => `d 0 ${path}`),
  ...files.map(({ path, size }) => `f ${size} ${path}`),
  ...links.map(({ path, target }) => `l ${Buffer.byteLength(target)} ${path} ${target}`),
]

/** The first line that only one of them has. */
export function firstDifference(found: readonly string[], wanted: readonly string[]): string | undefined {
  const [left, right] = [new Set(found), new Set(wanted)]
  const missing = wanted.find((line) => !left.has(line))
  if (missing !== undefined) return `nothing of ${missing}`
  return found.find((line) => !right.has(line))
}
