// Management Network Addresses (85h, SPC-4 7.8.8): where the array is managed over the network.

import { encodeVpdPage, VPD_PAGE } from './page.ts'

/** Of a device that tells no address. */
export const encodeManagementNetworkAddresses = (): Buffer =>
  encodeVpdPage(VPD_PAGE.MANAGEMENT_NETWORK_ADDRESSES, Buffer.alloc(0))
