// VMFS volumes as a library, by way of `lunette/host`.

export { type CheckOptions, type CheckProgress, checkVolume } from './check/check.ts'
export { type Repaired, type RepairOptions, repairVolume } from './check/repair.ts'
export type { Finding, FindingName, Host, Report, Totals } from './check/report.ts'
export { VmfsError, type VmfsProblem } from './errors.ts'
export { type FileDescriptor, isDirectory } from './file-descriptors.ts'
export type { FilePiece, FileReader } from './file-reader.ts'
export { type FormatOptions, type FormattedVolume, formatVolume } from './format.ts'
export { type Heartbeat, readHeartbeats } from './heartbeats.ts'
export { type LockMode, type LockModeState, lockModeOf, lockModeText } from './lock-mode.ts'
export type { LockingEvent } from './locking/commands.ts'
export type { LockingCounts, OperationCounts } from './locking/counters.ts'
export type { LockOperation, SectorOperation, VolumeMode } from './locking/operations.ts'
export { LOCKING_DEFAULTS, type LockingSettings } from './locking/settings.ts'
export type { LockingTrace } from './locking/trace.ts'
export type { FileReference, OpenFile, OpenMode } from './open-file.ts'
export { type Found, lookup as lookupPath, readLink, walkTree } from './path-lookup.ts'
export { type LockModeChange, type SetLockModeOptions, setLockMode } from './set-lock-mode.ts'
export { type HeldLock, heldLocks, measureSpace, type Space, type SpaceUse } from './space.ts'
export type { DirectoryEntry, FoundEntry } from './structures/directory.ts'
export { FILE_TYPE, type FileMeta } from './structures/file-descriptor.ts'
export { type FsDescriptor, openVolume, type Volume } from './volume.ts'
export {
  openForWriting,
  type PutOptions,
  type WritableVolume,
  type WriteOptions,
} from './writable-volume.ts'
