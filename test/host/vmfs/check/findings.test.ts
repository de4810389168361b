// Every finding: planted alone in a healthy volume of each version it is found by its name and place, and mended where it can be.

import { beforeAll, describe, expect, test } from 'vitest'
import { checkVolume } from '../../../../src/host/vmfs/check/check.ts'
import { repairVolume } from '../../../../src/host/vmfs/check/repair.ts'
import { FINDINGS, type FindingName } from '../../../../src/host/vmfs/check/report.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { treeOf } from '../writing-volumes.ts'
import { FILE_PLANTS } from './file-plants.ts'
import { healthyVolume, Planted } from './planted-volume.ts'
import { VOLUME_PLANTS } from './volume-plants.ts'

const PLANTS = [...VOLUME_PLANTS, ...FILE_PLANTS]

const healthy: Partial<Record<5 | 6, MemoryDevice>> = {}
beforeAll(async () => {
  for (const version of [5, 6] as const) healthy[version] = await healthyVolume(version)
}, 60_000)

const names = (findings: readonly { readonly name: FindingName }[]) => findings.map(({ name }) => name).sort()
const check = async (device: MemoryDevice) => await checkVolume(await openVolume([device.fork()]))

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('a healthy volume has no findings', async () => {
    const { findings, more, totals, hosts } = await check(healthy[version]!)
    expect(findings).toEqual([])
    expect(more).toBe(0)
    expect(hosts).toEqual([])
    expect(totals).toMatchObject({ directories: 5, symlinks: 1 })
  })

  test('repair of a healthy volume mends nothing', async () => {
    const device = healthy[version]!.fork()
    const { report, recovered } = await repairVolume([device])
    expect([report.findings, report.mended, report.hosts, recovered]).toEqual([[], [], [], []])
  })

  test.each(
    PLANTS.filter((plant) => (plant.version ?? version) === version).map(
      (plant) => [plant.name, plant.what, plant] as const,
    ),
  )('%s: %s', async (name, _, { plant, also = [], left = [] }) => {
    const planted = await Planted.of(healthy[version]!)
    const told = await plant(planted)
    const { findings } = await check(planted.device)
    expect(names(findings)).toEqual([name, ...also].sort())
    expect(findings.filter((finding) => finding.name === name)).toContainEqual(expect.objectContaining(told))
    for (const { message } of findings) expect(message).not.toMatch(/undefined|NaN|\[object/)

    const { report } = await repairVolume([planted.device.fork()])
    expect(names(report.findings)).toEqual([...left].sort())
    if (left.length === 0) expect(names(report.mended)).toContain(name)
  })

  test('what is not damaged is there after a repair', async () => {
    const before = await treeOf(await openVolume([healthy[version]!.fork()]))
    const planted = await Planted.of(healthy[version]!)
    for (const { name, plant } of PLANTS.filter((each) => (each.version ?? version) === version))
      if (name === 'cluster header' || name === 'lock offset' || name === 'link count') await plant(planted)
    const repaired = planted.device.fork()
    await repairVolume([repaired])
    expect(await treeOf(await openVolume([repaired.fork()]))).toEqual(before)
  })
})

test('every finding is planted in some volume', () => {
  const planted = new Set(PLANTS.map(({ name }) => name))
  // dead-host.test.ts
  const elsewhere = ['heartbeat of a dead host', 'stranded host', 'journal unreadable', 'journal unapplied']
  expect(FINDINGS.filter((name) => !planted.has(name) && !elsewhere.includes(name))).toEqual([])
})
