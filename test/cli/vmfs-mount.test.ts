// lunette vmfs mount: hosts in the foreground, what they tell, and what others see of them.

import { expect, test } from 'vitest'
import { HEARTBEAT, HEARTBEAT_STATE } from '../../src/host/vmfs/structures/heartbeat.ts'
import { openVolume } from '../../src/host/vmfs/volume.ts'
import { bytes, type SharedVolume, sharedVolume } from '../host/vmfs/locking/shared-volume.ts'
import { lunette, start } from './lunette.ts'
import { runHere } from './terminal.ts'

const TIMEOUT_MS = 120_000
const UUID = '[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}'
const AT = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`

const urlOf = ({ array }: SharedVolume) => `iscsi://${array.running.portals[0]}/${array.iqn}/0`

async function withFile(version: 5 | 6 = 5): Promise<{ shared: SharedVolume; url: string }> {
  const shared = await sharedVolume(version)
  const { volume } = await shared.host()
  await volume.putFile('/file', bytes('content'))
  await volume.close()
  return { shared, url: urlOf(shared) }
}

interface Slot {
  readonly slot: number
  readonly owner: string
  readonly journal: number
}

async function json(words: readonly string[]): Promise<unknown> {
  const { stdout, stderr } = await runHere(['vmfs', ...words, '--json'])
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

/** Of hosts that are mounted: a slot that names no journal is of one that comes or goes. */
async function slotsWhen(url: string, count: number): Promise<Slot[]> {
  for (;;) {
    const slots = (await json(['heartbeats', url])) as Slot[]
    if (slots.filter(({ journal }) => journal !== 0).length === count && slots.length === count) return slots
  }
}

interface HeldLock {
  readonly path: string | null
  readonly mode: string
  readonly holders: readonly string[]
}

/** The locks of files that are held in this way, once so many hosts have one. */
async function lockWhen(url: string, path: string, holders: number): Promise<HeldLock> {
  for (;;) {
    const locks = (await json(['locks', url])) as HeldLock[]
    const lock = locks.find((each) => each.path === path)
    if (lock?.holders.length === holders) return lock
  }
}

test.each([
  [['--hosts', '0'], '--hosts: found 0; allowed: a whole number from 1 to 64'],
  [['--hosts', '1.5'], '--hosts: found 1.5; allowed: a whole number from 1 to 64'],
  [['--hosts', '65'], '--hosts: found 65; allowed: a whole number from 1 to 64'],
  [['--hosts', '2', '--open', '/file'], '--hosts 2: a file is open exclusively on one host'],
  [
    ['--hosts', '9', '--open', '/file', '--mode', 'read-only'],
    '--hosts 9: a file is open to read it on at most 8 hosts',
  ],
  [['--hosts', 'two'], '--hosts: found no number; allowed: a whole number from 1 to 64'],
  [['--mode', 'read-only'], '--mode says how files are held open: name one with --open'],
  [['--mode', 'none'], '--mode: found "none"; allowed: exclusive, read-only, multi-writer'],
])('wrong usage: %j', async (words, message) => {
  const { code, stderr } = await runHere(['vmfs', 'mount', 'iscsi://127.0.0.1/iqn.2026-11.test:t/0', ...words])
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
})

test('an image has no other hosts: wrong usage, whatever else it holds', async () => {
  const { code, stderr } = await runHere(['vmfs', 'mount', 'disk.img'])
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('disk.img is no URL of a LUN: an image has no other hosts'),
  ])
})

