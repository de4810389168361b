// The mode pages of a disk whose length is fixed, in the order that MODE SENSE returns them (SPC-4 6.13.4: ascending).

import { CACHING } from './caching.ts'
import { CONTROL, CONTROL_EXTENSION } from './control.ts'
import { DISCONNECT_RECONNECT } from './disconnect-reconnect.ts'
import { INFORMATIONAL_EXCEPTIONS_CONTROL } from './informational-exceptions.ts'
import { READ_WRITE_ERROR_RECOVERY } from './read-write-error-recovery.ts'

export const FIXED_MODE_PAGES = [
  READ_WRITE_ERROR_RECOVERY,
  DISCONNECT_RECONNECT,
  CACHING,
  CONTROL,
  CONTROL_EXTENSION,
  INFORMATIONAL_EXCEPTIONS_CONTROL,
] as const
