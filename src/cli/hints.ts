// The lines to type next: what stock tools, and Lunette's own host, take to reach an array that runs here.

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { formatPortal, parsePortal } from '../config/portal.ts'

const MUTUAL_SECRET = 'LIBISCSI_CHAP_TARGET_PASSWORD=SECRET'

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** The names of CHAP, where it is asked for: who discovers, who logs in to the target, and who the target says it is. */
interface Users {
  readonly discovery?: string | undefined
  readonly target?: string | undefined
  readonly mutual?: string | undefined
}

/** Discovery, login, and what needs no kernel. Without a LUN there is nothing to look at. Whoever types adds the secret. */
export function nextLines(portal: string, iqn: string, lun: number | undefined, users: Users = {}): string[] {
  const url = `iscsi://${withUser(users.discovery)}${portal}`
  const whole = quoted(`iscsi://${withUser(users.target)}${portal}/${iqn}/${lun}`)
  const { mutual } = users
  const proof = mutual === undefined ? '' : `LIBISCSI_CHAP_TARGET_USERNAME=${quoted(mutual)} ${MUTUAL_SECRET} `
  return [
    `iscsiadm -m discovery -t st -p ${portal}`,
    `iscsiadm -m node -T ${iqn} -p ${portal} --login`,
    `iscsi-ls ${users.target === users.discovery ? '-s ' : ''}${quoted(url)}`,
    ...(lun === undefined
      ? []
      : [
          `${proof}iscsi-inq ${whole}`,
          `${proof}lunette vaai status ${whole}`,
          `${proof}qemu-img info ${whole}`,
          `${proof}qemu-img convert -O qcow2 ${whole} lun${lun}.qcow2`,
        ]),
  ]
}

const withUser = (user: string | undefined): string => (user === undefined ? '' : `${user}%SECRET@`)

/** For a shell, where it must be. */
const quoted = (word: string): string => (/^[\w%@:/.[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

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