test(
  'several hosts: each says how it has the volume open, and gives everything back when it is interrupted',
  async () => {
    const { shared, url } = await withFile()
    const mounted = runHere(['vmfs', 'mount', url, '--hosts', '3', '--open', '/file', '--mode', 'multi-writer'])
    const slots = await slotsWhen(url, 3)
    const lock = await lockWhen(url, '/file', 3)
    expect(lock).toMatchObject({ mode: 'multi-writer', path: '/file' })
    expect([...lock.holders].sort()).toEqual(slots.map(({ owner }) => owner).sort())
    process.emit('SIGINT')
    const { code, stdout, stderr } = await mounted
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.split('\n').filter((line) => !line.includes('waiting for'))
    for (const { slot, owner, journal } of slots) {
      const own = lines.filter((line) => line.includes(` host ${owner}: `))
      expect(own).toEqual([
        expect.stringMatching(
          new RegExp(
            `^${AT} host ${owner}: has mounted shared \\(${UUID}\\): HB slot at offset ${slot}, generation \\d+, ` +
              `journal at offset ${journal}, locking ATS-only$`,
          ),
        ),
        expect.stringMatching(new RegExp(`^${AT} host ${owner}: has /file open for several writers$`)),
        expect.stringMatching(new RegExp(`^${AT} host ${owner}: has unmounted the volume$`)),
      ])
    }
    expect(await json(['heartbeats', url])).toEqual([])
    expect(await json(['locks', url])).toEqual([])
    expect(await shared.findings()).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  '--json: one object a line, with the same facts',
  async () => {
    const { url } = await withFile(6)
    const mounted = runHere(['vmfs', 'mount', url, '--open', '/file', '--json'])
    await lockWhen(url, '/file', 1)
    const [slot] = await slotsWhen(url, 1)
    process.emit('SIGTERM')
    const { code, stdout } = await mounted
    expect(code).toBe(0)
    const told = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(told).toEqual([
      {
        ...{ at: expect.stringMatching(AT), host: slot!.owner, event: 'mounted', text: expect.any(String) },
        ...{ label: 'shared', uuid: expect.stringMatching(UUID), slot: slot!.slot, generation: expect.any(Number) },
        ...{ journal: slot!.journal, lockingMode: 'ATS-only' },
      },
      expect.objectContaining({ event: 'opened', path: '/file', mode: 'exclusive' }),
      expect.objectContaining({ event: 'unmounted', host: slot!.owner }),
    ])
  },
  TIMEOUT_MS,
)

test(
  'two processes hold a file open: heartbeats and locks show them, and rm of a third one is refused, naming a holder',
  async () => {
    const { shared, url } = await withFile()
    const mount = () => start(['vmfs', 'mount', url, '--open', '/file', '--mode', 'read-only'])
    const processes = [mount(), mount()]
    const slots = await slotsWhen(url, 2)
    const { holders, mode } = await lockWhen(url, '/file', 2)
    expect([mode, [...holders].sort()]).toEqual(['read-only', slots.map(({ owner }) => owner).sort()])
    expect((await lunette(['vmfs', 'locks', url])).stdout).toMatch(
      new RegExp(`file descriptor 0x[0-9a-f]{8} +/file +read-only +\\d+ +\\d+ +${holders.join(', ')} +\\d+$`, 'm'),
    )
    const refused = await lunette(['vmfs', 'rm', url, '/file'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      new RegExp(
        `^"/file" is in use: host (${holders.join('|')}) \\(127\\.0\\.0\\.1\\) holds its lock to read it, as 1 other host does; `,
        'm',
      ),
    )
    for (const { process: child } of processes) child.kill('SIGTERM')
    for (const { ended } of processes) expect(await ended).toMatchObject({ code: 0, stderr: '' })
    expect(await lunette(['vmfs', 'rm', url, '/file'])).toMatchObject({ code: 0, stderr: '' })
    expect(await shared.findings()).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  'a host whose heartbeat is lost says so, and the exit code tells',
  async () => {
    const { shared, url } = await withFile()
    const mounted = runHere(['vmfs', 'mount', url, '--open', '/file'])
    await lockWhen(url, '/file', 1)
    const [slot] = await slotsWhen(url, 1)
    const { device } = await shared.device()
    const { logical, version } = await openVolume([device])
    const image = await logical.read(slot!.slot, version.heartbeats.slotBytes)
    const { generation } = HEARTBEAT.decode(image)
    HEARTBEAT.encode({ state: HEARTBEAT_STATE.free, generation: generation + 1n }, image)
    await logical.write(slot!.slot, image)
    const { code, stdout, stderr } = await mounted
    expect([code, stderr]).toEqual([1, ''])
    const told = stdout.split('\n').filter((line) => !line.includes('waiting for'))
    expect(told.map((line) => line.slice(line.indexOf(': ') + 2))).toEqual([
      expect.stringMatching(/^has mounted shared /),
      'has /file open exclusively',
      expect.stringMatching(/^ATS Miscompare detected between test and set HB images at offset \d+ on vol /),
      expect.stringMatching(/^Lost access to volume .* due to connectivity issues\. /),
      expect.stringMatching(/^the HB slot at offset \d+ on vol .* was taken from generation \d+ of this host: /),
      'has lost the volume: another host has taken it for dead',
      '',
    ])
  },
  TIMEOUT_MS,
)

test(
  'interrupted while the array is slow: what is waited for is told',
  async () => {
    let isSlow = false
    const injector = () => (isSlow ? { delayMs: 4000 } : undefined)
    const shared = await sharedVolume(5, { options: { injector } })
    const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
    const mounted = runHere(['vmfs', 'mount', url])
    await slotsWhen(url, 1)
    isSlow = true
    process.emit('SIGINT', 'SIGINT')
    setTimeout(() => {
      isSlow = false
    }, 4000)
    const { code, stderr } = await mounted
    expect([code, stderr]).toEqual([0, 'SIGINT: ending in order, which waits for the disk; another one ends at once\n'])
    expect(await shared.findings()).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  'a file that is not there, and a directory: nothing stays mounted',
  async () => {
    const { shared, url } = await withFile()
    const { code, stderr } = await runHere(['vmfs', 'mount', url, '--open', '/nothing'])
    expect([code, stderr]).toEqual([1, 'there is no "/nothing"\n'])
    const directory = await runHere(['vmfs', 'mount', url, '--open', '/'])
    expect([directory.code, directory.stderr]).toEqual([1, '"/" is a directory\n'])
    expect(await json(['heartbeats', url])).toEqual([])
    expect(await shared.findings()).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  '--no-ats: refused on an ATS-only volume; on another one there are reservations, and no COMPARE AND WRITE',
  async () => {
    const { shared, url } = await withFile()
    const refused = await runHere(['vmfs', 'mount', url, '--no-ats'])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('the volume is ATS-only')])
    expect((await runHere(['vmfs', 'lockmode', 'set', url, '--scsi'])).code).toBe(0)
    const before = shared.commands()
    const mounted = runHere(['vmfs', 'mount', url, '--no-ats', '--open', '/file'])
    await lockWhen(url, '/file', 1)
    process.emit('SIGINT')
    const { code, stdout } = await mounted
    expect([code, stdout]).toEqual([0, expect.stringMatching(/, locking SCSI$/m)])
    const after = shared.commands()
    expect(after['COMPARE AND WRITE']).toBe(before['COMPARE AND WRITE'])
    expect(after['RESERVE(6)']).toBeGreaterThan(before['RESERVE(6)'] ?? 0)
  },
  TIMEOUT_MS,
)

test(
  '--no-ats-heartbeat: the slot changes, and no COMPARE AND WRITE did it',
  async () => {
    const { shared, url } = await withFile()
    const mounted = runHere(['vmfs', 'mount', url, '--no-ats-heartbeat'])
    const [slot] = await slotsWhen(url, 1)
    const { device } = await shared.device()
    const { logical, version } = await openVolume([device])
    const stamp = async () => HEARTBEAT.decode(await logical.read(slot!.slot, version.heartbeats.slotBytes)).stampUs
    // What mounting still does is over by the first beat.
    for (let first = await stamp(); (await stamp()) === first; );
    const { 'COMPARE AND WRITE': ats } = shared.commands()
    for (let first = await stamp(); (await stamp()) === first; );
    expect(shared.commands()['COMPARE AND WRITE']).toBe(ats)
    process.emit('SIGINT')
    expect((await mounted).code).toBe(0)
  },
  TIMEOUT_MS,
)
