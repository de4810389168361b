// An I_T nexus (SAM-5 4.6.5): one initiator port talking to one target port. It lives as long as its session; what a
// logical unit remembers of an initiator (unit attentions, a RESERVE) it remembers by the nexus object, and what outlives
// the session (persistent reservations) by the names of the ports.

export interface Nexus {
  /** "iqn...,i,0x00023d000001": the initiator port name (RFC 7143 4.4). */
  readonly initiatorPort: string
  readonly initiatorName: string
  /** "iqn...,t,0x0001": the target port name. */
  readonly targetPort: string
  readonly targetPortGroupTag: number
}

/** "iqn...,t,0x0001": the name of a target's port in a portal group (RFC 7143 4.4). */
export const targetPortName = (iqn: string, targetPortGroupTag: number): string =>
  `${iqn},t,0x${targetPortGroupTag.toString(16).padStart(4, '0')}`

/** For logs: who talks to whom. */
export function describeNexus(nexus: Nexus): string {
  return `${nexus.initiatorPort} -> ${nexus.targetPort}`
}
