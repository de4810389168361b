// lunette vmfs check VOLUME: everything on a volume against everything else, and with --repair mended.

import { checkVolume } from '../../host/vmfs/check/check.ts'
import { repairVolume } from '../../host/vmfs/check/repair.ts'
import type { Finding, Report } from '../../host/vmfs/check/report.ts'
import { openVolume } from '../../host/vmfs/volume.ts'
import { isColored, type Style, styleOf } from '../color.ts'
import { command, type Terminal, UsageError } from '../command.ts'
import { printable } from '../print-sections.ts'
import { counted, startProgress } from './progress.ts'
import {
  closeAll,
  explained,
  openDevices,
  VOLUME_OPTIONS,
  VOLUME_POSITIONAL,
  type VolumeArgs,
} from './volume-options.ts'

export const vmfsCheck = command({
  name: 'check',
  describe: 'Check a volume; exit code 1 when something is wrong with it',
  examples: [
    ['lunette vmfs check disk.img', 'Nothing is changed'],
    ['lunette vmfs check --repair disk.img', 'Finish what a host that is gone had begun, and mend what can be mended'],
  ],
  positionals: VOLUME_POSITIONAL,
  options: {
    repair: { type: 'boolean', default: false, describe: 'Mend what can be mended' },
    force: { type: 'boolean', default: false, describe: 'With --repair: whoever has the volume open is gone' },
    json: { type: 'boolean', default: false, describe: 'Print one line of JSON' },
    ...VOLUME_OPTIONS,
  },
  async run(args, terminal) {
    if (args.force && !args.repair) throw new UsageError('--force goes with --repair: a check alone disturbs nobody')
    const { report, recovered } = await inspect(args, terminal)
    const { stdout } = terminal
    if (args.json) stdout.write(`${JSON.stringify({ ...report, recovered }, jsonValue)}\n`)
    else stdout.write(`${lines(report, recovered, styleOf(isColored(stdout, terminal))).join('\n')}\n`)
    return report.findings.length === 0 ? 0 : 1
  },
})

type Args = VolumeArgs & { readonly repair: boolean; readonly force: boolean }

async function inspect(args: Args, terminal: Terminal): Promise<{ report: Report; recovered: readonly string[] }> {
  const devices = await openDevices(args, terminal, { readOnly: !args.repair })
  const progress = startProgress('check', counted('file'), terminal)
  const onProgress = ({ done, total }: { done: number; total?: number }) => progress.update({ done, total })
  const onEvent = ({ text }: { text: string }) => void terminal.stderr.write(`${text}\n`)
  try {
    return await explained(args, async () => {
      if (args.repair) return await repairVolume(devices, { onProgress, onEvent, recover: args.force })
      return { report: await checkVolume(await openVolume(devices), { onProgress }), recovered: [] }
    })
  } finally {
    progress.end()
    await closeAll(devices)
  }
}

const jsonValue = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

function lines(report: Report, recovered: readonly string[], style: Style): string[] {
  const { findings, more, mended, totals, hosts, locksOfTheDead } = report
  const { directories, files, symlinks, fileBlocks } = totals
  return [
    ...recovered.map((host) => `host ${host} was gone in the middle of its work: its journal has been replayed`),
    ...hosts.map(
      ({ uuid, ip }) => `host ${uuid}${ip === '' ? '' : ` (${printable(ip)})`} has the volume open for writing`,
    ),
    ...mended.map((finding) => `${style('green', 'mended')}  ${sentence(finding)}`),
    ...findings.map((finding) => `${style('red', 'wrong')}   ${sentence(finding)}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(locksOfTheDead > 0 ? [leftLocks(locksOfTheDead)] : []),
    `${counted('file')(files)}, ${counted('symbolic link')(symlinks)}, ${counted('director')(directories)
      .replace(/director$/, 'directory')
      .replace(/directors$/, 'directories')}, ` + `${fileBlocks.used} of ${fileBlocks.total} file blocks in use`,
    verdict(report),
  ]
}

const leftLocks = (count: number): string =>
  count === 1
    ? 'one lock was left by a host that is dead and buried: whoever wants it takes it'
    : `${count} locks were left by hosts that are dead and buried: whoever wants one takes it`

function sentence({ name, message, volumeOffset, repair }: Finding): string {
  const place = volumeOffset === undefined ? '' : ` (byte 0x${volumeOffset.toString(16)} of the volume)`
  return `${name}: ${printable(message)}${place}${repair === undefined ? '' : `; repair: ${repair}`}`
}

function verdict({ findings, more, mended }: Report): string {
  const left = findings.length + more
  const repaired = mended.length > 0 ? `${counted('finding')(mended.length)} mended, ` : ''
  if (left === 0) return `${repaired}nothing is wrong`
  const mendable = findings.filter(({ repair }) => repair !== undefined).length
  return `${repaired}${counted('finding')(left)}${mendable > 0 ? ': --repair mends what it can' : ''}`
}
