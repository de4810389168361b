// A dead host's claim that cannot be given back, since the disk went away during the replay: it is tried for a while, not for ever.

import { expect, test } from 'vitest'
import { Burials } from '../../../../src/host/vmfs/locking/burial.ts'
import type { Answer, Command } from '../../../../src/host/vmfs/locking/commands.ts'
import { taken } from '../../../../src/host/vmfs/locking/heartbeat-images.ts'
import { granted, type Holder } from '../../../../src/host/vmfs/locking/lock-images.ts'
import { LOCKING_DEFAULTS } from '../../../../src/host/vmfs/locking/settings.ts'
import { takeLock } from '../../../../src/host/vmfs/locking/take-lock.ts'
import { HEARTBEAT, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { encodeLock, LOCK_TYPE } from '../../../../src/host/vmfs/structures/lock.ts'
import { ModelDisk } from './model-disk.ts'

const LOCK = 512
const SLOT = 1024
const DEAD = '5f6a1b2c-00000002-0002-02005e000002'
const OWN: Holder = { host: '5f6a1b2c-00000001-0001-02005e000001', heartbeatOffset: 2048, heartbeatGeneration: 1n }

test('a disk that goes away during a replay and stays away: taking the lock fails', () => {
  const disk = new ModelDisk()
  const owner = {
    host: DEAD,
    journalAddress: 0,
    journalOffset: 4096,
    driverMajor: 24,
    driverMinor: 82,
    lockImplementation: 2,
  }
  const free = HEARTBEAT.encode({ state: HEARTBEAT_STATE.free, offset: SLOT, generation: 0n }, Buffer.alloc(512))
  disk.put(SLOT, taken(free, SLOT, owner, 1n)!)
  const dead: Holder = { host: DEAD, heartbeatOffset: SLOT, heartbeatGeneration: 1n }
  disk.put(
    LOCK,
    granted(encodeLock({ type: LOCK_TYPE.fileDescriptor, offset: LOCK }, Buffer.alloc(512)), dead, 'exclusive', [])!,
  )
  const watch = { isDead: () => true, isLate: () => false }
  const locking = takeLock(
    { settings: LOCKING_DEFAULTS, watch, burials: new Burials(LOCKING_DEFAULTS), holder: () => OWN },
    LOCK,
    'exclusive',
    0,
  )
  let nowMs = 0
  let isGone = false
  const carryOut = (command: Command): Pick<Answer, 'kind' | 'image'> => {
    if (command.kind === 'wait') nowMs += command.ms
    if (command.kind === 'wait' || command.kind === 'event') return { kind: 'done' }
    if (command.kind === 'replay') isGone = true
    return isGone || command.kind === 'replay' ? { kind: 'failed' } : disk.execute(OWN, command)
  }
  let step = locking.next()
  for (let steps = 0; !step.done && steps < 100_000; steps++) {
    const issuedMs = nowMs
    step = locking.next({ ...carryOut(step.value), issuedMs, answeredMs: nowMs })
  }
  expect(isGone).toBe(true)
  expect(step).toMatchObject({ done: true, value: { kind: 'busy', holders: [dead] } })
})
