// Mode Page Policy (87h, SPC-4 7.8.9): whether initiators share the mode pages.

import { bits, flag, reserved, u8 } from '../../wire/fields.ts'
import { type Decoded, layout } from '../../wire/layout.ts'
import { encodeVpdPage, VPD_PAGE, vpdBody } from './page.ts'

const DESCRIPTOR = layout('mode page policy descriptor', 'SPC-4 7.8.9', 4, [
  reserved(2),
  bits(6, 'pageCode'), // 0
  u8('subpageCode'),
  flag('mlus'), // of several logical units at once
  reserved(5),
  bits(2, 'policy'), // 2
  reserved(8),
])

/** MODE PAGE POLICY (SPC-4 table 633). */
export const MODE_PAGE_POLICY = { SHARED: 0, PER_TARGET_PORT: 1, PER_I_T_NEXUS: 3 } as const

export type ModePagePolicy = Decoded<typeof DESCRIPTOR>

export const encodeModePagePolicies = (policies: readonly Partial<ModePagePolicy>[]): Buffer =>
  encodeVpdPage(VPD_PAGE.MODE_PAGE_POLICY, Buffer.concat(policies.map((policy) => DESCRIPTOR.encode(policy))))

/** A descriptor that is not whole is passed over. Throws a WireError as `vpdBody` does. */
export function decodeModePagePolicies(source: Buffer): ModePagePolicy[] {
  const body = vpdBody(VPD_PAGE.MODE_PAGE_POLICY, source)
  const policies: ModePagePolicy[] = []
  for (let at = 0; at + DESCRIPTOR.size <= body.length; at += DESCRIPTOR.size)
    policies.push(DESCRIPTOR.decode(body, at))
  return policies
}
