// The suites, in the order in which they run.

import type { Suite } from './suite.ts'
import { CHAP } from './suites/chap.ts'
import { CRASH } from './suites/crash.ts'
import { ENDURANCE } from './suites/endurance.ts'
import { HOST } from './suites/host.ts'
import { INITIATOR } from './suites/initiator.ts'
import { LIBISCSI } from './suites/libiscsi.ts'
import { LOGINS } from './suites/logins.ts'
import { OPEN_ISCSI } from './suites/open-iscsi.ts'
import { QEMU } from './suites/qemu.ts'
import { RESERVATIONS } from './suites/reservations.ts'
import { SG3 } from './suites/sg3.ts'
import { TOOLS } from './suites/tools.ts'
import { VAAI_STATUS } from './suites/vaai-status.ts'
import { VMFS_HOSTS } from './suites/vmfs-hosts.ts'
import { VMFS_LUN } from './suites/vmfs-lun.ts'
import { VMFS_TOOLS } from './suites/vmfs-tools.ts'

export const SUITES: readonly Suite[] = [
  TOOLS,
  CHAP,
  INITIATOR,
  LIBISCSI,
  QEMU,
  OPEN_ISCSI,
  LOGINS,
  SG3,
  HOST,
  VAAI_STATUS,
  RESERVATIONS,
  CRASH,
  ENDURANCE,
  VMFS_TOOLS,
  VMFS_HOSTS,
  VMFS_LUN,
]
