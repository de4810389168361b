// A portal as people write it: "127.0.0.1:3260", "[::1]:3260", "storage.example.com:3260". Port 0 asks for any free one.

export interface Portal {
  /** An address or a name, without brackets. */
  readonly host: string
  readonly port: number
}

/** What a portal may be, for messages. */
export const PORTAL_FORMS = 'HOST:PORT or [IPV6]:PORT with a port from 0 to 65535'

/** Where initiators are sent to: a portal that has a port. */
export const ADDRESS_FORMS = 'HOST:PORT or [IPV6]:PORT with a port from 1 to 65535'

const PATTERN = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/
const NAME = /^(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*$/
const NUMBERS = /^[\d.]+$/
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

export function parsePortal(text: string): Portal | undefined {
  const { v6, host, port } = PATTERN.exec(text)?.groups ?? {}
  if (port === undefined || Number(port) > 65535) return undefined
  if (v6 !== undefined) return isIpv6(v6) ? { host: v6, port: Number(port) } : undefined
  if (host === undefined || !(NUMBERS.test(host) ? IPV4 : NAME).test(host)) return undefined
  return { host, port: Number(port) }
}

export function parseAddress(text: string): Portal | undefined {
  const address = parsePortal(text)
  return address?.port === 0 ? undefined : address
}

export function formatPortal({ host, port }: Portal): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** RFC 4291 2.2, with the zone of RFC 4007 11. The URL parser knows the rules; node:net is for sockets alone here. */
function isIpv6(text: string): boolean {
  const [address, zone, ...rest] = text.split('%')
  return rest.length === 0 && zone !== '' && !/[^\w.~-]/.test(zone ?? '') && URL.canParse(`http://[${address}]`)
}

/** What a portal of the configuration listens on. */
export const listenOf = (portal: string | { readonly listen: string }): string =>
  typeof portal === 'string' ? portal : portal.listen

/** The address that initiators are told in place of it. */
export const publicOf = (portal: string | { readonly public: string }): Portal | undefined =>
  typeof portal === 'string' ? undefined : parseAddress(portal.public)
