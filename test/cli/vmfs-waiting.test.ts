// A command that needs the lock of a host that has died: what it says while it waits, and when it goes on.

import { expect, test } from 'vitest'
import { openVolume } from '../../src/host/vmfs/volume.ts'
import { sharedVolume } from '../host/vmfs/locking/shared-volume.ts'
import { runHere } from './terminal.ts'

test('mkdir: who is waited for and how long, and then that it is dead', async () => {
  const shared = await sharedVolume(5)
  const victim = await shared.host()
  const { host } = victim.volume
  await victim.volume.exclusively(async ({ volume, locks }) => void (await locks!.take((await volume.root()).offset)))
  victim.session.destroy()
  await victim.volume.close().catch(() => {})
  const url = `iscsi://${shared.array.running.portals[0]}/${shared.array.iqn}/0`
  const { code, stderr } = await runHere(['vmfs', 'mkdir', url, '/dir'])
  const lines = stderr.trimEnd().split('\n')
  expect([code, lines]).toEqual([
    0,
    [
      expect.stringMatching(
        new RegExp(
          `^waiting for host ${host}, which holds a lock: its HB slot at offset \\d+ does not change, and after 16 s without a change it is taken for dead$`,
        ),
      ),
      expect.stringMatching(
        new RegExp(
          `^host ${host} is dead: its HB slot at offset \\d+ did not change for 16000 ms, its journal is replayed$`,
        ),
      ),
    ],
  ])
  const { device } = await shared.device()
  const volume = await openVolume([device])
  expect(await volume.find(await volume.root(), 'dir')).toBeDefined()
  await volume.close()
}, 120_000)
