// A sector that is neither a lock nor a heartbeat: the descriptor of the file system, which hosts change under a lock. Who held that
// lock may have been taken for dead since, so it is changed only if it still is what was read under the lock.

import type { Procedure } from './commands.ts'
import type { LockingSettings } from './settings.ts'
import { type Failure, updateSector } from './update-sector.ts'

export type Replaced = { readonly kind: 'replaced' } | { readonly kind: 'changed' } | Failure

export function* replaceSector(
  settings: LockingSettings,
  offset: number,
  read: Buffer,
  image: Buffer,
): Procedure<Replaced> {
  const result = yield* updateSector<'changed'>(settings, 'change locking mode', offset, (found) =>
    found.equals(read) ? { write: image } : { leave: 'changed' },
  )
  if (result.kind === 'failed') return result
  return { kind: result.kind === 'written' ? 'replaced' : 'changed' }
}
