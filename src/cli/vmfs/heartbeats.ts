// lunette vmfs heartbeats VOLUME: the hosts that have a volume open for writing, by their heartbeat slots.

import { type Heartbeat, readHeartbeats } from '../../host/vmfs/heartbeats.ts'
import { NIL_UUID } from '../../host/vmfs/structures/uuid.ts'
import { command } from '../command.ts'
import { printable } from '../print-sections.ts'
import type { Column } from '../table.ts'
import { type BlockOnDevice, blockColumns, blockOf } from './block-of.ts'
import { VOLUME_OPTIONS, VOLUME_POSITIONAL, withVolume } from './volume-options.ts'
import { showTable, WATCH_OPTIONS } from './watch.ts'

export const vmfsHeartbeats = command({
  name: 'heartbeats',
  describe: 'The hosts that have a volume open for writing, and how long ago each was seen to live',
  examples: [
    ['lunette vmfs heartbeats iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'A volume on a LUN'],
    ['lunette vmfs heartbeats disk.img --watch', 'Again each second, until it is interrupted'],
  ],
  positionals: VOLUME_POSITIONAL,
  options: { ...WATCH_OPTIONS, ...VOLUME_OPTIONS },
  run: (args, terminal) =>
    withVolume(args, terminal, async (volume) => {
      const ages = new Ages()
      const columns: readonly Column<Row>[] = [...COLUMNS, ...blockColumns(volume)]
      await showTable(args, terminal, columns, async () =>
        (await readHeartbeats(volume.logical, volume.version)).map((slot) => ({
          ...rowOf(slot, ages.of(slot)),
          ...blockOf(volume, slot.slotOffset),
        })),
      )
      return 0
    }),
})

interface Row extends BlockOnDevice {
  readonly slot: number
  readonly owner: string
  readonly ip: string
  readonly generation: string
  /** Seconds since the slot was seen to change, by the clock here; null until it has been. */
  readonly unchangedSeconds: number | null
  readonly journal: number
  readonly replayedBy: string | null
}

/** A stamp is of its host's own clock: how old a beat is can only be known by watching. */
class Ages {
  readonly #seen = new Map<number, { readonly beat: string; readonly sinceMs: number }>()

  of({ slotOffset, owner, generation, stampUs }: Heartbeat): number | null {
    const beat = `${owner} ${generation} ${stampUs}`
    const now = performance.now()
    const before = this.#seen.get(slotOffset)
    if (before?.beat === beat) return Math.floor((now - before.sinceMs) / 1000)
    this.#seen.set(slotOffset, { beat, sinceMs: now })
    return before ? 0 : null
  }
}

const rowOf = (slot: Heartbeat, unchangedSeconds: number | null): Omit<Row, keyof BlockOnDevice> => ({
  ...{ slot: slot.slotOffset, owner: slot.owner, ip: slot.ip, generation: String(slot.generation), unchangedSeconds },
  journal: slot.journalOffset,
  replayedBy: slot.replayHost === NIL_UUID ? null : slot.replayHost,
})

const COLUMNS: readonly Column<Row>[] = [
  { title: 'SLOT', right: true, value: ({ slot }) => slot },
  { title: 'OWNER', value: ({ owner }) => owner },
  { title: 'IP', value: ({ ip }) => (ip === '' ? '-' : printable(ip)) },
  { title: 'GENERATION', right: true, value: ({ generation }) => generation },
  {
    title: 'UNCHANGED',
    right: true,
    value: ({ unchangedSeconds }) => (unchangedSeconds === null ? '-' : `${unchangedSeconds} s`),
  },
  { title: 'JOURNAL', right: true, value: ({ journal }) => (journal === 0 ? '-' : journal) },
  { title: 'REPLAYED BY', value: ({ replayedBy }) => replayedBy ?? '-' },
]
