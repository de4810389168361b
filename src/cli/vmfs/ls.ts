// lunette vmfs ls VOLUME [PATH]: the names in a directory.

import { type FileDescriptor, isDirectory } from '../../host/vmfs/file-descriptors.ts'
import { lookup, readLink } from '../../host/vmfs/path-lookup.ts'
import { FILE_TYPE } from '../../host/vmfs/structures/file-descriptor.ts'
import type { Volume } from '../../host/vmfs/volume.ts'
import { command } from '../command.ts'
import { printable } from '../print-sections.ts'
import { type Column, formatTable } from '../table.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withVolume } from './volume-options.ts'

export const vmfsLs = command({
  name: 'ls',
  describe: 'List a directory of a volume',
  examples: [
    ['lunette vmfs ls disk.img', 'The names in the root'],
    ['lunette vmfs ls -l disk.img /iso', 'With modes, links, sizes and times'],
  ],
  positionals: {
    ...VOLUME_POSITIONAL,
    path: { type: 'string', default: '/', describe: 'A directory or file on the volume' },
  },
  options: {
    long: { alias: 'l', type: 'boolean', default: false, describe: 'Modes, links, sizes and times as well' },
    all: { alias: 'a', type: 'boolean', default: false, describe: 'The system files of the root as well' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON, everything that is known of each' },
    ...VOLUME_OPTIONS,
  },
  run: (args, terminal) =>
    withVolume(args, terminal, async (volume) => {
      const entries = await entriesOf(volume, args.path, args.all)
      const { stdout } = terminal
      if (args.json) stdout.write(`${JSON.stringify(entries)}\n`)
      else
        for (const line of args.long ? formatTable(COLUMNS, entries).slice(1) : entries.map(nameOf))
          stdout.write(`${line}\n`)
      return 0
    }),
})

interface Entry {
  readonly name: string
  readonly type: 'directory' | 'file' | 'link' | 'system' | 'raw device'
  readonly size: number
  readonly mode: number
  readonly links: number
  readonly uid: number
  readonly gid: number
  readonly modified: string
  readonly address: string
  readonly target?: string
}

const COLUMNS: readonly Column<Entry>[] = [
  { title: 'MODE', value: modeOf },
  { title: 'LINKS', right: true, value: ({ links }) => links },
  { title: 'UID', right: true, value: ({ uid }) => uid },
  { title: 'GID', right: true, value: ({ gid }) => gid },
  { title: 'SIZE', right: true, value: ({ size }) => size },
  { title: 'MODIFIED', value: ({ modified }) => modified.replace('T', ' ').replace('.000Z', '') },
  {
    title: 'NAME',
    value: (entry) => `${nameOf(entry)}${entry.target === undefined ? '' : ` -> ${printable(entry.target)}`}`,
  },
]

const nameOf = ({ name }: Entry): string => printable(name)

/** By name, as the bytes sort. */
async function entriesOf(volume: Volume, path: string, all: boolean): Promise<Entry[]> {
  const { path: found, file } = await lookup(volume, path)
  if (!isDirectory(file.meta)) return [await describe(volume, found.slice(found.lastIndexOf('/') + 1), file)]
  const entries: Entry[] = []
  for await (const { name, type, address } of volume.entries(file)) {
    const hidden = name === '.' || name === '..' || type === FILE_TYPE.system
    if (all || !hidden) entries.push(await describe(volume, name, await volume.readFileDescriptor(address)))
  }
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

const TYPES: Readonly<Record<number, Entry['type']>> = {
  [FILE_TYPE.directory]: 'directory',
  [FILE_TYPE.file]: 'file',
  [FILE_TYPE.symlink]: 'link',
  [FILE_TYPE.system]: 'system',
  [FILE_TYPE.rawDeviceMapping]: 'raw device',
}

async function describe(volume: Volume, name: string, file: FileDescriptor): Promise<Entry> {
  const { type, length, mode, links, uid, gid, modifiedAt } = file.meta
  return {
    ...{ name, type: TYPES[type]!, size: length, mode: mode & PERMISSIONS, links, uid, gid },
    modified: new Date(modifiedAt * 1000).toISOString(),
    address: `0x${file.address.toString(16).padStart(8, '0')}`,
    ...(type === FILE_TYPE.symlink && { target: await readLink(volume, file) }),
  }
}

const PERMISSIONS = 0o7777
const LETTERS: Readonly<Record<Entry['type'], string>> = {
  directory: 'd',
  file: '-',
  link: 'l',
  system: '-',
  'raw device': 'c',
}
const STICKY = 0o1000

/** As ls prints it: drwxr-xr-t. */
function modeOf({ type, mode }: Entry): string {
  const bits = [...'rwxrwxrwx'].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'))
  if (mode & STICKY) bits[8] = bits[8] === 'x' ? 't' : 'T'
  return LETTERS[type] + bits.join('')
}
