// What target and host share of iSCSI (RFC 7143): PDUs, digests, serial numbers, text keys and their negotiation.

export { AHS_TYPE, type Ahs, decodeAhs, encodeAhs } from './ahs.ts'
export { ASYNC_EVENT, ASYNC_MESSAGE } from './async-message.ts'
export { decodeBinaryValue, encodeBinaryValue } from './binary-value.ts'
export {
  CHAP_ALGORITHM_NAMES,
  CHAP_ALGORITHMS,
  type ChapAccount,
  type ChapAlgorithm,
  type ChapCrypto,
  ChapError,
  type ChapKeys,
  type ChapTerms,
} from './chap.ts'
export { ChapAuthenticator } from './chap-authenticator.ts'
export { ChapPeer } from './chap-peer.ts'
export { DATA_IN } from './data-in.ts'
export { DATA_OUT } from './data-out.ts'
export { DIGEST_LENGTH, digestOf, paddedLength } from './digest.ts'
export {
  defaultParameters,
  findKey,
  KEYS,
  type Key,
  type KeyName,
  type NegotiationPhase,
  type OperationalParameters,
  type Side,
} from './keys.ts'
export { LOGIN_REQUEST, LOGIN_STAGE } from './login-request.ts'
export { LOGIN_RESPONSE } from './login-response.ts'
export { findLoginStatus, LOGIN_STATUS, type LoginStatus } from './login-status.ts'
export { LOGOUT_REASON, LOGOUT_REQUEST } from './logout-request.ts'
export { LOGOUT_RESPONSE, LOGOUT_RESPONSE_CODE } from './logout-response.ts'
export { isIscsiName, normalizeIscsiName } from './names.ts'
export {
  Negotiation,
  type NegotiationFailure,
  type NegotiationOptions,
  type NegotiationOutcome,
  type OwnParameters,
} from './negotiation.ts'
export { NOP_IN } from './nop-in.ts'
export { NOP_OUT } from './nop-out.ts'
export { BHS_LENGTH, INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE } from './opcodes.ts'
export {
  type Digests,
  decodePdu,
  encodePdu,
  type HeaderFields,
  type Opcode,
  PDU_LAYOUTS,
  type Pdu,
  type PduBody,
  type PduHeader,
} from './pdu.ts'
export { R2T } from './r2t.ts'
export { REJECT, REJECT_REASON } from './reject.ts'
export { SCSI_COMMAND, TASK_ATTRIBUTE } from './scsi-command.ts'
export { SCSI_RESPONSE, SCSI_RESPONSE_CODE } from './scsi-response.ts'
export {
  buildSendTargets,
  type DiscoveredTarget,
  formatTargetAddress,
  ISCSI_PORT,
  parseSendTargets,
  parseTargetAddress,
  type TargetAddress,
} from './send-targets.ts'
export { distance, inWindow, lessThan, next } from './serial.ts'
export { SNACK_REQUEST, SNACK_TYPE } from './snack-request.ts'
export { TASK_MANAGEMENT_FUNCTION, TASK_MANAGEMENT_REQUEST } from './task-management-request.ts'
export { TASK_MANAGEMENT_RESPONSE, TASK_MANAGEMENT_RESPONSE_CODE } from './task-management-response.ts'
export { buildText, parseNumber, parseText, type TextPair } from './text.ts'
export { TEXT_REQUEST } from './text-request.ts'
export { TEXT_RESPONSE } from './text-response.ts'
