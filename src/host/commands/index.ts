// What the typed commands of a logical unit take and give.

export type { ModeSenseOptions } from './identity.ts'
export type { Caching, Lba, StartStopOptions, WriteSameOptions } from './medium.ts'
export type { Request } from './request.ts'
export type {
  PersistentReserveInAction,
  PersistentReserveInResult,
  PersistentReserveOutAction,
  PersistentReserveOutOptions,
} from './reservations.ts'
export type { VpdPage, VpdPageName } from './vpd-pages.ts'
