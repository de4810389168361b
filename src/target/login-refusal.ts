// What ends a login with a status (RFC 7143 11.13.5): thrown where it is found out, caught in the step of the login alone.

import type { LoginStatus } from '../../protocol/iscsi/login-status.ts'
import { buildText, type TextPair } from '../../protocol/iscsi/text.ts'

export class Refusal extends Error {
  readonly status: LoginStatus
  readonly data: Buffer

  /** `keys` go with the status (RFC 7143 11.13.5). */
  constructor(status: LoginStatus, reason: string, keys: readonly TextPair[] = []) {
    super(reason)
    this.status = status
    this.data = buildText(keys)
  }
}
