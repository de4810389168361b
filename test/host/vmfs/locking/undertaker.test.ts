// Who looks after the dead, in virtual time: whom it buries and when, how often it looks, and what becomes of a claim that could not
// be given back.

import { describe, expect, test } from 'vitest'
import {
  beaten,
  isUntouched,
  occupantOf,
  replayerOf,
  replaying,
} from '../../../../src/host/vmfs/locking/heartbeat-images.ts'
import { HeartbeatMachine } from '../../../../src/host/vmfs/locking/heartbeat-machine.ts'
import { takeLock } from '../../../../src/host/vmfs/locking/take-lock.ts'
import { lookAfter, vacate } from '../../../../src/host/vmfs/locking/undertaker.ts'
import { type Replay, type VirtualHost, VirtualTime } from './virtual-time.ts'

const LOCK = 0x4000000
const LOST_MS = 16_000
const BEAT_MS = 3000

/** When the slot was given back; it is looked at each 10 ms. */
function freedAt(time: VirtualTime, { own }: VirtualHost, untilMs: number): number | undefined {
  while (time.nowMs < untilMs) {
    time.runUntil(time.nowMs + 10)
    if (!occupantOf(time.disk.at(own.heartbeatOffset), own.heartbeatOffset)) return time.nowMs
  }
  return undefined
}

const kinds = ({ events }: VirtualHost) => events.map(({ kind }) => kind)

describe('hosts that had the volume open before', () => {
  test('one that does not beat is buried when it is dead, though nobody wants a lock of it', () => {
    const time = new VirtualTime()
    const [own, dead] = [time.host(0), time.host(1)]
    time.start(own, lookAfter(own, time.seen(own, dead), 0))
    const freed = freedAt(time, dead, 10 * LOST_MS)
    expect(freed).toBeGreaterThan(LOST_MS)
    expect(freed).toBeLessThan(LOST_MS + 2 * BEAT_MS)
    expect(time.replays).toMatchObject([{ by: own.own.host, host: dead.own.host }])
    expect(kinds(own)).toEqual(['broken'])
    expect(isUntouched(time.disk.at(own.own.heartbeatOffset), own.own)).toBe(true)
  })

  test('those that beat are looked at once, and a slot that is given back is forgotten', () => {
    const time = new VirtualTime()
    const hosts = Array.from({ length: 40 }, (_, index) => time.host(index))
    const [own, gone, ...alive] = hosts as [VirtualHost, VirtualHost, ...VirtualHost[]]
    time.start(own, lookAfter(own, time.seen(...hosts), 0))
    for (const host of alive) time.beat(host)
    time.free(1)
    time.runUntil(20 * LOST_MS)
    for (const { own: other } of [gone, ...alive]) expect(time.reads(other.heartbeatOffset, own)).toHaveLength(1)
    expect(own.events).toEqual([])
  })

  test.each([
    ['ATS-only', false],
    ['VMFS3', true],
  ] as const)('%s: RESERVE is sent: %s', (mode, reserves) => {
    const time = new VirtualTime({ mode })
    const [own, dead] = [time.host(0), time.host(1)]
    time.start(own, lookAfter(own, time.seen(own, dead), 0))
    expect(freedAt(time, dead, 3 * LOST_MS)).toBeDefined()
    expect(time.sent.some(({ command: { kind } }) => kind === 'reserve')).toBe(reserves)
  })

  test('one that goes on after a pause shorter than that is left alone', () => {
    const time = new VirtualTime()
    const [own, paused] = [time.host(0), time.host(1)]
    time.start(own, lookAfter(own, time.seen(own, paused), 0))
    time.at(LOST_MS - 100, () => time.beat(paused))
    time.at(LOST_MS - 50, () => {
      const image = time.disk.at(paused.own.heartbeatOffset)
      time.disk.put(paused.own.heartbeatOffset, beaten(image, 99n))
    })
    expect(freedAt(time, paused, 10 * LOST_MS)).toBeUndefined()
    expect(time.replays).toEqual([])
  })

  test('a host that ends begins no burial any more', () => {
    const time = new VirtualTime()
    const [own, dead] = [time.host(0), time.host(1)]
    const end = time.start(own, lookAfter(own, time.seen(own, dead), 0))
    own.burials.isEnding = true
    time.runUntil(10 * LOST_MS)
    expect(end).toHaveProperty('result')
    expect(time.sent).toEqual([])
  })

  test('several that look after the same dead host: it is replayed once', () => {
    const time = new VirtualTime()
    const dead = time.host(0)
    const heirs = [1, 2, 3, 4].map((index) => time.host(index))
    for (const heir of heirs) {
      time.beat(heir)
      time.start(heir, lookAfter(heir, time.seen(dead), 0))
    }
    time.runUntil(4 * LOST_MS)
    expect(time.replays).toHaveLength(1)
    expect(heirs.flatMap(kinds)).toEqual(['broken'])
  })
})

