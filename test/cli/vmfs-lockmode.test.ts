// lunette vmfs lockmode: what it shows of volumes on LUNs and in images, what it changes, and what it says to mistakes.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedVolume, sharedVolume } from '../host/vmfs/locking/shared-volume.ts'
import { runHere } from './terminal.ts'

const options = { timeout: 60_000 }

let cwd: string
let image: string
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'lunette-lockmode-'))
  image = join(cwd, 'disk.img')
  const { code } = await runHere(['vmfs', 'format', image, '--size', '1GiB', '--label', 'image', '--version', '5'])
  expect(code).toBe(0)
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const urlOf = ({ array }: SharedVolume) => `iscsi://${array.running.portals[0]}/${array.iqn}/0`
const lockmode = (...words: string[]) => runHere(['vmfs', 'lockmode', ...words])

async function listed(...volumes: string[]) {
  const { code, stdout, stderr } = await lockmode('list', ...volumes, '--json')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

const TITLES =
  /^Volume Name {2,}UUID {2,}Type {2,}Locking Mode {2,}ATS Compatible {2,}ATS Upgrade Modes {2,}ATS Incompatibility Reason$/
const uuid = /[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}/.source

describe('list', options, () => {
  test('volumes on LUNs with ATS and without, and in an image: the columns of esxcli', async () => {
    const [modern, old] = [await sharedVolume(6), await sharedVolume(5, { lun: { vaai: { ats: false } } })]
    const { code, stdout, stderr } = await lockmode('list', urlOf(modern), urlOf(old), image)
    expect([code, stderr]).toEqual([0, ''])
    const [titles, rule, first, second, third, ...others] = stdout.split('\n')
    expect(titles).toMatch(TITLES)
    expect(rule).toMatch(/^-{11} {2}-{35} {2}-{6} {2}-{12} {2}-{14} {2}-{17} {2}-{26,}$/)
    expect(first).toMatch(new RegExp(`^shared {7}${uuid}  VMFS-6  ATS-only {6}true {12}None$`))
    const reason = 'offers no COMPARE AND WRITE in its Block Limits'
    expect(second).toMatch(new RegExp(`^shared {7}${uuid}  VMFS-5  ATS\\+SCSI {6}false {11}None {15}.* ${reason}$`))
    expect(third).toMatch(
      new RegExp(`^image {8}${uuid}  VMFS-5  ATS\\+SCSI {6}false .*/disk.img is an image or a disk`),
    )
    expect(others).toEqual([''])
    const [row] = await listed(urlOf(modern))
    expect(row).toEqual({
      ...{ volumeName: 'shared', uuid: expect.stringMatching(uuid), type: 'VMFS-6', lockingMode: 'ATS-only' },
      ...{ atsCompatible: true, atsUpgradeModes: 'None', atsIncompatibilityReason: null, stranded: [] },
    })
  })

  test('nothing is written: no COMPARE AND WRITE is accepted', async () => {
    const shared = await sharedVolume(5)
    await lockmode('list', urlOf(shared))
    expect(shared.events.filter(({ verdict }) => verdict !== 'miscompare')).toEqual([])
  })

  test('a stranded host is told below the table', async () => {
    const shared = await sharedVolume(5)
    const host = await shared.host({ mode: 'VMFS3' })
    const [slot] = await shared.heartbeats()
    const { stdout } = await lockmode('list', urlOf(shared))
    const [, , , empty, told] = stdout.split('\n')
    expect([empty, told]).toEqual([
      '',
      `shared: host ${host.volume.host} (127.0.0.1), with the heartbeat slot at byte ${slot?.slotOffset} of the volume, locks it by ` +
        'reservations, and the volume is ATS-only: close the volume on that host and open it there again',
    ])
    expect((await listed(urlOf(shared)))[0].stranded).toMatchObject([
      { host: host.volume.host, slot: slot?.slotOffset },
    ])
    await host.volume.close()
  })
})

describe('set', options, () => {
  test('at once, and back; asked twice, it says so', async () => {
    const shared = await sharedVolume(5)
    const url = urlOf(shared)
    expect(await lockmode('set', url, '--scsi')).toMatchObject({ code: 0, stdout: 'it is ATS+SCSI now\n', stderr: '' })
    expect((await listed(url))[0]).toMatchObject({ lockingMode: 'ATS+SCSI', atsUpgradeModes: 'Online' })
    expect((await lockmode('set', url, '--scsi')).stdout).toBe('it is ATS+SCSI already\n')
    expect(JSON.parse((await lockmode('set', url, '--ats', '--json')).stdout)).toEqual({
      ...{ before: 'ATS+SCSI', lockingMode: 'ATS-only', hosts: [] },
    })
    expect((await runHere(['vmfs', 'info', url])).stdout).toMatch(/^Locking {2}ATS-only$/m)
  })

  test('pending while a host has it open', async () => {
    const shared = await sharedVolume(5)
    const host = await shared.host()
    const { code, stdout } = await lockmode('set', urlOf(shared), '--scsi')
    expect([code, stdout]).toEqual([
      0,
      'ATS downgrade pending: it is ATS+SCSI when the last host has closed the volume, which these have open: ' +
        `${host.volume.host} (127.0.0.1)\n`,
    ])
    expect((await listed(urlOf(shared)))[0].lockingMode).toBe('ATS downgrade pending')
    expect(JSON.parse((await runHere(['vmfs', 'info', urlOf(shared), '--json'])).stdout).lockingMode).toBe(
      'ATS downgrade pending',
    )
    await host.volume.close()
    expect((await listed(urlOf(shared)))[0].lockingMode).toBe('ATS+SCSI')
  })

  test('an array without ATS, and an image: what is possible', async () => {
    const shared = await sharedVolume(5, { lun: { vaai: { ats: false } } })
    const refused = await lockmode('set', urlOf(shared), '--ats')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toMatch(/^the volume cannot be ATS-only: .*it can stay ATS\+SCSI, or be set to it\n$/)
    for (const way of ['--ats', '--scsi']) {
      const { code, stderr } = await lockmode('set', image, way)
      expect([code, stderr]).toEqual([1, expect.stringMatching(/disk\.img is an image .* by the URL of its LUN\n$/)])
    }
  })
})

test.each([
  [['set', 'disk.img'], 'give --ats or --scsi'],
  [['set', 'disk.img', '--ats', '--scsi'], 'give one of --ats and --scsi, not both'],
  [['set', 'disk.img', 'other.img', '--ats'], 'Unknown argument other.img'],
  [['set', '--ats'], 'Missing VOLUME'],
  [['set', 'disk.img', '--atz'], 'Unknown argument atz, did you mean --ats?'],
  [['list'], 'Missing VOLUME'],
  [['list', 'a.img', 'b.img', '--extent', 'c.img'], '--extent goes with one VOLUME'],
  [['list', 'a.img', '--watch'], 'Unknown argument watch'],
  [['lst'], 'Unknown command lst, did you mean list?'],
  [[], 'Name a command: list, set'],
])('%j is wrong usage', async (words, why) => {
  const { code, stdout, stderr } = await lockmode(...words)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(`lunette: ${why}`)
})

test('list: of several volumes, those that can be read are told, and what is wrong with another one', async () => {
  const shared = await sharedVolume(5)
  const { code, stdout, stderr } = await lockmode('list', '/dev/null/nothing', urlOf(shared))
  expect([code, stdout.split('\n').length]).toEqual([1, 4])
  expect(stdout).toContain('ATS-only')
  expect(stderr).toMatch(/nothing/)
})

test.each([['list'], ['set', '--ats']])(
  '%s: no such volume, and a file that holds none',
  async (name, ...more) => {
    const missing = await lockmode(name, '/dev/null/nothing', ...more)
    expect([missing.code, missing.stdout]).toEqual([1, ''])
    expect(missing.stderr).toMatch(/nothing/)
    const nothing = await lockmode(name, '/dev/null', ...more)
    expect([nothing.code, nothing.stdout, nothing.stderr.trim().split('\n').length]).toEqual([1, '', 1])
  },
  60_000,
)
