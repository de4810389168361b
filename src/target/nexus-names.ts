// The I_T nexuses that persistent reservations name (SPC-4 6.16.3, 6.16.4), whether anybody is logged in there or not: by
// TransportIDs, and by the target ports of the target.

import { initiatorPortName, type TransportId, transportIdOf } from '../../protocol/scsi/transport-id.ts'
import { type Nexus, targetPortName } from './nexus.ts'
import type { NexusName } from './persistent-reservation.ts'
import type { Task } from './task.ts'

export const nexusName = ({ initiatorPort, targetPort, targetPortGroupTag }: Nexus): NexusName => ({
  initiatorPort,
  targetPort,
  relativeTargetPort: targetPortGroupTag,
})

type TargetPort = Omit<NexusName, 'initiatorPort'>

/** The target port of a RELATIVE TARGET PORT IDENTIFIER, if the target has it. */
export function targetPortOf({ target }: Task, relativeTargetPort: number): TargetPort | undefined {
  if (!target.portGroups.tags.includes(relativeTargetPort)) return undefined
  return { targetPort: targetPortName(target.iqn, relativeTargetPort), relativeTargetPort }
}

/** The same initiator port through every other target port of the target: ALL_TG_PT. */
export function otherTargetPorts({ target, nexus }: Task): NexusName[] {
  return target.portGroups.tags
    .filter((tag) => tag !== nexus.targetPortGroupTag)
    .map((tag) => ({
      initiatorPort: nexus.initiatorPort,
      targetPort: targetPortName(target.iqn, tag),
      relativeTargetPort: tag,
    }))
}

/**
 * The initiator ports that a TransportID names: the one whose ISID it gives, known or not; or, by the name of the initiator
 * alone, those of its ports that are logged in or registered.
 */
export function initiatorPortsNamed({ target, lu }: Task, { initiatorName, isid }: TransportId): string[] {
  if (isid !== undefined) return [initiatorPortName(initiatorName, isid)]
  const loggedIn = [...target.sessions].map(({ nexus }) => nexus.initiatorPort)
  const registered = [...lu.reservations.persistent.registrations.values()].map((one) => one.initiatorPort)
  const known = new Set([...loggedIn, ...registered])
  return [...known].filter((port) => transportIdOf(port).initiatorName === initiatorName)
}
