// The library: `import { startArray } from 'lunette'`.

export { StoreError } from '../luns/errors.ts'
export type { Changes } from './config/changes.ts'
export type { ArrayConfig, ArrayInput } from './config/schema.ts'
export { OperatorError } from './errors.ts'
export type { Logger } from './log.ts'
export { type ArrayOptions, type BlockAddress, type RunningArray, startArray } from './target/array.ts'
export type { Injection, Injector, SeenCommand } from './target/injection.ts'
export type { LockEvent, LockImages, Verdict } from './target/lock-event.ts'
export type { BlockHistory } from './target/lock-history.ts'
