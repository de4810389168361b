// The host's side as a library: `import { openLogicalUnit, connect, discover } from 'lunette/host'`.

export type { BlockDevice } from './block-device.ts'
export { type Clock, systemClock } from './clock.ts'
export { BusyError, CommandError, MiscompareError, ReservationConflictError } from './command-error.ts'
export type { AttentionListener } from './command-runner.ts'
export * from './commands/index.ts'
export { createFileDevice, type FileDeviceOptions, openFileDevice } from './file-device.ts'
export type { CommandResult, Residual, ScsiCommand, ScsiTask } from './initiator/command.ts'
export {
  type Account,
  type AuthOptions,
  type ConnectOptions,
  connect,
} from './initiator/connect.ts'
export { type DiscoverOptions, discover } from './initiator/discover.ts'
export {
  AuthenticationError,
  CommandTimeoutError,
  ConnectionLostError,
  IscsiError,
  LoginRefusedError,
  MalformedAnswerError,
  NotSentError,
  OutcomeUnknownError,
  ProtocolError,
  RecoveryFailedError,
  RedirectError,
  RejectedError,
  ReservationLostError,
  SessionClosedError,
  TaskAbortedError,
  UnreachableError,
} from './initiator/errors.ts'
export type { InitiatorSession, SessionIdentity } from './initiator/session.ts'
export type { AsyncMessage, ManageOptions } from './initiator/session-requests.ts'
export {
  openTarget,
  type SessionEvent,
  type TargetSession,
  type TargetSessionOptions,
} from './initiator/target-session.ts'
export * from './initiator/task-management.ts'
export { DEFAULT_TIMEOUTS, type Timeouts } from './initiator/timeouts.ts'
export { openIscsiDevice } from './iscsi-device.ts'
export { type Capacity, LogicalUnit } from './logical-unit.ts'
export type { Nexus, NexusCommand } from './nexus.ts'
export { type ObserveOptions, observe } from './observer.ts'
export { type DeviceOptions, openDevice } from './open-device.ts'
export { type BesideUrl, type LogicalUnitOptions, openLogicalUnit } from './open-logical-unit.ts'
export type { RawOptions } from './primary-commands.ts'
export type { IoLimits, SharedDevice } from './shared-device.ts'
export { type IscsiUrl, parseIscsiUrl } from './url.ts'
export type { Check } from './vaai/check.ts'
export type { VaaiFacts } from './vaai/facts.ts'
export { gatherVaaiFacts } from './vaai/gather.ts'
export { judgeVaai, type PrimitiveStatus, type VaaiStatus } from './vaai/status.ts'
export * from './vmfs/index.ts'
