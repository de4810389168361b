// The answer to SendTargets (RFC 7143 appendix C, 13.8): TargetName, then the TargetAddress of each of its portals.

import { WireError } from '../wire/error.ts'
import { buildText, parseNumber, parseText, type TextPair } from './text.ts'

/** The port of a TargetAddress that names none (RFC 7143 13.8). */
export const ISCSI_PORT = 3260

export interface TargetAddress {
  /** A host name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number
  /** The target portal group tag; absent in a redirection. */
  readonly tag?: number
}

export interface DiscoveredTarget {
  readonly name: string
  readonly addresses: readonly TargetAddress[]
}

/** host:port,tag, with brackets around an IPv6 address; without a tag, as a redirection wants it, host:port. */
export function formatTargetAddress({ host, port, tag }: TargetAddress): string {
  const domain = host.includes(':') ? `[${host}]` : host
  return `${domain}:${port}${tag === undefined ? '' : `,${tag}`}`
}

/** Reads a TargetAddress; undefined when it is none. The port is 3260 where none is given. */
export function parseTargetAddress(value: string): TargetAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:,[\]]+))(?::([^:,]+))?(?:,([^:,]+))?$/.exec(value)
  if (!match) return undefined
  const [, ipv6, name, portText, tagText] = match
  const port = portText === undefined ? ISCSI_PORT : parseUint16(portText)
  const tag = tagText === undefined ? undefined : parseUint16(tagText)
  if (port === undefined || (tagText !== undefined && tag === undefined)) return undefined
  return { host: ipv6 ?? name!, port, ...(tag !== undefined && { tag }) }
}

function parseUint16(value: string): number | undefined {
  const number = parseNumber(value)
  return number !== undefined && number <= 0xffff ? number : undefined
}

/** The text that answers SendTargets. */
export function buildSendTargets(targets: readonly DiscoveredTarget[]): Buffer {
  const pairs = targets.flatMap(({ name, addresses }): TextPair[] => [
    { key: 'TargetName', value: name },
    ...addresses.map((address) => ({ key: 'TargetAddress', value: formatTargetAddress(address) })),
  ])
  return buildText(pairs)
}

/**
 * Reads the answer to SendTargets. A target without an address is reached where it was asked for. Throws a WireError for
 * text that is malformed, an address that is none or stands before every name; keys of other names are passed over.
 */
export function parseSendTargets(bytes: Buffer): DiscoveredTarget[] {
  const targets: { name: string; addresses: TargetAddress[] }[] = []
  let offset = 0
  for (const { key, value } of parseText(bytes)) {
    if (key === 'TargetName') targets.push({ name: value, addresses: [] })
    if (key === 'TargetAddress') {
      const address = parseTargetAddress(value)
      const target = targets.at(-1)
      if (!address || !target) {
        const detail = address ? 'before any TargetName' : JSON.stringify(value)
        throw new WireError('SendTargets', key, offset, 'bad value', detail)
      }
      target.addresses.push(address)
    }
    offset += Buffer.byteLength(key) + Buffer.byteLength(value) + 2
  }
  return targets
}
