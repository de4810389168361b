// Hosts that have left their slots behind, on a volume that hosts share. That a host is dead is not taken on trust here: its slot
// must not have changed for as long as any other host would watch it, whoever says what.

import { type Clock, delay, systemClock } from '../clock.ts'
import { VmfsError } from './errors.ts'
import { decodeSlot, type Heartbeat, type RawSlot, readHeartbeats, readSlots } from './heartbeats.ts'
import { isEndedProcess } from './host-identity.ts'
import { type RecoverOptions, requireAlone } from './host-session.ts'
import type { EngineOptions } from './locking/engine.ts'
import { PeerWatch } from './locking/peer-watch.ts'
import { LOCKING_DEFAULTS, type LockingSettings } from './locking/settings.ts'
import type { Others } from './locking/undertaking.ts'
import type { Volume } from './volume.ts'

/** As procedures see slots: of each the sector that changes. */
export function inUse({ logical }: Volume, slots: readonly RawSlot[], atMs: number): Others {
  const sectorBytes = (offset: number) => logical.place(offset).device.blockBytes
  const used = slots.filter(({ isUsed }) => isUsed)
  return {
    slots: used.map(({ slotOffset, image }) => ({ slotOffset, image: image.subarray(0, sectorBytes(slotOffset)) })),
    atMs,
  }
}

export interface WatchOptions extends Pick<EngineOptions, 'onEvent'> {
  readonly locking?: Partial<LockingSettings>
  readonly clock?: Clock
}

/** Looks in the time after which a host is dead. */
const LOOKS = 4

/**
 * Watches the slots in use until their hosts are known to be dead.
 * @returns what was seen, for who buries them
 * @throws VmfsError 'in use' that names those that beat
 */
export async function watchSilence(
  volume: Volume,
  { locking, clock = systemClock, onEvent }: WatchOptions = {},
): Promise<PeerWatch> {
  const settings = { ...LOCKING_DEFAULTS, ...locking }
  const { lostMs } = settings
  const watch = PeerWatch.of(settings)
  const first = new Map<number, Heartbeat>()
  let isTold = false
  for (;;) {
    const issuedMs = clock.now()
    const slots = await readSlots(volume.logical, volume.version)
    const times = { issuedMs, answeredMs: clock.now() }
    const beating: Heartbeat[] = []
    let isSilent = true
    for (const { slotOffset, image } of inUse(volume, slots, times.answeredMs).slots) {
      const slot = decodeSlot({ slotOffset, image, isUsed: true })
      const before = first.get(slotOffset) ?? slot
      if (before.owner === slot.owner && before.stampUs !== slot.stampUs) beating.push(slot)
      first.set(slotOffset, slot)
      if (!watch.isDead(slotOffset, { image, ...times })) isSilent = false
    }
    if (beating.length > 0) throw alive(beating)
    if (isSilent) return watch
    if (!isTold) onEvent?.({ kind: 'waiting', text: watching(first.size, lostMs), atMs: Date.now() })
    isTold = true
    await delay(clock, lostMs / LOOKS)
  }
}

const watching = (hosts: number, lostMs: number): string =>
  `${hosts === 1 ? 'one HB slot is' : `${hosts} HB slots are`} in use: watching for ${lostMs / 1000} s whether a host beats there`

function alive(hosts: readonly Heartbeat[]): VmfsError {
  const names = hosts.map(({ owner, ip }) => `${owner}${ip === '' ? '' : ` (${ip})`}`)
  return new VmfsError(
    'in use',
    `${names.length === 1 ? 'host' : 'hosts'} ${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} the volume open, and ` +
      `${names.length === 1 ? 'beats' : 'beat'}: close it there first; only hosts that do not beat are taken for dead`,
    hosts[0]?.slotOffset,
  )
}

/** Hosts that are to be buried when a volume is opened. */
export interface LeftBehind {
  readonly hosts: readonly Heartbeat[]
  /** What was seen of them. */
  readonly watch?: PeerWatch
}

/** @throws VmfsError 'in use' for a host that beats, or of which nothing is known */
export async function leftBehind(
  volume: Volume,
  { recover = false, watch, ...options }: RecoverOptions & WatchOptions & { readonly watch?: PeerWatch },
): Promise<LeftBehind> {
  if (recover === true) {
    const watched = watch ?? (await watchSilence(volume, options))
    return { hosts: await readHeartbeats(volume.logical, volume.version), watch: watched }
  }
  if (!recover) return { hosts: [] }
  const hosts = await readHeartbeats(volume.logical, volume.version)
  requireAlone(
    hosts.filter(({ owner }) => !isEndedProcess(owner)),
    '',
  )
  return { hosts }
}

/** What has a volume open, and looks after the dead. */
interface Undertaker {
  readonly host: string
  buryTheDead(): Promise<void>
  whyNotReplayed(host: string): unknown
  end(): Promise<void>
}

/**
 * @returns the UUIDs of the hosts
 * @throws VmfsError 'in use' for one that is not dead after all, and what keeps a journal from being replayed; the session is over then
 */
export async function buryAll(
  { logical, version }: Volume,
  session: Undertaker,
  { hosts }: LeftBehind,
): Promise<string[]> {
  if (hosts.length === 0) return []
  try {
    await session.buryTheDead()
    const wasLeft = ({ owner, generation }: Heartbeat) =>
      hosts.some((host) => host.owner === owner && host.generation === generation)
    const left = (await readHeartbeats(logical, version)).filter(wasLeft)
    const why = left.map(({ owner }) => session.whyNotReplayed(owner)).find((cause) => cause !== undefined)
    if (why !== undefined) throw why
    requireAlone(left, session.host)
  } catch (error) {
    await session.end().catch(() => {}) // the cause of the failure is what matters
    throw error
  }
  return hosts.map(({ owner }) => owner)
}
