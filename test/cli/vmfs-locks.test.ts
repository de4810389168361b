// lunette vmfs heartbeats and locks: what a host that has a volume open looks like from beside it.

import { expect, test } from 'vitest'
import { chooseSlot, readSlots } from '../../src/host/vmfs/heartbeats.ts'
import { LockingEngine } from '../../src/host/vmfs/locking/engine.ts'
import { LOCKING_DEFAULTS } from '../../src/host/vmfs/locking/settings.ts'
import { LVM_DATA_OFFSET } from '../../src/host/vmfs/structures/lvm.ts'
import { openVolume } from '../../src/host/vmfs/volume.ts'
import { sharedVolume } from '../host/vmfs/locking/shared-volume.ts'
import { runHere } from './terminal.ts'

const HOST = '12345678-90abcdef-1234-00506201ff00'

/** Of the LUN, as `lunette ats who` is asked for it. */
const lbaOf = (offset: number) => (offset + LVM_DATA_OFFSET) / 512

async function hostWithLock() {
  const shared = await sharedVolume(5)
  const { device } = await shared.device()
  const { logical, version, ...volume } = await openVolume([device]).then((opened) => ({
    logical: opened.logical,
    version: opened.version,
    root: () => opened.root(),
  }))
  const slot = chooseSlot(await readSlots(logical, version), HOST).slotOffset
  const owner = { host: HOST, journalAddress: 1, journalOffset: 4096, driverMajor: 14, driverMinor: 81 }
  const engine = await LockingEngine.open(
    logical,
    { volume: 'a volume', owner, slots: [slot] },
    { settings: LOCKING_DEFAULTS, replay: async () => {} },
  )
  const { offset } = await volume.root()
  await engine.lock(offset, 'exclusive', 0)
  const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
  return { engine, slot, offset, url, events: shared.events, end: () => engine.stop({ abandon: true }) }
}

test('a host and its lock, as tables and as JSON', async () => {
  const { slot, offset, url, events, end } = await hostWithLock()
  expect(events.map(({ lba }) => lba)).toEqual([lbaOf(slot), lbaOf(offset)])
  const heartbeats = await runHere(['vmfs', 'heartbeats', url])
  expect(heartbeats).toMatchObject({ code: 0, stderr: '' })
  expect(heartbeats.stdout).toMatch(/^ *SLOT +OWNER +IP +GENERATION +UNCHANGED +JOURNAL +REPLAYED BY +LBA$/m)
  expect(heartbeats.stdout).toMatch(new RegExp(`^ *${slot} +${HOST} +- +1 +- +4096 +- +${lbaOf(slot)}$`, 'm'))
  expect(JSON.parse((await runHere(['vmfs', 'heartbeats', url, '--json'])).stdout)).toEqual([
    {
      ...{ slot, owner: HOST, ip: '', generation: '1', unchangedSeconds: null, journal: 4096, replayedBy: null },
      ...{ lba: lbaOf(slot), device: url },
    },
  ])
  const locks = await runHere(['vmfs', 'locks', url])
  expect(locks.stdout).toMatch(
    new RegExp(`^ *${offset} +file descriptor 0x00000004 +/ +exclusive +1 +2 +${HOST} +${lbaOf(offset)}$`, 'm'),
  )
  expect(JSON.parse((await runHere(['vmfs', 'locks', url, '--json'])).stdout)).toEqual([
    {
      ...{ offset, guards: 'file descriptor 0x00000004', path: '/', mode: 'exclusive', generation: '1', token: '2' },
      ...{ holders: [HOST], lba: lbaOf(offset), device: url },
    },
  ])
  await end()
}, 60_000)

test.each(['heartbeats', 'locks'])(
  '%s: a volume that nobody has open, and a file that is no volume',
  async (name) => {
    const shared = await sharedVolume(5)
    const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
    const { code, stdout } = await runHere(['vmfs', name, url])
    expect([code, stdout.split('\n').length]).toEqual([0, 2])
    const missing = await runHere(['vmfs', name, '/dev/null/nothing'])
    expect(missing.code).toBe(1)
    expect(missing.stderr).toMatch(/nothing/)
  },
  60_000,
)

test('heartbeats --watch goes on until it is interrupted', async () => {
  const { url, end } = await hostWithLock()
  const shown = runHere(['vmfs', 'heartbeats', url, '--watch', '--json'])
  while (process.listenerCount('SIGINT') === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  process.emit('SIGINT')
  const { code, stdout } = await shown
  expect(code).toBe(0)
  expect(JSON.parse(stdout.split('\n')[0]!)).toMatchObject([{ owner: HOST }])
  await end()
}, 60_000)

test('heartbeats --watch ends when it is interrupted, though the disk does not answer', async () => {
  let isSilent = false
  let asked = () => {}
  const reading = new Promise<void>((resolve) => {
    asked = resolve
  })
  const injector = () => {
    if (!isSilent) return undefined
    asked()
    return { delayMs: 3_600_000 }
  }
  const shared = await sharedVolume(5, { options: { injector } })
  const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
  const shown = runHere(['vmfs', 'heartbeats', url, '--watch', '--json'])
  while (process.listenerCount('SIGINT') === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  isSilent = true
  await reading
  process.emit('SIGINT')
  expect((await shown).code).toBe(0)
}, 60_000)
