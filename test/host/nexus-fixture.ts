// A nexus with a scripted target, its time in the hands of the test.

import { onTestFinished } from 'vitest'
import { COMPARE_AND_WRITE, READ_10, WRITE_10 } from '../../protocol/index.ts'
import {
  type NexusCommand,
  openTarget,
  type SessionEvent,
  type TargetSession,
  type TargetSessionOptions,
} from '../../src/host/index.ts'
import { ManualClock } from './manual-clock.ts'
import { ANSWERS, ScriptedTarget, type TargetEnd } from './scripted-target.ts'

/** A target that wants no waiting before a new connection. */
export const PROMPT = { ...ANSWERS, DefaultTime2Wait: '0' }
export const ISID = Buffer.from('80aabbccddee', 'hex')

export const read: NexusCommand = {
  name: 'READ(10)',
  lun: 0,
  cdb: READ_10.encode({ blocks: 1 }),
  dataInLength: 512,
  repeatable: true,
}
export const write: NexusCommand = {
  name: 'WRITE(10)',
  lun: 0,
  cdb: WRITE_10.encode({ blocks: 1 }),
  dataOut: Buffer.alloc(512, 7),
  repeatable: true,
}
export const ats: NexusCommand = {
  name: 'COMPARE AND WRITE',
  lun: 0,
  cdb: COMPARE_AND_WRITE.encode({ blocks: 1 }),
  dataOut: Buffer.alloc(1024, 7),
  repeatable: false,
}

export interface Stage {
  readonly server: ScriptedTarget
  readonly clock: ManualClock
  readonly nexus: TargetSession
  readonly target: TargetEnd
  readonly events: SessionEvent[]
}

export async function openNexus({
  answers = PROMPT,
  timeouts = {},
  window = 32,
  ...options
}: Partial<TargetSessionOptions> & {
  readonly answers?: Readonly<Record<string, string>>
  readonly window?: number
} = {}): Promise<Stage> {
  const server = await ScriptedTarget.listen()
  const clock = new ManualClock()
  const opening = openTarget({
    host: '127.0.0.1',
    port: server.port,
    targetName: 'iqn.2026-11.io.lunette:t',
    isid: ISID,
    clock,
    timeouts: { keepAliveIntervalMs: 0, ...timeouts },
    ...options,
  })
  const target = await server.accept()
  target.window = window
  await target.login(answers)
  const nexus = await opening
  onTestFinished(() => nexus.destroy())
  const events: SessionEvent[] = []
  nexus.onEvent((event) => events.push(event))
  return { server, clock, nexus, target, events }
}

/** The connection that the initiator makes next, logged in. */
export async function accepted({ server }: Stage, answers = PROMPT): Promise<TargetEnd> {
  const target = await server.accept()
  await target.login(answers)
  return target
}

/** Answers the next command, which must be this one. */
export async function answer(target: TargetEnd, command: NexusCommand): Promise<void> {
  const { header } = await target.takeCommand()
  if (!header.cdb.subarray(0, command.cdb.length).equals(command.cdb)) throw new Error(`not ${command.name}`)
  if (command.dataInLength)
    target.dataIn(header.initiatorTaskTag, 0, 0, Buffer.alloc(512, 9), { final: true, hasStatus: true })
  else target.good(header.initiatorTaskTag)
}
