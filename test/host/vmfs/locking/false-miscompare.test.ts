// The false miscompare, with ESXi's own times (notes on the ESXi host, heartbeat): the array takes 9 s over one beat, the host gives it
// up after 8 s and sends another one with the old test image. Where the array has carried the first one out, that miscompares: the
// host finds what it had intended on the medium, and goes on with all its locks. A host that trusts the miscompare loses them.

import { expect, test } from 'vitest'
import { MiscompareError, openForWriting, type SharedDevice, type WritableVolume } from '../../../../src/host/index.ts'
import { cleared } from '../../../../src/host/vmfs/locking/heartbeat-images.ts'
import type { LockingTrace } from '../../../../src/host/vmfs/locking/trace.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import type { BlockHistory, Injection } from '../../../../src/index.ts'
import { interposed } from './interposed.ts'
import { bytes, type SharedVolume, sharedVolume } from './shared-volume.ts'

const DELAY_MS = 9000
const ATS = 'COMPARE AND WRITE'
const OWNER = 'iqn.2026-11.test:owner'
const BEFORE = 'written before the delay'
const AFTER = 'written after the delay!'

type Wrap = (device: SharedDevice) => SharedDevice

const lbaOf = (slotOffset: number): number => (LVM_DATA_OFFSET + slotOffset) / 512

/** One beat of a host is delayed once `arm` was called. */
async function delaying(injection: Injection) {
  let state: 'usual' | 'armed' | 'delayed' = 'usual'
  let slotLba = 0
  const shared = await sharedVolume(5, {
    options: {
      injector({ command, lba, initiatorName }) {
        if (state !== 'armed' || command !== ATS || lba !== slotLba || initiatorName !== OWNER) return undefined
        state = 'delayed'
        return injection
      },
    },
  })
  return {
    shared,
    arm(lba: number) {
      slotLba = lba
      state = 'armed'
    },
    hasDelayed: () => state === 'delayed',
    /** Of the block of the slot. */
    history: () => shared.array.running.whoWrote({ lun: 0, lba: slotLba }),
  }
}

interface Owner {
  readonly volume: WritableVolume
  readonly slotOffset: number
  readonly events: string[]
  /** Told of each command for its heartbeat. */
  onBeat: (sent: LockingTrace) => void
}

async function openOwner(shared: SharedVolume, wrap: Wrap): Promise<Owner> {
  const events: string[] = []
  const { device } = await shared.device(OWNER)
  let owner: Owner | undefined
  const volume = await openForWriting([wrap(device)], {
    onEvent: ({ text }) => events.push(text),
    onTrace(sent) {
      if (/^(maintain|reclaim) heartbeat$/.test(sent.operation)) owner?.onBeat(sent)
    },
  })
  const [slot] = await shared.heartbeats()
  owner = { volume, slotOffset: slot!.slotOffset, events, onBeat() {} }
  return owner
}

interface Told {
  readonly events: readonly string[]
  /** What the host sent for its heartbeat from the delayed beat until it knew where it was, and what it was told. */
  readonly beats: readonly string[]
  /** Of the slot's block at that moment. */
  readonly history: BlockHistory
  readonly slot: string
}

/** A host holds a file open, a beat of its heartbeat is delayed, and then it writes to the file under the lock that it had. */
async function story(injection: Injection, wrap: Wrap = (device) => device): Promise<Told> {
  const { shared, arm, hasDelayed, history } = await delaying(injection)
  const owner = await openOwner(shared, wrap)
  const { volume, slotOffset } = owner
  try {
    await volume.putFile('/disk', bytes(BEFORE))
    const file = await volume.openFile('/disk', 'exclusive')
    const lock = await volume.volume.locateFileDescriptor(file.reference.address)
    const held = await lockOf(shared, lock)

    const beats: string[] = []
    const known = new Promise<BlockHistory>((resolve) => {
      owner.onBeat = ({ command, answer }) => {
        if (!hasDelayed()) return
        beats.push(`${command}: ${answer}`)
        if (beats.length > 1 && answer === 'done') resolve(history())
      }
    })
    arm(lbaOf(slotOffset))
    const told = {
      history: await known,
      beats: [...beats],
      slot: `${slotOffset} on vol ${volume.volume.descriptor.uuid}`,
    }

    await file.write(0, Buffer.from(AFTER))
    expect(await lockOf(shared, lock)).toEqual(held)
    await file.close()
    await volume.close()
    expect(await shared.findings()).toEqual([])
    return { ...told, events: owner.events }
  } finally {
    await volume.close().catch(() => {}) // a host that has lost its heartbeat says so
  }
}

/** The sector of a file's lock, as another initiator reads it. */
async function lockOf(shared: SharedVolume, offset: number): Promise<Buffer> {
  const { device } = await shared.device()
  try {
    return await device.read(LVM_DATA_OFFSET + offset, 512)
  } finally {
    await device.close()
  }
}

/** What a host believes that takes its slot for lost after a miscompare: whatever it reads there has been cleared. */
const trusting: Wrap = (device) => {
  let lost: number | undefined
  return interposed(device, {
    async compareAndWrite(offset, ...images) {
      try {
        await device.compareAndWrite(offset, ...images)
      } catch (error) {
        if (error instanceof MiscompareError) lost = offset
        throw error
      }
    },
    async readNow(offset, ...rest) {
      const image = await device.readNow(offset, ...rest)
      return offset === lost ? cleared(image, 'replay') : image
    },
  })
}

test('a beat that the array delays by 9 s: carried out, the host goes on with its locks; one that trusts the miscompare loses them', async () => {
  const answeredLate = { answerDelayMs: DELAY_MS }
  const carriedOutLate = { delayMs: DELAY_MS }
  const [recovered, lost, aborted] = await Promise.allSettled([
    story(answeredLate),
    story(answeredLate, trusting),
    story(carriedOutLate),
  ])

  expect(recovered.status === 'rejected' && recovered.reason).toBe(false)
  const { slot, ...told } = (recovered as PromiseFulfilledResult<Told>).value
  expect(told.events).toEqual([
    `ATS Miscompare detected between test and set HB images at offset ${slot}`,
    `the HB image at offset ${slot} is the one that was to be set`,
  ])
  expect(told.beats).toEqual([`${ATS}: timeout`, `${ATS}: miscompare`, 'READ: done'])
  // The array says the same: the beat that was not answered has written, and the next one expected what that had replaced.
  const { last, losers } = told.history
  const [loser, ...others] = losers
  expect(last).toMatchObject({ command: ATS, verdict: 'accepted', answered: false })
  expect(others).toEqual([])
  expect(loser).toMatchObject({ command: ATS, verdict: 'miscompare', answered: true, nexus: last!.nexus })
  expect(loser!.images!.expected).toEqual(last!.images!.expected)
  expect(loser!.images!.found).toEqual(last!.images!.replacement)

  expect(lost).toMatchObject({
    status: 'rejected',
    reason: { problem: 'in use', message: expect.stringContaining('locks') },
  })

  // ABORT TASK came before its turn: it never wrote, and there is nothing to recover from.
  expect(aborted).toMatchObject({
    status: 'fulfilled',
    value: {
      ...{ events: [], beats: [`${ATS}: timeout`, `${ATS}: done`] },
      history: { last: { command: ATS, verdict: 'accepted', answered: true }, losers: [] },
    },
  })
}, 120_000)
