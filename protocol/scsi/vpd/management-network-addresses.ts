// Management Network Addresses (85h, SPC-4 7.8.8): where the array is managed over the network.

import { WireError } from '../../wire/error.ts'
import { bits, reserved, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

const DESCRIPTOR = layout('network services descriptor', 'SPC-4 7.8.8', 4, [
  reserved(1),
  bits(2, 'association'),
  bits(5, 'serviceType'), // 0
  reserved(8),
  u16('length'), // 2-3
])

export interface ManagementNetworkAddress {
  /** As of a designator. */
  readonly association: number
  readonly serviceType: number
  /** A URL. */
  readonly address: string
}

/** Of a device that tells no address. */
export const encodeManagementNetworkAddresses = (): Buffer =>
  encodeVpdPage(VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES, Buffer.alloc(0))

/** Throws a WireError, its offset from the first descriptor, when one is cut. */
export function decodeManagementNetworkAddresses(source: Buffer): ManagementNetworkAddress[] {
  const body = vpdBody(VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES, source)
  const found: ManagementNetworkAddress[] = []
  for (let at = 0; at < body.length; ) {
    const { length, ...service } = DESCRIPTOR.decode(body, at)
    const start = at + DESCRIPTOR.size
    if (start + length > body.length) throw new WireError(DESCRIPTOR.name, 'length', at + 2, 'truncated')
    const address = body.toString('utf8', start, start + length).replace(/\0+$/, '')
    found.push({ ...service, address })
    at = start + length
  }
  return found
}
