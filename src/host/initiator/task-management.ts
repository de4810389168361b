// The task management functions by name (SAM-5 7, RFC 7143 11.5, RFC 7144 5), on a session or a nexus. Each resolves with the
// target's response, which TASK_MANAGEMENT_RESPONSE_CODE names.

import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../../protocol/iscsi/task-management-request.ts'
import type { ScsiTask } from './command.ts'

export interface Managed {
  manage(functionCode: number, options: { readonly lun?: number }): Promise<number>
}

export interface ManagedTasks {
  manage(functionCode: number, options: { readonly task: ScsiTask }): Promise<number>
}

/** The tasks of this I_T nexus in the task set of the logical unit. */
export const abortTaskSet = (on: Managed, lun: number): Promise<number> => on.manage(FUNCTION.ABORT_TASK_SET, { lun })
/** The tasks of every I_T nexus, where the task set is shared. */
export const clearTaskSet = (on: Managed, lun: number): Promise<number> => on.manage(FUNCTION.CLEAR_TASK_SET, { lun })
export const lunReset = (on: Managed, lun: number): Promise<number> => on.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun })
/** All logical units of the target. */
export const targetWarmReset = (on: Managed): Promise<number> => on.manage(FUNCTION.TARGET_WARM_RESET, {})
/** As the warm one, and the target ends all sessions. */
export const targetColdReset = (on: Managed): Promise<number> => on.manage(FUNCTION.TARGET_COLD_RESET, {})

/** FUNCTION SUCCEEDED where the task is in the task set; for targets of iSCSIProtocolLevel 2, as the next ones. */
export const queryTask = (on: ManagedTasks, task: ScsiTask): Promise<number> => on.manage(FUNCTION.QUERY_TASK, { task })
export const queryTaskSet = (on: Managed, lun: number): Promise<number> => on.manage(FUNCTION.QUERY_TASK_SET, { lun })
export const iTNexusReset = (on: Managed, lun: number): Promise<number> => on.manage(FUNCTION.I_T_NEXUS_RESET, { lun })
export const queryAsynchronousEvent = (on: Managed, lun: number): Promise<number> =>
  on.manage(FUNCTION.QUERY_ASYNCHRONOUS_EVENT, { lun })
