// The array's own record of accepted COMPARE AND WRITEs, judged by itself: of an ATS-only volume it says everything about locks.

import { LOCKING_DEFAULTS } from '../../src/host/index.ts'
import type { LockEvent } from '../../src/index.ts'
import { Judge, type JudgeCounts } from './judge.ts'
import { SECTOR_BYTES } from './sectors.ts'
import type { Story } from './story.ts'

const VOLUME_AT = 0x1100000

/** @param seen what was seen on the medium: the record says the same */
export function judgeRecord(
  events: readonly LockEvent[],
  seen: JudgeCounts,
  story: Story,
  hasEnded: (host: string) => boolean,
): void {
  const judge = new Judge({ lostMs: LOCKING_DEFAULTS.lostMs, atsOnly: true, hasEnded })
  const accepted = events.filter(({ command, verdict }) => command === 'COMPARE AND WRITE' && verdict === 'accepted')
  for (const event of accepted.sort((a, b) => a.number - b.number)) {
    const { images, lba = 0, at: atMs, nexus, command } = event
    if (!images || typeof images.expected === 'string' || typeof images.replacement === 'string') continue
    if (images.expected.equals(images.replacement)) continue
    const [before, after] = [images.expected, images.replacement]
    const initiator = nexus?.initiatorPort.split(',i,')[0] ?? 'nobody'
    judge.changed({ atMs, initiator, command, reserved: false, offset: lba * SECTOR_BYTES - VOLUME_AT, before, after })
  }
  for (const each of judge.violations) story.wrong('locks', `by the array's record: ${each}`)
  story.count('accepted COMPARE AND WRITEs', accepted.length)
  for (const count of ['lockChanges', 'exclusive', 'slotsTaken', 'burials'] as const)
    if (judge.counts[count] !== seen[count])
      story.wrong('locks', `${count}: ${judge.counts[count]} by the array's record, ${seen[count]} on its medium`)
  const reserved = events.filter(({ command }) => command.startsWith('RESERVE')).length
  if (reserved > 0) story.wrong('locks', `${reserved} reservations of an ATS-only volume`)
}