describe('a process of this kernel that has ended', () => {
  const ended = (time: VirtualTime) => {
    const victims = new Set<string>()
    const own = time.host(0, { isEnded: (host) => victims.has(host) })
    const dead = time.host(1)
    victims.add(dead.own.host)
    return { own, dead }
  }

  test('is buried after the time between two beats, not after that of a lease', () => {
    const time = new VirtualTime()
    const { own, dead } = ended(time)
    time.start(own, lookAfter(own, time.seen(dead), 0))
    const freed = freedAt(time, dead, LOST_MS)
    expect(freed).toBeGreaterThan(BEAT_MS)
    expect(freed).toBeLessThan(2 * BEAT_MS)
    expect(own.events[0]?.text).toMatch(/is dead: it was a process of this machine that has ended/)
  })

  test('whose last beat was still on its way: only after it has not changed for that time since', () => {
    const time = new VirtualTime()
    const { own, dead } = ended(time)
    time.start(own, lookAfter(own, [{ ...time.seen(dead)[0]! }], 0))
    // In the socket of the process until then: another host would see no more of it.
    time.lock(LOCK, dead.own)
    time.start(own, takeLock(own, LOCK, 'exclusive', 10 * LOST_MS))
    const lateMs = BEAT_MS - 100
    time.at(lateMs, () => {
      const image = time.disk.at(dead.own.heartbeatOffset)
      time.disk.put(dead.own.heartbeatOffset, beaten(image, 99n))
    })
    expect(freedAt(time, dead, LOST_MS)).toBeGreaterThan(lateMs + BEAT_MS)
  })

  test('that a host without a slot is replaying: its claim is its lease, and runs out first', () => {
    const time = new VirtualTime()
    const { own, dead } = ended(time)
    const { heartbeatOffset } = dead.own
    const slotless = { host: '0000beef-00000000-0000-000000000000', heartbeatOffset, heartbeatGeneration: 0n }
    time.disk.put(heartbeatOffset, replaying(time.disk.at(heartbeatOffset), slotless))
    time.start(own, lookAfter(own, time.seen(dead), 0))
    expect(freedAt(time, dead, 3 * LOST_MS)).toBeGreaterThan(LOST_MS)
  })
})

