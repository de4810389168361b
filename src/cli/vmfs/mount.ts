// lunette vmfs mount VOLUME: hosts that have a volume open until they are interrupted, and what they tell meanwhile.

import { makeHostUuid } from '../../host/vmfs/host-identity.ts'
import { MAX_HOSTS } from '../../host/vmfs/storm/options.ts'
import { command, UsageError } from '../command.ts'
import { printable } from '../print-sections.ts'
import { openTrace } from '../trace-file.ts'
import { HOW, MAX_HOLDERS, MountedHost, type MountPlan, OPEN_MODES, type OpenName } from './mounted-host.ts'
import { Teller } from './teller.ts'
import {
  explained,
  interruptible,
  isUrl,
  LUN_VOLUME_OPTIONS,
  LUN_VOLUME_POSITIONAL,
  openDevices,
  type VolumeArgs,
} from './volume-options.ts'

const URL = 'iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0'

export const vmfsMount = command({
  name: 'mount',
  describe: 'Be a host that has a volume open, or several, and tell what happens, until interrupted',
  examples: [
    [`lunette vmfs mount ${URL}`, 'A host; SIGINT or SIGTERM ends it in order'],
    [`lunette vmfs mount ${URL} --hosts 4 --json`, 'Four hosts, and events for programs'],
    [`lunette vmfs mount ${URL} --open /disk.vmdk --mode read-only`, 'A host that holds a file open'],
  ],
  positionals: LUN_VOLUME_POSITIONAL,
  options: {
    hosts: {
      type: 'number',
      requiresArg: true,
      default: 1,
      describe: `Hosts, each with sessions and a heartbeat of its own: 1 to ${MAX_HOSTS}`,
    },
    open: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'A file that each host holds open; may be repeated',
    },
    mode: {
      choices: Object.keys(OPEN_MODES) as OpenName[],
      describe:
        'How --open does: exclusive, for one host, without it; or for as many as 8 that read the file, or write it',
    },
    'no-ats': {
      type: 'boolean',
      default: false,
      describe: 'Lock by SCSI reservations alone, as with /VMFS3/HardwareAcceleratedLocking 0; not on ATS-only volumes',
    },
    'no-ats-heartbeat': {
      type: 'boolean',
      default: false,
      describe: 'Beat by plain writes, as with /VMFS3/UseATSForHBOnVMFS5 0',
    },
    trace: {
      type: 'string',
      requiresArg: true,
      describe:
        'Append every command for locks and heartbeats to this file, by the operation that it was for, a line of JSON each',
    },
    json: { type: 'boolean', default: false, describe: 'Print each event as one line of JSON' },
    ...LUN_VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    const untraced = planOf(args)
    const trace =
      args.trace === undefined
        ? undefined
        : await openTrace(args.trace, (problem) => void terminal.stderr.write(`${problem}\n`))
    const plan: MountPlan = { ...untraced, ...(trace && { trace }) }
    const teller = new Teller(terminal, args.json)
    const open = () => openDevices(args, terminal, { readOnly: false })
    return await interruptible(terminal, (interrupt) =>
      explained(args, async () => {
        const hosts: MountedHost[] = []
        const allLost = new AbortController()
        const lost = () => {
          if (hosts.every(({ isLost }) => isLost)) allLost.abort()
        }
        try {
          while (hosts.length < args.hosts && !interrupt.aborted && !allLost.signal.aborted) {
            const host = new MountedHost(makeHostUuid(), teller, lost)
            hosts.push(host)
            await host.mount(await open(), plan)
          }
          await anyAborted(interrupt, allLost.signal)
        } finally {
          await endAll(hosts).finally(() => trace?.close())
        }
        return hosts.some(({ isLost }) => isLost) ? 1 : 0
      }),
    )
  },
})

interface Args extends VolumeArgs {
  readonly hosts: number
  readonly open: readonly string[] | undefined
  readonly mode: OpenName | undefined
  readonly 'no-ats': boolean
  readonly 'no-ats-heartbeat': boolean
}

function planOf(args: Args): MountPlan {
  const { hosts, open = [], mode = 'exclusive' } = args
  if (!(Number.isInteger(hosts) && hosts >= 1 && hosts <= MAX_HOSTS))
    throw new UsageError(
      `--hosts: found ${Number.isNaN(hosts) ? 'no number' : hosts}; allowed: a whole number from 1 to ${MAX_HOSTS}`,
    )
  const image = [args.volume, ...(args.extent ?? [])].find((name) => !isUrl(name))
  if (image !== undefined)
    throw new UsageError(
      `${printable(image)} is no URL of a LUN: an image has no other hosts, and nothing is locked on it; put it behind an array`,
    )
  if (args.mode !== undefined && open.length === 0)
    throw new UsageError('--mode says how files are held open: name one with --open')
  const most = mode === 'exclusive' ? 1 : MAX_HOLDERS
  if (open.length > 0 && hosts > most)
    throw new UsageError(
      `--hosts ${hosts}: a file is open ${HOW[mode]} on ${most === 1 ? 'one host' : `at most ${most} hosts`}`,
    )
  return {
    paths: open,
    mode,
    locking: { acceleratedLocking: !args['no-ats'], heartbeatByAts: !args['no-ats-heartbeat'] },
  }
}

/** @throws what the first of them fails with, once all have ended */
async function endAll(hosts: readonly MountedHost[]): Promise<void> {
  const ends = await Promise.allSettled(hosts.map((host) => host.end()))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}

function anyAborted(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals])
  return new Promise((resolve) => {
    if (any.aborted) resolve()
    else any.addEventListener('abort', () => resolve(), { once: true })
  })
}
