// What becomes of an open file whose host is taken for dead, or dies.

import { expect, test, vi } from 'vitest'
import type { OpenMode } from '../../../../src/host/vmfs/open-file.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import { block, end, hosts, zeros } from './open-files.ts'
import { bytes, type Host, sharedVolume } from './shared-volume.ts'

const TIMEOUT_MS = 120_000
const MODES: readonly OpenMode[] = ['exclusive', 'readOnly', 'multiWriter']
const MIB = 1024 * 1024

test(
  'the heartbeat is lost: an open file is neither read nor written any more, whatever its descriptor leads to by now',
  async () => {
    const shared = await sharedVolume(5)
    const host = await shared.host()
    for (const mode of MODES) await host.volume.putFile(`/${mode}`, zeros(MIB))
    const files = await Promise.all(MODES.map((mode) => host.volume.openFile(`/${mode}`, mode)))
    const { device } = await shared.device()
    const { logical, version } = await openVolume([device])
    const { slots, slotBytes } = version.heartbeats
    const region = await logical.read(HEARTBEAT_OFFSET, slots * slotBytes)
    for (let at = 0; at < region.length; at += slotBytes) {
      const { state, generation } = HEARTBEAT.decode(region, at)
      if (state !== HEARTBEAT_STATE.used) continue
      const image = region.subarray(at, at + slotBytes)
      HEARTBEAT.encode({ state: HEARTBEAT_STATE.free, generation: generation + 1n }, image)
      await logical.write(HEARTBEAT_OFFSET + at, image)
    }
    await vi.waitFor(() => expect(host.events.map(({ kind }) => kind)).toContain('heartbeat lost'), {
      timeout: TIMEOUT_MS,
    })
    for (const file of files) {
      const dead = { problem: 'in use', message: expect.stringMatching(/^this host has lost its heartbeat slot, /) }
      await expect(file.read(0, 512)).rejects.toMatchObject(dead)
      if (file.mode !== 'readOnly') await expect(file.write(0, block('x'))).rejects.toMatchObject(dead)
    }
    await host.volume.close().catch(() => {})
    const heir = await shared.host()
    for (const mode of MODES) {
      const file = await heir.volume.openFile(`/${mode}`, 'exclusive')
      expect((await file.read(0, MIB)).equals(Buffer.alloc(MIB))).toBe(true)
    }
    await heir.volume.close()
  },
  TIMEOUT_MS,
)

test.each(MODES)(
  'a host dies with a file open, %s: who opens it next breaks the lock',
  async (mode) => {
    const shared = await sharedVolume(5)
    const [victim, heir] = (await hosts(shared, 2)) as [Host, Host]
    await victim.volume.putFile('/file', bytes('content'))
    await victim.volume.openFile('/file', mode)
    victim.session.destroy()
    const file = await heir.volume.openFile('/file', 'exclusive')
    expect((await file.read(0, 100)).toString()).toBe('content')
    expect(heir.events.map(({ kind }) => kind)).toContain('broken')
    expect(heir.volume.lockingCounts!['acquire lock of dead owner'].ats).toBeGreaterThan(0)
    await file.close()
    await victim.volume.close().catch(() => {})
    await end(shared, [heir])
  },
  TIMEOUT_MS,
)
