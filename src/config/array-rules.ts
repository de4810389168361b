// What targets, logical units and portals must be to each other. The parts that are right by themselves are judged even
// when others are wrong, so that a user sees every error at once.

import { resolve } from 'node:path'
import type { z } from 'zod'
import { type LunPart, presentedTwice } from './presentations.ts'
import { formatPath, type Path, type Problem } from './problem.ts'
import {
  arraySchema,
  type LunConfig,
  lunSchema,
  NO_POOL,
  poolSchema,
  type TargetConfig,
  targetSchema,
} from './schema.ts'

/** One value that must not occur twice: as it is compared, and as it was given. */
interface Entry {
  readonly path: Path
  readonly key: unknown
  readonly found: unknown
}

/** The parts that parsed, and where they stand. */
interface TargetPart {
  readonly path: Path
  readonly iqn: string | undefined
  readonly portals: TargetConfig['portals'] | undefined
  readonly luns: readonly LunPart[]
}
interface Parts {
  readonly data: string
  /** How many there are, right or wrong. */
  readonly portalCount: number
  readonly portals: readonly Entry[]
  /** By name, those that have one. */
  readonly pools: readonly Entry[]
  readonly targets: readonly TargetPart[]
}

export function checkArray(input: unknown): Problem[] {
  const { data, portals, portalCount, pools, targets } = partsOf(input)
  const luns = targets.flatMap((target) => target.luns)
  const names = targets.map(({ path, iqn }) => ({ path: [...path, 'iqn'], key: iqn, found: iqn }))
  return [
    ...once(portals, 'each portal once'),
    ...targets.flatMap((target) => portalIndexes(target, portalCount)),
    ...once(names, 'a name that no other target has'),
    ...targets.flatMap((target) =>
      once(
        entries(target.luns, ['id'], ({ id }) => id),
        'an id that no other LUN of the target has',
      ),
    ),
    ...targets.flatMap((target) => presentedTwice(target.luns)),
    ...once(images(luns, data), 'an image that no other LUN has'),
    ...once(
      entries(luns, ['identity', 'naa'], ({ identity }) => chosen(identity.naa)),
      'a name that no other LUN has',
    ),
    ...once(
      entries(luns, ['identity', 'serial'], ({ identity }) => chosen(identity.serial)),
      'a serial number that no other LUN has',
    ),
    ...once(pools, 'a name that no other pool has'),
    ...unknownPools(luns, pools),
    ...oneProduct(luns),
  ]
}

/** Every entry but the first of those with the same key. */
function once(all: readonly Entry[], allowed: string): Problem[] {
  const firsts = new Map<unknown, Path>()
  return all.flatMap(({ path, key, found }) => {
    const first = firsts.get(key)
    if (key === undefined || first === undefined) {
      firsts.set(key, path)
      return []
    }
    return [{ path, found, allowed: `${allowed} (${formatPath(first.slice(0, path.length))} has this one)` }]
  })
}

function entries(luns: readonly LunPart[], at: string[], pick: (lun: LunConfig) => unknown): Entry[] {
  return luns.map(({ path, lun }) => ({ path: [...path, ...at], key: pick(lun), found: pick(lun) }))
}

function images(luns: readonly LunPart[], data: string): Entry[] {
  return luns.flatMap(({ path, lun: { store } }) =>
    'path' in store ? [{ path: [...path, 'store', 'path'], key: resolve(data, store.path), found: store.path }] : [],
  )
}

const chosen = (value: string) => (value === 'auto' ? undefined : value)

function unknownPools(luns: readonly LunPart[], pools: readonly Entry[]): Problem[] {
  const names = pools.map(({ key }) => key)
  const allowed =
    names.length > 0 ? `${NO_POOL}, or one of the pools: ${names.join(', ')}` : `${NO_POOL} (there is no pool)`
  return luns
    .filter(({ lun: { pool } }) => pool !== NO_POOL && !names.includes(pool))
    .map(({ path, lun: { pool } }) => ({ path: [...path, 'pool'], found: pool, allowed }))
}

/** VMware asks for one product identification, set before the first connection. */
function oneProduct(luns: readonly LunPart[]): Problem[] {
  const first = luns[0]
  if (!first) return []
  const product = first.lun.identity.product
  const allowed = `${JSON.stringify(product)}, as ${formatPath(first.path)} has it (all LUNs of an array report one product)`
  return luns
    .filter(({ lun }) => lun.identity.product !== product)
    .map(({ path, lun }) => ({ path: [...path, 'identity', 'product'], found: lun.identity.product, allowed }))
}

function portalIndexes({ path, portals }: TargetPart, portalCount: number): Problem[] {
  if (portals === undefined || portals === 'all') return []
  return portals.flatMap((index, i): Problem[] => {
    const at = [...path, 'portals', i]
    if (portals.indexOf(index) !== i) return [{ path: at, found: index, allowed: 'each index once' }]
    if (index < portalCount) return []
    return [{ path: at, found: index, allowed: `an index into portals, from 0 to ${portalCount - 1}` }]
  })
}

function partsOf(input: unknown): Parts {
  const array = mappingOf(input)
  const portals = listOf(array.portals ?? arraySchema.parse({}).portals)
  return {
    data: parsed(arraySchema.shape.data, array.data) ?? '.',
    portalCount: portals.length,
    portals: portals.map((found, i) => ({ path: ['portals', i], key: portalKey(found), found })),
    pools: listOf(array.pools ?? [{}]).flatMap((pool, i) => {
      const name = parsed(poolSchema.shape.name, mappingOf(pool).name)
      return name === undefined ? [] : [{ path: ['pools', i, 'name'], key: name, found: name }]
    }),
    targets: listOf(array.targets ?? [{}]).map((value, i) => targetPart(mappingOf(value), ['targets', i])),
  }
}

function targetPart(target: Record<string, unknown>, path: Path): TargetPart {
  const luns = listOf(target.luns ?? [{}]).flatMap((value, i) => {
    const lun = parsed(lunSchema, value)
    return lun ? [{ path: [...path, 'luns', i], lun }] : []
  })
  const { iqn, portals } = targetSchema.shape
  return { path, iqn: parsed(iqn, target.iqn), portals: parsed(portals, target.portals), luns }
}

/** Port 0 stands for a port of its own each time. */
function portalKey(portal: unknown): string | undefined {
  const text = mappingOf(portal).listen ?? portal
  return typeof text !== 'string' || /:0+$/.test(text) ? undefined : text.toLowerCase()
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined {
  const result = schema.safeParse(value)
  return result.success ? result.data : undefined
}

function mappingOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
