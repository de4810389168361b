// The host's side as a library: `import { connect, discover } from 'lunette/host'`.

export type { CommandResult, Residual, ScsiCommand, ScsiTask } from './initiator/command.ts'
export {
  type Account,
  type AuthOptions,
  type ConnectOptions,
  connect,
  type DiscoverOptions,
  discover,
} from './initiator/connect.ts'
export {
  AuthenticationError,
  ConnectionLostError,
  IscsiError,
  LoginRefusedError,
  ProtocolError,
  RejectedError,
  TaskAbortedError,
  UnreachableError,
} from './initiator/errors.ts'
export type { InitiatorSession, ManageOptions, SessionIdentity } from './initiator/session.ts'
export { type IscsiUrl, parseIscsiUrl } from './url.ts'
