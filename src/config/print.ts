// The effective configuration as text that loads again to the same thing: YAML for people, JSON for programs.

import { stringify } from 'yaml'
import { SIZES } from './limits.ts'
import type { ArrayConfig } from './schema.ts'
import { formatSize } from './size.ts'

/** YAML, sizes in the units that people use. */
export function toYaml(config: ArrayConfig): string {
  const targets = config.targets.map((target) => ({
    ...target,
    luns: target.luns.map((lun) => ({
      ...lun,
      size: formatSize(lun.size),
      limits: { ...lun.limits, copySegmentBytes: formatSize(lun.limits.copySegmentBytes) },
    })),
  }))
  const pools = config.pools.map((pool) => ({ ...pool, capacity: formatSize(pool.capacity) }))
  const sizes = Object.fromEntries(SIZES.map((key) => [key, formatSize(config.limits[key])]))
  const limits = { ...config.limits, ...sizes }
  return stringify({ ...config, limits, pools, targets }, { lineWidth: 0, aliasDuplicateObjects: false })
}
