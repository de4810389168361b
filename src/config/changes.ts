// What is different between two configurations, in words for a log: one line for each target, LUN, pool and key that a
// running array can take over.

import { SIZES } from './limits.ts'
import type { ArrayConfig, LunConfig, PoolConfig, TargetConfig } from './schema.ts'
import { Secret } from './secret.ts'
import { formatSize } from './size.ts'

/** `iqn.2026-11.io.lunette:array1 LUN 3: added, 64MiB, memory`, each a line. */
export type Changes = readonly string[]

export function describeChanges(before: ArrayConfig, after: ArrayConfig): Changes {
  const removed = missing(before.targets, after.targets, 'iqn')
  return [
    ...removed.map(({ iqn }) => `${iqn}: removed`),
    ...after.targets.flatMap((target) => {
      const known = before.targets.find(({ iqn }) => iqn === target.iqn)
      return known
        ? inTarget(known, target)
        : [`${target.iqn}: added, with ${target.luns.length === 1 ? '1 LUN' : `${target.luns.length} LUNs`}`]
    }),
    ...different(inWords(before), inWords(after)),
    ...missing(before.pools, after.pools, 'name').map(({ name }) => `pool ${name}: removed`),
    ...after.pools.flatMap((pool) => {
      const known = before.pools.find(({ name }) => name === pool.name)
      if (!known) return [`pool ${pool.name}: added, ${formatSize(pool.capacity)}`]
      return different(poolInUnits(known), poolInUnits(pool)).map((line) => `pool ${pool.name}: ${line}`)
    }),
  ]
}

function inTarget(before: TargetConfig, after: TargetConfig): string[] {
  const { iqn } = after
  return [
    ...missing(before.luns, after.luns, 'id').map(({ id }) => `${iqn} LUN ${id}: removed`),
    ...after.luns.flatMap((lun) => {
      const known = before.luns.find(({ id }) => id === lun.id)
      if (!known) return [`${iqn} LUN ${lun.id}: added, ${formatSize(lun.size)}, ${lun.store.type}`]
      return different(inUnits(known), inUnits(lun)).map((line) => `${iqn} LUN ${lun.id}: ${line}`)
    }),
    ...different(without(before, 'luns'), without(after, 'luns')).map((line) => `${iqn}: ${line}`),
  ]
}

function missing<Key extends string, Item extends { readonly [K in Key]: unknown }>(
  from: readonly Item[],
  others: readonly Item[],
  key: Key,
): Item[] {
  const kept = new Set(others.map((item) => item[key]))
  return from.filter((item) => !kept.has(item[key]))
}

/** `vaai.ats true -> false`, in the order of the keys. */
function different(before: unknown, after: unknown, path = ''): string[] {
  if (before instanceof Secret && after instanceof Secret) return before.equals(after) ? [] : [`${path} changed`]
  if (isMapping(before) && isMapping(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      different(before[key], after[key], path ? `${path}.${key}` : key),
    )
  const [was, is] = [JSON.stringify(before), JSON.stringify(after)]
  return was === is ? [] : [`${path} ${was ?? 'nothing'} -> ${is ?? 'nothing'}`]
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the array has beside targets and pools. */
const inWords = ({ portals, discoveryAuth, limits }: ArrayConfig) => ({
  portals,
  discoveryAuth,
  limits: { ...limits, ...Object.fromEntries(SIZES.map((key) => [key, formatSize(limits[key])])) },
})

const poolInUnits = (pool: PoolConfig) => ({ ...pool, capacity: formatSize(pool.capacity) })

const inUnits = (lun: LunConfig) => ({ ...lun, size: formatSize(lun.size) })

function without<Whole extends object>(whole: Whole, key: keyof Whole): Partial<Whole> {
  const { [key]: _, ...rest } = whole
  return rest as Partial<Whole>
}
