// Status-Class and Status-Detail of a Login Response (RFC 7143 11.13.5), one row each.

export interface LoginStatus {
  /** 0 success, 1 redirection, 2 initiator error, 3 target error. */
  readonly statusClass: number
  readonly statusDetail: number
  readonly text: string
}

export const LOGIN_STATUS = {
  SUCCESS: { statusClass: 0, statusDetail: 0x00, text: 'success' },
  TARGET_MOVED_TEMPORARILY: { statusClass: 1, statusDetail: 0x01, text: 'target moved temporarily' },
  TARGET_MOVED_PERMANENTLY: { statusClass: 1, statusDetail: 0x02, text: 'target moved permanently' },
  INITIATOR_ERROR: { statusClass: 2, statusDetail: 0x00, text: 'initiator error' },
  AUTHENTICATION_FAILURE: { statusClass: 2, statusDetail: 0x01, text: 'authentication failure' },
  AUTHORIZATION_FAILURE: { statusClass: 2, statusDetail: 0x02, text: 'authorization failure' },
  NOT_FOUND: { statusClass: 2, statusDetail: 0x03, text: 'target not found' },
  TARGET_REMOVED: { statusClass: 2, statusDetail: 0x04, text: 'target removed' },
  UNSUPPORTED_VERSION: { statusClass: 2, statusDetail: 0x05, text: 'unsupported version' },
  TOO_MANY_CONNECTIONS: { statusClass: 2, statusDetail: 0x06, text: 'too many connections' },
  MISSING_PARAMETER: { statusClass: 2, statusDetail: 0x07, text: 'missing parameter' },
  CANNOT_INCLUDE_IN_SESSION: { statusClass: 2, statusDetail: 0x08, text: 'cannot include in session' },
  SESSION_TYPE_NOT_SUPPORTED: { statusClass: 2, statusDetail: 0x09, text: 'session type not supported' },
  SESSION_DOES_NOT_EXIST: { statusClass: 2, statusDetail: 0x0a, text: 'session does not exist' },
  INVALID_DURING_LOGIN: { statusClass: 2, statusDetail: 0x0b, text: 'invalid request type during login' },
  TARGET_ERROR: { statusClass: 3, statusDetail: 0x00, text: 'target error' },
  SERVICE_UNAVAILABLE: { statusClass: 3, statusDetail: 0x01, text: 'service unavailable' },
  OUT_OF_RESOURCES: { statusClass: 3, statusDetail: 0x02, text: 'out of resources' },
} as const satisfies Record<string, LoginStatus>

/** The row of a status, or undefined for one that the standard does not name. */
export function findLoginStatus(statusClass: number, statusDetail: number): LoginStatus | undefined {
  return Object.values(LOGIN_STATUS).find((s) => s.statusClass === statusClass && s.statusDetail === statusDetail)
}
