// lunette vmfs storm: a short one on a real array, as tables and as JSON, interrupted, and asked for what makes no sense.

import { expect, test } from 'vitest'
import { sharedVolume } from '../host/vmfs/locking/shared-volume.ts'
import type { LunInput } from '../target/array.ts'
import { runHere } from './terminal.ts'

async function volume(lun: LunInput = {}) {
  const shared = await sharedVolume(6, { lun })
  return { shared, url: `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0` }
}

const ROW = (name: string) => new RegExp(`^ *${name}( +[0-9.]+)+$`, 'm')

test('tables: what was measured in one line, each kind of operation, each host', async () => {
  const { shared, url } = await volume()
  const { code, stdout, stderr } = await runHere(['vmfs', 'storm', url, '--hosts', '2', '--seconds', '1'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^shared \(VMFS6\): 2 hosts, \d+\.\d s, ATS-only$/m)
  expect(stdout).toMatch(/^OPERATION +DONE +REFUSED +PER SECOND +P50 ms +P95 ms +P99 ms +MAX ms$/m)
  expect(stdout).toMatch(/^HOST +PER SECOND +P50 ms +P99 ms +ATS +ATSF +RESERVE +CONFLICTS +PLAIN BEATS$/m)
  for (const name of ['own create', 'own open', 'own grow', 'own delete', 'common create', 'all', '0', '1'])
    expect(stdout).toMatch(ROW(name))
  expect(await shared.names()).toEqual([])
}, 120_000)

test('many hosts: the slowest and the fastest', async () => {
  const { url } = await volume({ size: '10GiB' })
  const { code, stdout } = await runHere(['vmfs', 'storm', url, '--hosts', '20', '--seconds', '1'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^the 8 slowest and the 8 fastest of 20: --json has all$/m)
  expect(stdout.match(/^ *\d+( +[0-9.]+){8}$/gm)).toHaveLength(16)
}, 120_000)

test('more hosts than the volume has journals: that is told, and the volume is as it was', async () => {
  const { shared, url } = await volume()
  const { code, stdout, stderr } = await runHere(['vmfs', 'storm', url, '--hosts', '40', '--seconds', '1'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/the volume has journals for \d+ hosts, and as many have it open/)
  expect(await shared.names()).toEqual([])
  expect(await shared.findings()).toEqual([])
}, 120_000)

test('--json has everything, in one line', async () => {
  const { url } = await volume()
  const asked = ['vmfs', 'storm', url, '--hosts', '2', '--seconds', '1', '--locking', 'scsi', '--json']
  const { code, stdout } = await runHere(asked)
  expect(code).toBe(0)
  expect(stdout.trimEnd()).not.toContain('\n')
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    ...{ locking: 'scsi', mode: 'ATS+SCSI', interrupted: false, errors: [] },
    volume: { label: 'shared', version: 6 },
    total: { ats: 0, refused: expect.any(Number), conflicts: expect.any(Number), plainHeartbeats: expect.any(Number) },
  })
  expect(report.kinds.map(({ kind }: { kind: string }) => kind)).toHaveLength(8)
  expect(report.hosts).toHaveLength(2)
  for (const row of [report.total, ...report.hosts, ...report.kinds])
    for (const name of ['count', 'perSecond', 'p50Ms', 'p95Ms', 'p99Ms', 'maxMs'])
      expect(row[name]).toBeTypeOf('number')
}, 120_000)

test('SIGINT: what was measured so far, and the volume as it was found', async () => {
  const { shared, url } = await volume()
  const shown = runHere(['vmfs', 'storm', url, '--hosts', '2', '--seconds', '600'])
  while ((await shared.names()).length < 3);
  process.emit('SIGINT')
  const { code, stdout } = await shown
  expect(code).toBe(0)
  expect(stdout).toMatch(/^shared \(VMFS6\): [12] hosts?, \d+\.\d s, interrupted, ATS-only$/m)
  expect(await shared.names()).toEqual([])
  expect(await shared.findings()).toEqual([])
}, 120_000)

test.each([
  [['--hosts', '0'], '--hosts: found 0; allowed: a whole number from 1 to 64'],
  [['--hosts', 'many'], '--hosts: found no number; allowed: a whole number from 1 to 64'],
  [['--seconds', '0.5'], '--seconds: found 0.5; allowed: a whole number from 1 to 86400'],
  [['--locking', 'none'], 'locking'],
  [[], 'disk.img is no URL of a LUN'],
])('wrong usage: %o', async (words, message) => {
  const { code, stderr, stdout } = await runHere(['vmfs', 'storm', 'disk.img', ...words])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(message)
})

test('nobody serves there, and a LUN without a volume', async () => {
  const refused = await runHere(['vmfs', 'storm', 'iscsi://127.0.0.1:1/iqn.2026-11.test:none/0'])
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain('connection refused')
}, 60_000)
