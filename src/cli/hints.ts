// The lines to type next: what stock tools take to reach an array that runs here.

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { formatPortal, parsePortal } from '../config/portal.ts'

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** Discovery, login, and what needs no kernel. Without a LUN there is nothing to look at. */
export function nextLines(portal: string, iqn: string, lun: number | undefined): string[] {
  const url = `iscsi://${portal}`
  const whole = `${url}/${iqn}/${lun}`
  return [
    `iscsiadm -m discovery -t st -p ${portal}`,
    `iscsiadm -m node -T ${iqn} -p ${portal} --login`,
    `iscsi-ls -s ${url}`,
    ...(lun === undefined
      ? []
      : [`iscsi-inq ${whole}`, `qemu-img info ${whole}`, `qemu-img convert -O qcow2 ${whole} lun${lun}.qcow2`]),
  ]
}

/** A portal that listens on every address, as one that can be typed: an address of this machine that others see too. */
export function reachable(portal: string, interfaces: Interfaces = networkInterfaces()): string {
  const parsed = parsePortal(portal)
  if (!parsed) return portal
  const { host, port } = parsed
  if (host === '0.0.0.0') return formatPortal({ host: ownAddress(interfaces, 'IPv4') ?? '127.0.0.1', port })
  return /^[0:]+$/.test(host) ? formatPortal({ host: ownAddress(interfaces, 'IPv6') ?? '::1', port }) : portal
}

/** Link-local addresses would need a zone. */
function ownAddress(interfaces: Interfaces, family: 'IPv4' | 'IPv6'): string | undefined {
  return Object.values(interfaces)
    .flat()
    .find((each) => each?.family === family && !each.internal && !/^(?:fe80:|169\.254\.)/i.test(each.address))?.address
}
