// What `lunette serve` prints once it runs: portals, targets, their LUNs, and the lines to type next.

import { resolve } from 'node:path'
import type { Identity } from '../config/identity.ts'
import type { ArrayConfig, LunConfig, TargetConfig } from '../config/schema.ts'
import { formatSize } from '../config/size.ts'
import { type Style, styleOf } from './color.ts'
import { nextLines, reachable } from './hints.ts'
import { type Column, formatTable } from './table.ts'

export interface Served {
  readonly config: ArrayConfig
  /** As they listen, in the order of the configuration. */
  readonly portals: readonly string[]
  readonly version: string
  identity(iqn: string, lun: LunConfig): Identity | undefined
}

/** For people. */
export function describeArray(served: Served, color: boolean): string {
  const style = styleOf(color)
  const { config, portals, version } = served
  const lines = [
    `${style('bold', `Lunette ${version}`)} serves ${counted(config)} on ${portals.join(', ')}`,
    ...(hasImages(config) ? [style('dim', `images and state in ${resolve(config.data)}`)] : []),
    ...config.targets.flatMap((target) => ['', ...describeTarget(served, target, style)]),
    ...describeNext(served, style),
  ]
  return `${lines.join('\n')}\n`
}

/** For programs: one line. */
export function toJson({ config, portals, version, identity }: Served): string {
  const targets = config.targets.map((target) => ({
    iqn: target.iqn,
    portals: portalsOf(portals, target),
    authentication: authenticationOf(target),
    luns: target.luns.map((lun) => ({
      id: lun.id,
      size: lun.size,
      store: lun.store,
      provisioning: lun.provisioning,
      blockSize: lun.blockSize,
      readOnly: lun.readOnly,
      ...identity(target.iqn, lun),
    })),
  }))
  return `${JSON.stringify({ pid: process.pid, version, data: resolve(config.data), portals, targets })}\n`
}

function authenticationOf({ auth }: TargetConfig): 'none' | 'CHAP' | 'mutual CHAP' {
  if (!auth) return 'none'
  return auth.mutual ? 'mutual CHAP' : 'CHAP'
}

function counted({ targets }: ArrayConfig): string {
  const luns = targets.reduce((sum, target) => sum + target.luns.length, 0)
  const some = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  return targets.length === 1 ? some(luns, 'LUN') : `${some(luns, 'LUN')} of ${some(targets.length, 'target')}`
}

function hasImages({ targets }: ArrayConfig): boolean {
  return targets.some(({ luns }) => luns.some(({ store }) => 'path' in store))
}

function portalsOf(portals: readonly string[], target: TargetConfig): string[] {
  return target.portals === 'all' ? [...portals] : target.portals.map((index) => portals[index] ?? '')
}

function describeTarget({ portals, identity }: Served, target: TargetConfig, style: Style): string[] {
  const where = target.portals === 'all' ? '' : ` on ${portalsOf(portals, target).join(', ')}`
  const proof = target.auth ? `, ${authenticationOf(target)}` : ''
  const name = `${style('bold', target.iqn)}${where}${proof}`
  if (target.luns.length === 0) return [name, '  no LUNs']
  const columns: Column<LunConfig>[] = [
    { title: 'LUN', right: true, value: ({ id }) => id },
    { title: 'SIZE', right: true, value: ({ size }) => formatSize(size) },
    { title: 'STORE', value: ({ store }) => ('path' in store ? `${store.type} ${store.path}` : store.type) },
    { title: 'PROVISIONING', value: ({ provisioning, readOnly }) => `${provisioning}${readOnly ? ', read-only' : ''}` },
    { title: 'BLOCK', right: true, value: ({ blockSize }) => blockSize },
    { title: 'NAA', value: (lun) => identity(target.iqn, lun)?.naa ?? '' },
  ]
  const [titles = '', ...rows] = formatTable(columns, target.luns)
  return [name, `  ${style('dim', titles)}`, ...rows.map((row) => `  ${row}`)]
}

/** For the first target that has a LUN, on its first portal. */
function describeNext({ config, portals }: Served, style: Style): string[] {
  const target = config.targets.find(({ luns }) => luns.length > 0) ?? config.targets[0]
  const portal = target && portalsOf(portals, target)[0]
  if (!portal) return []
  const users = {
    discovery: config.discoveryAuth?.chap?.user,
    target: target.auth?.chap?.user,
    mutual: target.auth?.mutual?.user,
  }
  const lines = nextLines(reachable(portal), target.iqn, target.luns[0]?.id, users)
  return ['', 'Type next, as it suits:', ...lines.map((line) => `  ${style('cyan', line)}`), '', 'Ctrl-C stops it.']
}
