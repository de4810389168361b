// Judges what hosts did to a volume that they share, from the sequence of what was written to its sectors: that no lock was taken from
// a host that lives, none held by two where one may, and that a host whose heartbeat was broken has written nothing afterwards. Only
// the notes on the format (4, 5) and on the host stand behind it.

import { decodeLock, decodeSlot, describe, type Holder, type Lock, type Slot, sameHolder } from './sectors.ts'

/** Who wrote, by its initiator name, which no two hosts have, when by the array's clock, and with which command. */
export interface Deed {
  readonly atMs: number
  readonly initiator: string
  readonly command: string
  /** The initiator had the whole logical unit reserved. */
  readonly reserved: boolean
}

/** One sector became another one; offsets in bytes of the volume. */
export interface Change extends Deed {
  readonly offset: number
  readonly before: Buffer
  readonly after: Buffer
}

export interface JudgeOptions {
  /** So long a slot must not have changed before anybody but its host touches it. */
  readonly lostMs: number
  /** COMPARE AND WRITE alone may change locks and slots. */
  readonly atsOnly: boolean
  /** Whether the host's process has ended: who can tell may bury it at once. */
  readonly hasEnded?: (host: string) => boolean
}

export interface JudgeCounts {
  lockChanges: number
  exclusive: number
  /** Locks that were taken from hosts whose heartbeat had been broken. */
  broken: number
  /** Locks that a host took after its own heartbeat was broken, and before it knew: they exclude nobody. */
  late: number
  slotsTaken: number
  beats: number
  /** Replays begun, and hosts buried at their end. */
  claims: number
  burials: number
  reclaims: number
  plainWrites: number
}

interface Known {
  readonly slot: Slot
  readonly changedMs: number
}

const MAX_VIOLATIONS = 20
const COMPARE_AND_WRITE = 'COMPARE AND WRITE'

export class Judge {
  readonly counts: JudgeCounts = {
    ...{ lockChanges: 0, exclusive: 0, broken: 0, late: 0, slotsTaken: 0, beats: 0, claims: 0, burials: 0 },
    ...{ reclaims: 0, plainWrites: 0 },
  }
  /** In sentences; the first ones. */
  readonly violations: string[] = []
  readonly #options: JudgeOptions
  readonly #slots = new Map<number, Known>()
  /** The heartbeat by which an initiator works, or the last that it has had; and those before that. */
  readonly #heartbeats = new Map<string, Holder>()
  readonly #earlier = new Map<string, Holder[]>()
  readonly #images = new Map<number, Buffer>()
  readonly #locks = new Map<number, Lock>()

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** The slots in use. */
  living(): Holder[] {
    return [...this.#slots].flatMap(
      ([
        slot,
        {
          slot: { used, host, generation },
        },
      ]) => (used ? [{ host, slot, generation }] : []),
    )
  }

  /** Who holds the lock at this offset, as the last change has left it. */
  holders(offset: number): readonly Holder[] {
    return this.#locks.get(offset)?.holders ?? []
  }

  /** Whether the heartbeat of this initiator was broken by another host. */
  isBroken(initiator: string): boolean {
    const own = this.#heartbeats.get(initiator)
    return own !== undefined && !this.#beats(own)
  }

