// Task Management Function Requests on a connection (RFC 7143 11.5, 11.6): when a function may begin, and its response, which
// is given when everything that it ends has ended, on whatever connections of whatever sessions.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import { TASK_MANAGEMENT_REQUEST } from '../../protocol/iscsi/task-management-request.ts'
import { allConnectionsDropped } from './announcements.ts'
import type { FullFeature } from './full-feature.ts'
import { LIMITS } from './limits.ts'
import type { Outcome, TaskManagementRequest } from './management-function.ts'
import type { Task, Transport } from './task.ts'
import { isMultiTask, isUnitScoped, manage } from './task-management.ts'

const COLD_RESET = 'target cold reset'

export function manageTasks(phase: FullFeature, pdu: FramedPdu): void {
  const { session, port } = phase
  const decoded = TASK_MANAGEMENT_REQUEST.decode(pdu.header, pdu.headerOffset)
  if (session.managing + session.window.waiting >= LIMITS.taskManagementPerSession)
    return phase.reject(pdu, REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
  const { lun, initiatorTaskTag } = decoded
  const lunKey = lun.readUInt32BE(4) === 0 ? lun.readUInt32BE(0) : RESERVED_TAG
  const request = { ...decoded, lunKey }
  // Commands that were sent before it on other connections belong to the tasks that it is about (RFC 7143 4.2.3.3 b).
  if (session.spread && isUnitScoped(request) && session.window.isAwaiting(request.cmdSn))
    session.window.whenReached(request.cmdSn, port, () => begin(phase, request, initiatorTaskTag))
  else begin(phase, request, initiatorTaskTag)
}

function begin(phase: FullFeature, request: TaskManagementRequest, initiatorTaskTag: number): void {
  const { session } = phase
  if (!session.target || session.closed) return
  const outcome = manage(session, session.target, request)
  const terminated = isMultiTask(request) ? lunsByTransport(outcome.aborted, phase) : NOBODY
  const ends = [...outcome.aborted, ...(outcome.stopping ?? [])]
  const done = (): void => {
    if (session.closed) return
    for (const [transport, luns] of terminated) for (const lun of luns) transport.tellTerminated(lun)
    conclude(phase, outcome, initiatorTaskTag, isMultiTask(request))
  }
  if (ends.length === 0) return done()
  session.managing++
  void Promise.all(ends.map((task) => task.ended)).then(() => {
    session.managing--
    done()
  })
}

function conclude(phase: FullFeature, outcome: Outcome, initiatorTaskTag: number, fenced: boolean): void {
  const { session, port } = phase
  const { response, information: additionalResponseInformation = 0, dropSessions, proceed } = outcome
  const say = (): void => {
    const fields = { response, initiatorTaskTag, additionalResponseInformation }
    port.send(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, fields, { statSn: true })
    proceed?.(port)
    port.flushSoon()
    if (!dropSessions || !session.target) return
    for (const other of session.target.sessions) void other.close(COLD_RESET, allConnectionsDropped(other.parameters))
  }
  if (session.fence) session.fence.respond(port, fenced, say)
  else say()
}

/** The logical units of tasks that came on other connections than the function that aborts them. */
function lunsByTransport(tasks: readonly Task[], { runner }: FullFeature): ReadonlyMap<Transport, ReadonlySet<number>> {
  const found = new Map<Transport, Set<number>>()
  for (const { transport, lunKey } of tasks)
    if (transport !== runner) found.set(transport, (found.get(transport) ?? new Set()).add(lunKey))
  return found
}

const NOBODY: ReadonlyMap<Transport, ReadonlySet<number>> = new Map()
