// Which runs of the hosts there are, how long and by which seed: from the environment.

import type { VmfsVersion } from '../vmfs/data-set.ts'
import type { RunMode } from './run.ts'

interface Kind {
  readonly mode: RunMode
  readonly version: VmfsVersion
}

export const KINDS: Readonly<Record<string, Kind>> = {
  ats5: { mode: 'ats', version: 5 },
  scsi6: { mode: 'scsi', version: 6 },
  'ats-off5': { mode: 'ats-off', version: 5 },
  ats6: { mode: 'ats', version: 6 },
  scsi5: { mode: 'scsi', version: 5 },
  'ats-off6': { mode: 'ats-off', version: 6 },
}
const USUAL = ['ats5', 'scsi6', 'ats-off5']

/** The seed repeats what hosts and chaos choose, not when each gets its turn. */
export interface Settings {
  readonly seed: number
  readonly seconds: number
  readonly kinds: readonly string[]
}

/** @throws Error for a variable that says nothing of use: a run of no time would find nothing */
export function settings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const { LUNETTE_HOSTS_SEED: seed, LUNETTE_HOSTS_SECONDS: seconds = '60', LUNETTE_HOSTS_RUNS: runs } = environment
  const kinds = runs === 'all' ? Object.keys(KINDS) : (runs?.split(',') ?? USUAL)
  const unknown = kinds.find((kind) => !(kind in KINDS))
  if (unknown !== undefined)
    throw new Error(`LUNETTE_HOSTS_RUNS: there is no run ${unknown}: name some of ${Object.keys(KINDS)}, or "all"`)
  return {
    seed: seed === undefined ? Date.now() % 100_000 : whole('LUNETTE_HOSTS_SEED', seed, 0),
    seconds: whole('LUNETTE_HOSTS_SECONDS', seconds, 1),
    kinds,
  }
}

function whole(name: string, text: string, least: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`${name}: found "${text}"; allowed: a whole number from ${least}`)
}
