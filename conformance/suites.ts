// The suites, in the order in which they run.

import type { Suite } from './suite.ts'
import { CHAP } from './suites/chap.ts'
import { CRASH } from './suites/crash.ts'
import { ENDURANCE } from './suites/endurance.ts'
import { LIBISCSI } from './suites/libiscsi.ts'
import { LOGINS } from './suites/logins.ts'
import { OPEN_ISCSI } from './suites/open-iscsi.ts'
import { QEMU } from './suites/qemu.ts'
import { RESERVATIONS } from './suites/reservations.ts'
import { SG3 } from './suites/sg3.ts'
import { TOOLS } from './suites/tools.ts'

export const SUITES: readonly Suite[] = [
  TOOLS,
  CHAP,
  LIBISCSI,
  QEMU,
  OPEN_ISCSI,
  LOGINS,
  SG3,
  RESERVATIONS,
  CRASH,
  ENDURANCE,
]
