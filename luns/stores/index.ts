// The kinds of stores, by the name that a configuration gives them. A new kind is one file and one row.

import type { Pool } from '../pool.ts'
import type { Store } from '../store.ts'
import { openFile } from './file.ts'
import { MemoryStore } from './memory.ts'
import { NullStore } from './null.ts'
import { openSparse } from './sparse.ts'

export type StoreSpec =
  | { readonly type: 'sparse' | 'file'; readonly path: string }
  | { readonly type: 'memory' }
  | { readonly type: 'null' }

export interface StoreOptions {
  /** The size of the medium in bytes. */
  readonly length: number
  readonly readOnly: boolean
  /** Takes account of what the store allocates, and refuses what it has no room for: StoreError 'no space'. */
  readonly pool?: Pool | undefined
}

type Spec<Type extends StoreSpec['type']> = StoreSpec & { readonly type: Type }

const OPENERS: {
  readonly [Type in StoreSpec['type']]: (spec: Spec<Type>, options: StoreOptions) => Promise<Store>
} = {
  sparse: (spec, options) => openSparse(spec.path, options),
  file: (spec, options) => openFile(spec.path, options),
  memory: async (_, { length, readOnly, pool }) => new MemoryStore(length, readOnly, pool?.open()),
  null: async (_, { length, readOnly }) => new NullStore(length, readOnly),
}

/** Opens the store, creating its image where there is none. Throws StoreError 'cannot open', a sentence to show. */
export function openStore(spec: StoreSpec, options: StoreOptions): Promise<Store> {
  const open = OPENERS[spec.type] as (spec: StoreSpec, options: StoreOptions) => Promise<Store>
  return open(spec, options)
}
