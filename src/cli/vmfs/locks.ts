// lunette vmfs locks VOLUME: the locks of a volume that hosts hold, of files and of clusters of its resource files.

import { pathsOf } from '../../host/vmfs/paths-of.ts'
import { type HeldLock, heldLocks } from '../../host/vmfs/space.ts'
import { LOCK_MODE, type Lock } from '../../host/vmfs/structures/lock.ts'
import type { Volume } from '../../host/vmfs/volume.ts'
import { command } from '../command.ts'
import { printable } from '../print-sections.ts'
import type { Column } from '../table.ts'
import { type BlockOnDevice, blockColumns, blockOf } from './block-of.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withVolume } from './volume-options.ts'
import { showTable, WATCH_OPTIONS } from './watch.ts'

export const vmfsLocks = command({
  name: 'locks',
  describe: 'The locks of a volume that hosts hold: what each guards, how it is held, and by whom',
  examples: [
    ['lunette vmfs locks iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'A volume on a LUN'],
    ['lunette vmfs locks disk.img --watch', 'Again each second, until it is interrupted'],
  ],
  positionals: VOLUME_POSITIONAL,
  options: { ...WATCH_OPTIONS, ...VOLUME_OPTIONS },
  run: (args, terminal) =>
    withVolume(args, terminal, async (volume) => {
      volume.cache.keepNothing(volume.version.sectorBytes)
      await showTable(args, terminal, [...COLUMNS, ...blockColumns(volume)], () => rowsOf(volume))
      return 0
    }),
})

interface Row extends BlockOnDevice {
  readonly offset: number
  readonly guards: string
  /** Of a file; null where no directory names it. */
  readonly path: string | null
  readonly mode: string
  readonly generation: string
  readonly token: string
  readonly holders: readonly string[]
}

async function rowsOf(volume: Volume): Promise<Row[]> {
  const locks: HeldLock[] = []
  for await (const held of heldLocks(volume)) locks.push(held)
  const addresses = locks.flatMap(({ holder }) => ('address' in holder ? [holder.address] : []))
  const paths = addresses.length > 0 ? await pathsOf(volume, new Set(addresses)) : new Map<number, string>()
  return locks.map((held) => ({ ...rowOf(held, paths), ...blockOf(volume, held.offset) }))
}

const rowOf = (
  { holder, offset, lock }: HeldLock,
  paths: ReadonlyMap<number, string>,
): Omit<Row, keyof BlockOnDevice> => ({
  offset,
  guards:
    holder.kind === 'cluster'
      ? `${holder.file} cluster ${holder.cluster}`
      : `file descriptor 0x${holder.address.toString(16).padStart(8, '0')}`,
  path: ('address' in holder && paths.get(holder.address)) || null,
  mode: modeOf(lock),
  generation: String(lock.heartbeatGeneration),
  token: String(lock.token),
  holders:
    lock.mode === LOCK_MODE.exclusive || lock.holders.length === 0
      ? [lock.owner]
      : lock.holders.map(({ host }) => host),
})

const MODES = new Map<number, string>([
  [LOCK_MODE.exclusive, 'exclusive'],
  [LOCK_MODE.readOnly, 'read-only'],
  [LOCK_MODE.multiWriter, 'multi-writer'],
])
const modeOf = ({ mode }: Lock): string => MODES.get(mode) ?? `0x${mode.toString(16)}`

const COLUMNS: readonly Column<Row>[] = [
  { title: 'LOCK', right: true, value: ({ offset }) => offset },
  { title: 'GUARDS', value: ({ guards }) => guards },
  { title: 'PATH', value: ({ path }) => (path === null ? '-' : printable(path)) },
  { title: 'MODE', value: ({ mode }) => mode },
  { title: 'GENERATION', right: true, value: ({ generation }) => generation },
  { title: 'TOKEN', right: true, value: ({ token }) => token },
  { title: 'HOLDERS', value: ({ holders }) => holders.join(', ') },
]