  /** Something else than a lock or a slot was written: data, metadata, a journal. */
  wrote(deed: Deed, offset: number, length: number): void {
    this.counts.plainWrites++
    const own = this.#heartbeats.get(deed.initiator)
    if (own && this.#beats(own)) return
    const why = own ? `the heartbeat of ${describe(own)} is broken` : 'it has no heartbeat'
    this.#violation(deed, `wrote ${length} bytes at ${offset} of the volume, though ${why}`)
  }

  changed(change: Change): void {
    const { offset, before, after } = change
    const last = this.#images.get(offset)
    if (last && !last.equals(before)) this.#violation(change, `found at ${offset} what nobody is known to have written`)
    this.#images.set(offset, after)
    const slot = decodeSlot(after, offset)
    if (slot) return this.#slotChanged(change, decodeSlot(before, offset), slot)
    const lock = decodeLock(after, offset)
    if (lock) return this.#lockChanged(change, decodeLock(before, offset), lock)
    if (decodeSlot(before, offset) || decodeLock(before, offset))
      this.#violation(change, `overwrote the lock or slot at ${offset} with something else`)
  }

  #slotChanged(change: Change, before: Slot | undefined, after: Slot): void {
    const { offset, initiator, atMs } = change
    const own = this.#heartbeats.get(initiator)
    const occupant = before?.used ? { host: before.host, slot: offset, generation: before.generation } : undefined
    const isOwner = occupant !== undefined && own !== undefined && sameHolder(own, occupant)
    const isBeat = isOwner && after.used && after.generation === before?.generation
    if (!isBeat || before?.replayer) this.#requireExcluded(change, 'the slot')
    else if (this.#options.atsOnly) this.#requireExcluded(change, 'its slot')
    const silentMs = atMs - (this.#slots.get(offset)?.changedMs ?? Number.NEGATIVE_INFINITY)
    this.#slots.set(offset, { slot: after, changedMs: atMs })
    if (!occupant) return this.#taken(change, before, after)
    if (isOwner) return this.#changedByOwner(change, before as Slot, after)
    const silent = silentMs >= this.#options.lostMs || this.#options.hasEnded?.(occupant.host) === true
    this.#changedByPeer(change, before as Slot, after, silent ? undefined : silentMs)
  }

  #taken(change: Change, before: Slot | undefined, after: Slot): void {
    const { offset, initiator } = change
    if (!after.used) return
    this.counts.slotsTaken++
    if (after.generation !== (before?.generation ?? 0n) + 1n)
      this.#violation(change, `took the slot at ${offset} with generation ${after.generation}, not the next one`)
    const last = this.#heartbeats.get(initiator)
    if (last) this.#earlier.set(initiator, [...(this.#earlier.get(initiator) ?? []), last])
    this.#heartbeats.set(initiator, { host: after.host, slot: offset, generation: after.generation })
  }

  #changedByOwner(change: Change, before: Slot, after: Slot): void {
    const { offset, initiator } = change
    if (!after.used) {
      if (before.replayer) this.#violation(change, `gave the slot at ${offset} back while it is being replayed`)
      if (after.generation !== before.generation) this.#violation(change, `changed the generation at its own end`)
      this.#heartbeats.delete(initiator)
    } else if (after.host !== before.host || after.generation !== before.generation) {
      this.#violation(change, `made another host of its own slot at ${offset}`)
    } else if (before.replayer && !after.replayer) {
      this.counts.reclaims++
      if (this.#beats(before.replayer) && !this.#isSilent(before.replayer, change.atMs))
        this.#violation(change, `went on with the slot at ${offset} while ${describe(before.replayer)} replays it`)
    } else this.counts.beats++
  }

  #changedByPeer(change: Change, before: Slot, after: Slot, silentMs: number | undefined): void {
    const { offset, initiator } = change
    const own = this.#heartbeats.get(initiator)
    const what = `the slot at ${offset} of ${before.host}`
    if (!own || !this.#beats(own)) this.#violation(change, `touched ${what} without a heartbeat of its own`)
    const isOwnClaim = before.replayer !== undefined && own !== undefined && sameHolder(before.replayer, own)
    if (after.used) {
      if (after.host !== before.host || after.generation !== before.generation)
        return this.#violation(change, `took ${what} without clearing it first`)
      if (isOwnClaim) return // it gives the claim back, or claims again
      this.counts.claims++
      if (silentMs !== undefined) this.#violation(change, `claimed ${what}, which had changed ${silentMs} ms ago`)
      if (!own || !after.replayer || !sameHolder(after.replayer, own))
        this.#violation(change, `changed ${what} without naming itself as the one that replays it`)
      return
    }
    this.counts.burials++
    if (!isOwnClaim) this.#violation(change, `cleared ${what} without having claimed it`)
    if (after.generation !== before.generation + 1n) this.#violation(change, `cleared ${what} in the same generation`)
  }

  #lockChanged(change: Change, before: Lock | undefined, after: Lock): void {
    const { offset, initiator } = change
    this.#locks.set(offset, after)
    if (!before && after.holders.length === 0) return // a header that is made: nobody can have had it
    this.#requireExcluded(change, 'the lock')
    this.counts.lockChanges++
    const own = this.#heartbeats.get(initiator)
    const gone = (before?.holders ?? []).filter((one) => !after.holders.some((other) => sameHolder(one, other)))
    const come = after.holders.filter((one) => !before?.holders.some((other) => sameHolder(one, other)))
    for (const one of gone) {
      if (own && sameHolder(one, own)) continue
      if (this.#isCurrent(one)) this.#violation(change, `took the lock at ${offset} from ${describe(one)}, which lives`)
      else this.counts.broken++
    }
    const isEarlier = (one: Holder) => this.#earlier.get(initiator)?.some((other) => sameHolder(one, other)) === true
    for (const one of come) {
      if (isEarlier(one) && !this.#isCurrent(one)) this.counts.late++
      else if (!own || !sameHolder(one, own)) this.#violation(change, `gave the lock at ${offset} to ${describe(one)}`)
      else if (!this.#beats(own)) this.counts.late++
      else if (after.mode === 'exclusive') this.counts.exclusive++
    }
    if (after.mode === 'exclusive' && after.holders.length !== 1)
      this.#violation(change, `left the lock at ${offset} exclusive with ${after.holders.length} holders`)
    const stay = before?.holders.filter((one) => this.#isCurrent(one) && !gone.includes(one)) ?? []
    if (before && before.mode !== after.mode && stay.some((one) => !own || !sameHolder(one, own)))
      this.#violation(change, `changed the mode of the lock at ${offset} under ${stay.map(describe).join(' and ')}`)
  }

  #requireExcluded(change: Change, what: string): void {
    const { command, reserved, offset } = change
    if (command === COMPARE_AND_WRITE || (reserved && !this.#options.atsOnly)) return
    this.#violation(
      change,
      `changed ${what} at ${offset} by a plain write ${reserved ? 'of an ATS-only volume' : 'without a reservation'}`,
    )
  }

  /** Whether its locks count: the slot still has its generation, replayed or not. */
  #isCurrent({ host, slot, generation }: Holder): boolean {
    const known = this.#slots.get(slot)?.slot
    return known?.used === true && known.host === host && known.generation === generation
  }

  /** Whether nobody has broken its heartbeat: neither cleared it nor begun to replay it. */
  #beats(holder: Holder): boolean {
    return this.#isCurrent(holder) && this.#slots.get(holder.slot)?.slot.replayer === undefined
  }

  #isSilent({ slot, host }: Holder, atMs: number): boolean {
    const changedMs = this.#slots.get(slot)?.changedMs ?? Number.NEGATIVE_INFINITY
    return atMs - changedMs >= this.#options.lostMs || this.#options.hasEnded?.(host) === true
  }

  #violation({ atMs, initiator, command }: Deed, what: string): void {
    if (this.violations.length < MAX_VIOLATIONS)
      this.violations.push(`${new Date(atMs).toISOString()} ${initiator} (${command}): ${what}`)
  }
}
