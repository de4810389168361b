// A reservation is lost with its session (SPC-2 5.5.1, SAM-5 6.3.4). What was to be written under it may not leave on the session that
// comes after, where the unit attention that tells of the loss may have gone to another command.

import { expect, test } from 'vitest'
import { STATUS } from '../../../../protocol/index.ts'
import type { SharedDevice } from '../../../../src/host/index.ts'
import { interposed } from './interposed.ts'
import { type WireHost, WireVolume } from './wire.ts'

const ALWAYS = { mayLeave: () => true, timeoutMs: 8000 }

function lost({ session, tap }: WireHost): Promise<void> {
  return new Promise((resolve) => {
    session.onEvent(({ kind }) => kind === 'lost' && resolve())
    tap.cut()
  })
}

test('what is read and written elsewhere waits until the reservation that was lost is given up', async () => {
  const volume = await WireVolume.open()
  try {
    const host = await volume.host({ mode: 'VMFS3', beatMs: 3000, ioTimeoutMs: 8000, lostMs: 16_000 })
    const { device, session } = host
    const at = device.size - device.blockBytes
    await device.reserve()
    const recovered = new Promise<void>((resolve) => session.onEvent(({ kind }) => kind === 'recovered' && resolve()))
    await lost(host)
    await recovered
    const block = Buffer.alloc(device.blockBytes, 'written')
    const io = Promise.all([device.read(0, device.blockBytes), device.writeNow(at, block, ALWAYS).catch(String)])
    await device.release()
    const [, ended] = await io
    // A change of a lock ends with its reservation.
    expect(ended).toMatch(/^ReservationLostError: /)
    await device.flush()
    await host.engine.stop()
  } finally {
    await volume.array.close()
  }
}, 60_000)

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
