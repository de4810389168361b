// One check of the vmfs-tools suite: a command of vmfs-format.md section 14 on one of the suite's volumes.

import { requireThat, type Tools } from '../suites/checks.ts'
import type { VmfsVersion } from './data-set.ts'
import { FSCK_COUNTERS, fsckCounters } from './output.ts'
import { READERS, type Volume } from './readers.ts'
import type { Volumes } from './volumes.ts'

export interface VmfsCheck {
  readonly kind: string
  readonly test: string
  run(tools: Tools, volumes: Volumes): Promise<void>
}

type Run = (tools: Tools, volume: Volume, debug: (...words: string[]) => Promise<string>) => Promise<void>

/** Runs on the volume with every file, or another one. */
export const check =
  (version: VmfsVersion, which: 'filled' | 'spanned' | 'locked' = 'filled') =>
  (test: string, run: Run): VmfsCheck => ({
    kind: which === 'filled' ? `vmfs${version}` : `${which}${version}`,
    test,
    async run(tools, volumes) {
      const volume = await volumes[which](version, tools)
      const command = [READERS[version].debug, ...volume.images]
      await run(tools, volume, (...words) => tools.run([...command, ...words]))
    },
  })

export const equal = (found: unknown, wanted: unknown, what: string) =>
  requireThat(`${found}` === `${wanted}`, `${what} should be ${wanted}`, `${found}`)

/** All five counters, as the exit status says nothing (gotcha 3). */
export async function fsck({ run }: Tools, { images }: Volume) {
  const output = await run(['fsck.vmfs', ...images])
  const counters = fsckCounters(output)
  for (const counter of FSCK_COUNTERS) requireThat(counters[counter] === 0, `${counter} should be 0`, output)
}
