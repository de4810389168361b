// TASK REASSIGN (RFC 7143 7.2.2, 11.5.1, 11.6.1): gives a task whose connection is logged out for recovery to the connection
// that the request comes on, when the response has been said.

import { TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE } from '../../protocol/iscsi/task-management-response.ts'
import { answer, type Outcome, type TaskManagementRequest } from './management-function.ts'
import type { Session } from './session.ts'
import type { Target } from './target.ts'

export function reassignTask(session: Session, _: Target, request: TaskManagementRequest): Outcome {
  const { recovery } = session
  if (!recovery) return answer(RESPONSE.TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED)
  const { referencedTaskTag, expDataSn } = request
  const found = recovery.find(referencedTaskTag)
  if (!found) return answer(RESPONSE.TASK_DOES_NOT_EXIST)
  if (found === 'allegiant') return answer(RESPONSE.TASK_STILL_ALLEGIANT)
  return {
    ...answer(RESPONSE.FUNCTION_COMPLETE),
    proceed: (connection) => recovery.reassign(referencedTaskTag, connection, expDataSn),
  }
}
