// Whether a host lives, told from its slot alone (notes on the ESXi host, heartbeat): unchanged over 16 s of the watcher's own time.

import { describe, expect, test } from 'vitest'
import { PeerWatch } from '../../../../src/host/vmfs/locking/peer-watch.ts'
import { LOCKING_DEFAULTS } from '../../../../src/host/vmfs/locking/settings.ts'

const SLOT = 3 * 1024 * 1024
const beat = (byte: number) => Buffer.alloc(512, byte)

/** What is found at each look, by the seconds at which it is sent and answered. */
function watch(...looks: readonly [sentS: number, answeredS: number, beat: number][]): boolean[] {
  const peer = PeerWatch.of(LOCKING_DEFAULTS)
  return looks.map(([sent, answered, byte]) =>
    peer.isDead(SLOT, { image: beat(byte), issuedMs: sent * 1000, answeredMs: answered * 1000 }),
  )
}

describe('a host is dead', () => {
  test('when its slot has not changed for 16 s, and not sooner', () => {
    const looks = [0, 3, 6, 9, 12, 15, 15.9, 16].map((s): [number, number, number] => [s, s, 1])
    expect(watch(...looks)).toEqual([...Array(7).fill(false), true])
  })

  test('counted from the answer of the first look to the sending of the last one', () => {
    expect(watch([0, 2, 1], [8, 9, 1], [16, 19, 1], [17.9, 17.9, 1], [18, 18, 1])).toEqual([
      ...Array(4).fill(false),
      true,
    ])
  })

  test('not when it changed in between, to whatever', () => {
    expect(watch([0, 0, 1], [7, 7, 2], [14, 14, 1], [16, 16, 1], [22, 22, 1], [29, 29, 1], [30, 30, 1])).toEqual([
      ...Array(6).fill(false),
      true,
    ])
  })
})

test('a watcher that could not look for longer than 8 s begins anew: the other may have been kept from beating as well', () => {
  const looks = [0, 8, 16.5, 24.5, 32, 32.5].map((s): [number, number, number] => [s, s, 1])
  expect(watch(...looks)).toEqual([...Array(5).fill(false), true])
})
