// The journal blocks of VMFS6 are handed out one to a host. What becomes of those whose hosts have died.

import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { bytes, sharedVolume } from './shared-volume.ts'

test('who closes the volume frees the journal blocks of hosts that were buried', async () => {
  const shared = await sharedVolume(6)
  const [heir, ...victims] = await Promise.all([shared.host(), shared.host(), shared.host()])
  for (const { session } of victims) session.destroy()
  const watcher = await shared.host() // it looks after those that are silent from now on
  const buried = () => [heir, watcher].flatMap(({ events }) => events).filter(({ kind }) => kind === 'broken').length
  while (buried() < victims.length) await delay(50)
  await heir.volume.putFile('/after', bytes('after'))
  for (const { volume } of victims) await volume.close().catch(() => {})
  await heir.volume.close()
  await watcher.volume.close()
  expect(await shared.findings()).toEqual([])
}, 60_000)
