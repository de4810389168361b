// What another configuration may change while the array runs. Every key of a LUN is judged here: who adds one says whether
// a running logical unit can take it. What depends on the unit itself (its names, how its store was opened) is judged
// where the units are.

import { normalize, resolve } from 'node:path'
import { listenOf } from './portal.ts'
import type { Path, Problem } from './problem.ts'
import type { ArrayConfig, LunConfig, TargetConfig } from './schema.ts'
import { formatSize } from './size.ts'

/** What is wrong with a value in place of another one, from the LUN on. */
type Rule<Value> = (before: Value, after: Value, at: Path) => Problem[]

type LunRules = { readonly [Key in keyof LunConfig]-?: Rule<LunConfig[Key]> }

const LUN: LunRules = {
  id: changes,
  store: (before, after, at) => {
    if (before.type !== after.type) return stays(before.type, after.type, [...at, 'store', 'type'])
    const [image, other] = [imageOf(before), imageOf(after)]
    return stays(image, other, [...at, 'store', 'path'])
  },
  size: (before, after, at) =>
    after >= before
      ? []
      : [problem([...at, 'size'], formatSize(after), `at least ${formatSize(before)} (a LUN does not shrink)`)],
  blockSize: (before, after, at) => stays(before, after, [...at, 'blockSize']),
  physicalBlockSize: (before, after, at) => stays(before, after, [...at, 'physicalBlockSize']),
  provisioning: (before, after, at) => stays(before, after, [...at, 'provisioning']),
  pool: (before, after, at) => stays(before, after, [...at, 'pool']),
  readOnly: changes,
  removable: changes,
  writeCache: changes,
  initiators: changes,
  presentations: changes,
  identity: changes,
  vaai: changes,
  limits: changes,
  dpoFua: changes,
  scsiVersion: changes,
  sanitizeSeconds: changes,
}

/** Everything that keeps `after` from taking the place of `before` on a running array, by its place in `after`. */
export function judgeChanges(before: ArrayConfig, after: ArrayConfig): Problem[] {
  return [
    ...stays(resolve(before.data), resolve(after.data), ['data']),
    ...judgePortals(before.portals.map(listenOf), after.portals.map(listenOf), ['portals']),
    ...after.targets.flatMap((target, index) => judgeTarget(before, target, ['targets', index])),
    ...judgeImages(before, after),
  ]
}

/** The LUN of that target with that id. */
export function lunOf({ targets }: ArrayConfig, iqn: string, id: number): LunConfig | undefined {
  return targets.find((target) => target.iqn === iqn)?.luns.find((lun) => lun.id === id)
}

function judgeTarget(before: ArrayConfig, target: TargetConfig, at: Path): Problem[] {
  const known = before.targets.find(({ iqn }) => iqn === target.iqn)
  if (!known) return []
  const luns = target.luns.flatMap((after, index) => {
    const lun = lunOf(before, target.iqn, after.id)
    return lun ? judgeLun(lun, after, [...at, 'luns', index]) : []
  })
  return [...judgePortals(known.portals, target.portals, [...at, 'portals']), ...luns]
}

/** Keys whose defaults follow others: where that is why they differ, it is told once. */
const FOLLOWS: { readonly [Key in keyof LunConfig]?: keyof LunConfig } = {
  physicalBlockSize: 'blockSize',
  provisioning: 'store',
  pool: 'store',
}

function judgeLun(before: LunConfig, after: LunConfig, at: Path): Problem[] {
  const judge = (key: keyof LunConfig): Problem[] => {
    const rule = LUN[key] as Rule<unknown>
    return rule(before[key], after[key], at)
  }
  const isTold = (key: keyof LunConfig | undefined): boolean => key !== undefined && judge(key).length > 0
  return (Object.keys(after) as (keyof LunConfig)[]).flatMap((key) => (isTold(FOLLOWS[key]) ? [] : judge(key)))
}

type Portals = 'all' | readonly (string | number)[]

function judgePortals(before: Portals, after: Portals, at: Path): Problem[] {
  if (before === 'all' || after === 'all' || before.length !== after.length)
    return String(before) === String(after) ? [] : [problem(at, after, untilRestart(listed(before)))]
  return before.flatMap((portal, index) => stays(portal, after[index], [...at, index]))
}

/** An image is open as long as its LUN runs: it cannot become another LUN's in one step. */
function judgeImages(before: ArrayConfig, after: ArrayConfig): Problem[] {
  const holders = new Map<string, string>()
  for (const { iqn, luns } of before.targets)
    for (const { id, store } of luns)
      if ('path' in store) holders.set(resolve(before.data, store.path), `${iqn} LUN ${id}`)
  return after.targets.flatMap(({ iqn, luns }, target) =>
    luns.flatMap(({ id, store }, lun) => {
      if (!('path' in store) || lunOf(before, iqn, id)) return []
      const holder = holders.get(resolve(after.data, store.path))
      if (!holder) return []
      const allowed = `an image that no LUN of the running array has (${holder} has this one: first take it away, and reload)`
      return [problem(['targets', target, 'luns', lun, 'store', 'path'], store.path, allowed)]
    }),
  )
}

function changes(): Problem[] {
  return []
}

function stays(before: unknown, after: unknown, path: Path): Problem[] {
  return before === after ? [] : [problem(path, after, untilRestart(String(before)))]
}

const problem = (path: Path, found: unknown, allowed: string): Problem => ({ path, found, allowed })

const untilRestart = (allowed: string): string => `${allowed} (on the running array; restart it to change this)`

const listed = (portals: Portals): string => (portals === 'all' ? portals : portals.join(', '))

const imageOf = (store: LunConfig['store']): string | undefined => ('path' in store ? normalize(store.path) : undefined)
