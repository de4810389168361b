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

/** Initiator ports by the name of their initiator: those that are logged in or registered. */
type KnownPorts = ReadonlyMap<string, ReadonlySet<string>>

/** To be asked once a command: there may be as many TransportIDs in its list as there are ports. */
export function knownInitiatorPorts({ target, lu }: Task): KnownPorts {
  const loggedIn = [...target.sessions].map(({ nexus }) => nexus.initiatorPort)
  const registered = [...lu.reservations.persistent.registrations.values()].map((one) => one.initiatorPort)
  const known = new Map<string, Set<string>>()
  for (const port of [...loggedIn, ...registered]) {
    const { initiatorName } = transportIdOf(port)
    known.set(initiatorName, (known.get(initiatorName) ?? new Set()).add(port))
  }
  return known
}

/**
 * The initiator ports that a TransportID names: the one whose ISID it gives, known or not; or, by the name of the initiator
 * alone, those of its ports that are known.
 */
export function initiatorPortsNamed(known: KnownPorts, { initiatorName, isid }: TransportId): string[] {
  if (isid !== undefined) return [initiatorPortName(initiatorName, isid)]
  return [...(known.get(initiatorName) ?? [])]
}
