// The addresses that discovery tells (RFC 7143 appendix C): of an array's portals those that the initiator can use, each as the
// initiator reaches it.

import type { TargetAddress } from '../../protocol/iscsi/send-targets.ts'
import type { Portal } from '../config/portal.ts'
import { portalGroupTag } from './port-groups.ts'

/** A portal that is open. */
export interface OpenPortal {
  /** What it listens on, with the real port. */
  readonly listens: Portal
  /** It takes IPv4 connections to an IPv6 wildcard too. */
  readonly dual: boolean
  /** What initiators are told in its place. */
  readonly told: Portal | undefined
}

/** The two ends of the connection that asks. */
export interface Asker {
  readonly localAddress: string
  readonly remoteAddress: string
}

/** The addresses of the portals with these indexes. */
export function addressesFor(
  asker: Asker,
  portals: readonly OpenPortal[],
  indexes: readonly number[],
): TargetAddress[] {
  return indexes.flatMap((index) => {
    const portal = portals[index]
    const address = portal && (portal.told ?? asReached(portal, asker))
    return address ? [{ ...address, tag: portalGroupTag(index) }] : []
  })
}

/**
 * A portal that listens on every address is the one that the initiator has come to, if that is of its family; what it is in the
 * other family nobody knows. A loopback address is one only for who comes from this machine.
 */
function asReached({ listens: { host, port }, dual }: OpenPortal, asker: Asker): Portal | undefined {
  const local = isLoopback(asker.remoteAddress)
  const wildcard = WILDCARDS.get(host)
  if (!wildcard) return isLoopback(host) && !local ? undefined : { host, port }
  if (dual || isIpv6(asker.localAddress) === isIpv6(host)) return { host: asker.localAddress, port }
  return local ? { host: wildcard, port } : undefined
}

/** Every address of a family, and the one by which this machine reaches itself. */
const WILDCARDS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])

const isIpv6 = (address: string): boolean => address.includes(':')

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')