describe('a claim that could not be given back', () => {
  /** The disk goes away from `claimer` in the middle of the replay, for longer than it tries. */
  function leftBehind(time: VirtualTime, found: 'among those that had the volume open' | 'by a lock') {
    const [claimer, peer, dead] = [time.host(0), time.host(1), time.host(2)]
    time.lock(LOCK, dead.own)
    time.beat(claimer)
    time.beat(peer)
    claimer.replays = 'failed'
    const isByLock = found === 'by a lock'
    time.start(claimer, lookAfter(claimer, isByLock ? [] : time.seen(dead), 0))
    if (isByLock) time.start(claimer, takeLock(claimer, LOCK, 'exclusive', LOST_MS))
    const isClaimed = () => replayerOf(time.disk.at(dead.own.heartbeatOffset))?.host === claimer.own.host
    while (!isClaimed()) time.runUntil(time.nowMs + 1)
    claimer.isCut = true
    time.runUntil(time.nowMs + 10 * LOST_MS)
    expect(isClaimed()).toBe(true)
    const taking = time.start(peer, takeLock(peer, LOCK, 'exclusive', 100 * LOST_MS))
    time.runUntil(time.nowMs + 10 * LOST_MS)
    expect(taking.result).toBeUndefined()
    return { claimer, dead, taking }
  }

  describe.each(['among those that had the volume open', 'by a lock'] as const)('found %s', (found) => {
    test('peers wait for it as long as its host beats, and that takes it up again when the disk is back', () => {
      const time = new VirtualTime()
      const { claimer, dead, taking } = leftBehind(time, found)
      claimer.isCut = false
      claimer.replays = 'done'
      time.runUntil(time.nowMs + 3 * BEAT_MS)
      expect(time.replays.at(-1)).toMatchObject({ by: claimer.own.host, host: dead.own.host })
      expect(taking.result).toMatchObject({ kind: 'acquired' })
    })

    test('the disk is back, and the replay still fails: it is given back, and the peer does it', () => {
      const time = new VirtualTime()
      const { claimer, taking } = leftBehind(time, found)
      claimer.isCut = false
      time.runUntil(time.nowMs + LOST_MS + 3 * BEAT_MS)
      expect(taking.result).toMatchObject({ kind: 'acquired' })
      expect(time.replays.at(-1)?.by).not.toBe(claimer.own.host)
    })

    test('its host dies: the peer buries both', () => {
      const time = new VirtualTime()
      const { claimer, taking } = leftBehind(time, found)
      claimer.isAlive = false
      time.runUntil(time.nowMs + 3 * LOST_MS)
      expect(taking.result).toMatchObject({ kind: 'acquired' })
      expect(occupantOf(time.disk.at(claimer.own.heartbeatOffset), claimer.own.heartbeatOffset)).toBeUndefined()
    })
  })
})

test('two hosts that died over the burial of each other: a third buries both', () => {
  const time = new VirtualTime()
  const [own, a, b] = [time.host(0), time.host(1), time.host(2)]
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const { heartbeatOffset } = one.own
    time.disk.put(heartbeatOffset, replaying(time.disk.at(heartbeatOffset), other.own))
  }
  time.start(own, lookAfter(own, time.seen(a, b), 0))
  time.runUntil(2 * LOST_MS)
  expect(time.replays.map(({ host }) => host).sort()).toEqual([a.own.host, b.own.host].sort())
})

describe('all slots are in use', () => {
  const SELF = '0000cafe-00000000-0000-000000000000'

  test('one of them is of a dead host: it is freed, and nothing of the replay leaves after the lease of the claim', () => {
    const time = new VirtualTime()
    const [own, alive, dead] = [time.host(0), time.host(1), time.host(2)]
    time.beat(alive)
    const end = time.start(own, vacate(own, SELF, { slots: time.seen(alive, dead), atMs: 0 }))
    time.runUntil(2 * LOST_MS)
    expect(end.result).toBe(dead.own.heartbeatOffset)
    const [{ fromMs, untilMs }] = time.replays as [Replay & { untilMs: number }]
    expect(untilMs - fromMs).toBeLessThanOrEqual(8000)
    expect(kinds(own)).toEqual(['waiting', 'broken'])
  })

  test('all of them live: it is told soon', () => {
    const time = new VirtualTime()
    const [own, ...alive] = [time.host(0), time.host(1), time.host(2)]
    for (const host of alive) time.beat(host)
    const end = time.start(own, vacate(own, SELF, { slots: time.seen(...alive), atMs: 0 }))
    time.runUntil(2 * BEAT_MS)
    expect(end).toEqual({ result: undefined })
    expect(end).toHaveProperty('result')
  })

  test('the owner comes back in the middle of the replay: it waits until the claim has run out', () => {
    const time = new VirtualTime()
    const owner = time.host(0)
    const { heartbeatOffset, host } = owner.own
    time.free(0)
    const place = { host, journalAddress: 1, journalOffset: 4096, driverMajor: 14, driverMinor: 81 }
    const machine = new HeartbeatMachine(
      owner.settings,
      { volume: 'a volume', owner: place, slots: [heartbeatOffset] },
      owner.watch,
    )
    time.start(owner, machine.acquire())
    time.runUntil(100)
    const claim = { host: SELF, heartbeatOffset, heartbeatGeneration: 0n }
    time.disk.put(heartbeatOffset, replaying(time.disk.at(heartbeatOffset), claim))
    time.start(owner, machine.run())
    time.runUntil(LOST_MS)
    expect(machine.hasAccess).toBe(false)
    time.runUntil(3 * LOST_MS)
    expect(machine.hasAccess).toBe(true)
  })
})
