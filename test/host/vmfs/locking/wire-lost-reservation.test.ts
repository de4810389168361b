// A reservation is lost with its session (SPC-2 5.5.1, SAM-5 6.3.4). What was to be written under it may not leave on the session that
// comes after, where the unit attention that tells of the loss may have gone to another command.

import { expect, test } from 'vitest'
import { STATUS } from '../../../../protocol/index.ts'
import type { SharedDevice } from '../../../../src/host/index.ts'
import { interposed } from './interposed.ts'
import { type WireHost, WireVolume } from './wire.ts'

function lost({ session, tap }: WireHost): Promise<void> {
  return new Promise((resolve) => {
    session.onEvent(({ kind }) => kind === 'lost' && resolve())
    tap.cut()
  })
}

test('VMFS3: the connection is cut between the read and the write under a reservation', async () => {
  const volume = await WireVolume.open()
  try {
    let cuts = 0
    let host: WireHost | undefined
    const cutting = (device: SharedDevice): SharedDevice =>
      interposed(device, {
        async writeNow(...command) {
          if (host && cuts++ === 0) {
            await lost(host)
            // Ahead of the write, and told of the new nexus in its place.
            void device.read(0, device.blockBytes).catch(() => {})
          }
          await device.writeNow(...command)
        },
      })
    const times = { beatMs: 3000, ioTimeoutMs: 8000, lostMs: 16_000, contentionWaitMs: 20 }
    host = await volume.host({ mode: 'VMFS3', ...times }, cutting)
    const from = host.tap.commands.length
    expect(await host.engine.lock(host.lockOffset, 'exclusive', 0)).toBe(true)

    expect(cuts).toBe(2)
    let isReserved = false
    const written: boolean[] = []
    for (const { command, status } of host.tap.commands.slice(from)) {
      if (command === 'RESERVE(6)') isReserved = status === STATUS.GOOD
      if (command === 'WRITE' && cuts > 0) written.push(isReserved && status === STATUS.GOOD)
      if (status === undefined || command === 'RELEASE(6)') isReserved = false
    }
    expect(written).toEqual([true])
    await host.engine.unlock(host.lockOffset)
    await host.engine.stop()
  } finally {
    await volume.array.close()
  }
}, 60_000)
