// The heartbeats of hosts that live and the locks that they hold, as debugvmfs and debugvmfs6 find them on the image while the array serves it.

import type { VmfsVersion } from '../vmfs/data-set.ts'
import { heartbeats, shown } from '../vmfs/output.ts'
import { READERS } from '../vmfs/readers.ts'
import type { Judge } from './judge.ts'
import { describe, type Holder } from './sectors.ts'
import type { Story } from './story.ts'
import type { Worker } from './worker.ts'

export interface ShownOptions {
  readonly version: VmfsVersion
  readonly image: string
  readonly workers: readonly Worker[]
  readonly judge: Judge
  readonly story: Story
  readonly tool: (command: readonly string[]) => Promise<string>
}

/** Compares those that live before and after the tool has looked. */
export async function compareHeartbeats(options: ShownOptions): Promise<void> {
  const { version, image, workers, judge, story, tool } = options
  const before = living(workers, judge)
  const found = heartbeats(await tool([READERS[version].debug, image, 'show_heartbeats']))
  const after = living(workers, judge)
  for (const [host, holder] of before) {
    if (after.get(host)?.generation !== holder.generation) continue
    story.count('heartbeats compared')
    const one = found.find(({ uuid }) => uuid === host)
    if (one?.position === holder.slot && one.sequence === holder.generation) continue
    const text = one ? `at ${one.position} with sequence ${one.sequence}` : 'nowhere'
    story.wrong('heartbeats', `${READERS[version].debug} shows the heartbeat of ${describe(holder)} ${text}`)
  }
}

/** Of the files that are held open before and after the tool has looked. */
export async function compareHeldLocks({ version, image, judge, story, tool }: ShownOptions): Promise<void> {
  for (const [path, held] of [...story.held]) {
    const slot = judge.living().find(({ host }) => host === held.host)
    const lock = shown(await tool([READERS[version].debug, image, 'show', `inode["${path}"].mdh`]))
    const isStillHeld = story.held.get(path) === held && !judge.isBroken(held.initiatorName)
    if (!slot || !isStillHeld) continue
    story.count('held locks compared')
    const found = ['HB Lock', 'HB UUID', 'HB Position', 'HB Sequence'].map((name) => lock.get(name)).join(' ')
    const wanted = `write lock ${held.host} ${slot.slot} ${slot.generation}`
    if (found !== wanted) story.wrong('heartbeats', `${path} should show ${wanted}, and shows ${found}`)
  }
}

/** The slots of hosts that are known to live, as the medium was seen to be written. */
function living(workers: readonly Worker[], judge: Judge): ReadonlyMap<string, Holder> {
  const slots = new Map(judge.living().map((holder) => [holder.host, holder]))
  return new Map(
    workers.flatMap(({ isAlive, host }) => {
      const slot = host === undefined ? undefined : slots.get(host)
      return isAlive && slot ? [[slot.host, slot] as const] : []
    }),
  )
}
