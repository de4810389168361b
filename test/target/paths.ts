// One target behind several portals, and a host that sees its LUNs on every path.

import type { ArrayInput } from '../../src/index.ts'
import type { TestArray } from './array.ts'
import type { Disk } from './disk.ts'

/** Portals on free ports. */
export const portals = (count: number): ArrayInput => ({ portals: Array<string>(count).fill('127.0.0.1:0') })

export const portOf = (array: TestArray, portal: number): number =>
  Number(array.running.portals[portal]!.split(':').at(-1))

/** The LUN through one portal, its unit attentions taken. */
export const diskThrough = (array: TestArray, portal: number, lun = 0, targetName = array.iqn): Promise<Disk> =>
  array.disk(lun, { port: portOf(array, portal), targetName })
