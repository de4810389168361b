// lunette vmfs lockmode: how the hosts of volumes lock them, in the layout of `esxcli storage vmfs lockmode list`, and to change it.

import { readHeartbeats } from '../../host/vmfs/heartbeats.ts'
import { type LockMode, lockModeOf, lockModeText } from '../../host/vmfs/lock-mode.ts'
import { whyNoAts } from '../../host/vmfs/locking/why-no-ats.ts'
import { CURE, strandedHosts, strandedText } from '../../host/vmfs/locking-mode.ts'
import { type LockModeChange, setLockMode } from '../../host/vmfs/set-lock-mode.ts'
import type { Volume } from '../../host/vmfs/volume.ts'
import { command, type Group, UsageError } from '../command.ts'
import { jsonLine, printable } from '../print-sections.ts'
import { type Column, formatTable } from '../table.ts'
import {
  closeAll,
  explained,
  LUN_VOLUME_OPTIONS,
  LUN_VOLUME_POSITIONAL,
  openDevices,
  VOLUME_OPTIONS,
  VOLUME_POSITIONAL,
  withVolume,
} from './volume-options.ts'

const URL = 'iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0'

const list = command({
  name: 'list',
  describe: 'How the hosts of volumes lock them, and whether that can be changed',
  examples: [
    [`lunette vmfs lockmode list ${URL}`, 'A volume on a LUN'],
    ['lunette vmfs lockmode list iscsi://... iscsi://... --json', 'Several, for programs'],
  ],
  positionals: {
    volume: { ...VOLUME_POSITIONAL.volume, array: true, describe: `${VOLUME_POSITIONAL.volume.describe}; or several` },
  },
  options: { json: { type: 'boolean', default: false, describe: 'Print one line of JSON' }, ...VOLUME_OPTIONS },
  async run({ volume: volumes, ...args }, terminal) {
    if (volumes.length > 1 && args.extent?.length)
      throw new UsageError('--extent goes with one VOLUME: it does not say of which of several it is a device')
    const rows: Row[] = []
    const failures: unknown[] = []
    for (const volume of volumes)
      await withVolume({ ...args, volume }, terminal, rowOf).then(
        (row) => rows.push(row),
        (error) => failures.push(error),
      )
    if (rows.length > 0) terminal.stdout.write(args.json ? jsonLine(rows) : `${lines(rows).join('\n')}\n`)
    if (failures.length > 0) throw failures[0]
    return 0
  },
})

type Row = Awaited<ReturnType<typeof rowOf>>

async function rowOf(volume: Volume) {
  const { descriptor, version, logical } = volume
  const state = lockModeOf(volume)
  const why = await whyNoAts(
    logical.extents.map(({ device }) => device),
    { readOnly: true },
  )
  const stranded = strandedHosts(volume, await readHeartbeats(logical, version))
  return {
    volumeName: descriptor.label,
    uuid: descriptor.uuid,
    type: `VMFS-${version.version}`,
    lockingMode: lockModeText(state),
    atsCompatible: why === undefined,
    atsUpgradeModes:
      why !== undefined || state.mode === 'ATS-only' ? 'None' : stranded.length > 0 ? 'Offline' : 'Online',
    atsIncompatibilityReason: why ?? null,
    stranded: stranded.map((slot) => ({
      ...{ host: slot.owner, ip: slot.ip, slot: slot.slotOffset, lockImplementation: slot.lockImplementation },
      message: `${strandedText(slot, state.mode)}: ${CURE}`,
    })),
  }
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Volume Name', value: ({ volumeName }) => printable(volumeName) },
  { title: 'UUID', value: ({ uuid }) => uuid },
  { title: 'Type', value: ({ type }) => type },
  { title: 'Locking Mode', value: ({ lockingMode }) => lockingMode },
  { title: 'ATS Compatible', value: ({ atsCompatible }) => String(atsCompatible) },
  { title: 'ATS Upgrade Modes', value: ({ atsUpgradeModes }) => atsUpgradeModes },
  {
    title: 'ATS Incompatibility Reason',
    value: ({ atsIncompatibilityReason }) => printable(atsIncompatibilityReason ?? ''),
  },
]

/** As esxcli does it: a rule of dashes below each title. */
function lines(rows: readonly Row[]): string[] {
  const [titles, ...others] = formatTable(COLUMNS, rows)
  const widths = COLUMNS.map(({ title, value }) =>
    Math.max(title.length, ...rows.map((row) => String(value(row)).length)),
  )
  const stranded = rows.flatMap((row) => row.stranded.map(({ message }) => `${row.volumeName}: ${message}`))
  return [
    titles!,
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...others,
    ...(stranded.length > 0 ? ['', ...stranded.map(printable)] : []),
  ]
}

const set = command({
  name: 'set',
  describe: 'Change how the hosts of a volume lock it; pending while other hosts have it open',
  examples: [
    [`lunette vmfs lockmode set ${URL} --scsi`, 'For an array that is to do without ATS'],
    [`lunette vmfs lockmode set ${URL} --ats`, 'By ATS alone again'],
  ],
  positionals: LUN_VOLUME_POSITIONAL,
  options: {
    ats: { type: 'boolean', default: false, describe: 'ATS-only' },
    scsi: { type: 'boolean', default: false, describe: 'ATS+SCSI: where ATS fails, by SCSI reservations' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON' },
    ...LUN_VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    if (args.ats === args.scsi)
      throw new UsageError(`give ${args.ats ? 'one of --ats and --scsi, not both' : '--ats or --scsi'}`)
    const mode = args.ats ? 'ATS-only' : 'ATS+SCSI'
    const devices = await openDevices(args, terminal, { readOnly: false })
    try {
      const onEvent = ({ text }: { readonly text: string }) => terminal.stderr.write(`${text}\n`)
      const change = await explained(args, () => setLockMode(devices, mode, { onEvent }))
      terminal.stdout.write(args.json ? jsonLine(toJson(change)) : `${changed(change, mode)}\n`)
      return 0
    } finally {
      await closeAll(devices)
    }
  },
})

const toJson = ({ before, after, hosts }: LockModeChange) => ({
  before: lockModeText(before),
  lockingMode: lockModeText(after),
  hosts: after.isPending ? hosts.map(({ owner, ip, slotOffset }) => ({ host: owner, ip, slot: slotOffset })) : [],
})

function changed({ before, after, hosts }: LockModeChange, mode: LockMode): string {
  if (!after.isPending) return before.mode === mode && !before.isPending ? `it is ${mode} already` : `it is ${mode} now`
  const open = hosts.map(({ owner, ip }) => `${owner}${ip === '' ? '' : ` (${printable(ip)})`}`).join(', ')
  return `${lockModeText(after)}: it is ${mode} when the last host has closed the volume, which these have open: ${open}`
}

export const vmfsLockmode: Group = {
  kind: 'group',
  name: 'lockmode',
  describe: 'How the hosts of a volume lock it: by ATS alone, or by SCSI reservations too',
  examples: [[`lunette vmfs lockmode list ${URL}`, 'Of a volume on a LUN']],
  commands: [list, set],
}
