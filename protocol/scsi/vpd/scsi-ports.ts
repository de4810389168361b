// SCSI Ports (88h, SPC-4 7.8.14): every target port of the device, with its names.

import { WireError } from '../../wire/error.ts'
import { reserved, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { type Designator, decodeDesignators, encodeDesignator } from '../designator.ts'
import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

const PORT = layout('SCSI port designation descriptor', 'SPC-4 7.8.14', 8, [
  reserved(16),
  u16('relativePort'), // 2-3
  reserved(16),
  u16('initiatorPortLength'), // 6-7
])

const TARGET_PORT = layout('target port descriptors', 'SPC-4 7.8.14', 4, [reserved(16), u16('length')])

export interface ScsiPort {
  readonly relativePort: number
  /** Of the target port. */
  readonly designators: readonly Designator[]
}

export const encodeScsiPorts = (ports: readonly ScsiPort[]): Buffer =>
  encodeVpdPage(VPD_PAGE.SCSI_PORTS, Buffer.concat(ports.flatMap(encodePort)))

function encodePort({ relativePort, designators }: ScsiPort): Buffer[] {
  const names = Buffer.concat(designators.map(encodeDesignator))
  return [PORT.encode({ relativePort }), TARGET_PORT.encode({ length: names.length }), names]
}

/** Initiator ports' TransportIDs are passed over. Throws a WireError, its offset from the first descriptor, on a cut one. */
export function decodeScsiPorts(source: Buffer): ScsiPort[] {
  const body = vpdBody(VPD_PAGE.SCSI_PORTS, source)
  const ports: ScsiPort[] = []
  for (let at = 0; at < body.length; ) {
    if (at + PORT.size > body.length) throw new WireError(PORT.name, 'relativePort', at, 'truncated')
    const { relativePort, initiatorPortLength } = PORT.decode(body, at)
    at += PORT.size + initiatorPortLength
    if (at + TARGET_PORT.size > body.length) throw new WireError(TARGET_PORT.name, 'length', at, 'truncated')
    const end = at + TARGET_PORT.size + TARGET_PORT.decode(body, at).length
    if (end > body.length) throw new WireError(TARGET_PORT.name, 'length', at, 'truncated')
    ports.push({ relativePort, designators: decodeDesignators(body.subarray(at + TARGET_PORT.size, end)) })
    at = end
  }
  return ports
}
