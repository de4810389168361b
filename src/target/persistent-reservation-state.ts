// What outlives a restart of the array (SPC-4 5.13.5, APTPL): registrations and the reservation as plain JSON, and back.
// PRGENERATION is not among it: it begins with zero at power on (SPC-4 6.15.2). A target port that is gone stays named: it
// may come back.

import { z } from 'zod'
import {
  isAllRegistrants,
  isReservationType,
  nexusKey,
  type PersistentState,
  type Registration,
} from './persistent-reservation.ts'

const key = z
  .string()
  .regex(/^[\da-f]{16}$/)
  .refine((text) => /[^0]/.test(text), 'no registration has the key zero')

const portName = z.string().regex(/^[^\s]+$/)

const registration = z.strictObject({
  initiatorPort: portName,
  targetPort: portName,
  relativeTargetPort: z.number().int().min(1).max(0xffff),
  key,
})

const saved = z.strictObject({
  registrations: z.array(registration),
  /** `holder` is an index in `registrations`; the All Registrants types have none. */
  reservation: z
    .strictObject({ type: z.number().refine(isReservationType), holder: z.number().int().min(0).optional() })
    .optional(),
})
type Saved = z.output<typeof saved>

/** Reads what `savedStateOf` gave; anything else is refused. */
export const savedPersistentState = saved
  .refine(isWhole, 'a nexus is registered twice, or the holder is not')
  .transform(restored)

/** No nexus twice; whoever holds the reservation is registered. */
function isWhole({ registrations, reservation }: Saved): boolean {
  if (new Set(registrations.map(nexusKey)).size !== registrations.length) return false
  if (!reservation) return true
  const { type, holder } = reservation
  if (isAllRegistrants(type)) return holder === undefined && registrations.length > 0
  return holder !== undefined && holder < registrations.length
}

function restored({ registrations, reservation }: Saved): PersistentState {
  const entries = registrations.map((one): [string, Registration] => [
    nexusKey(one),
    { ...one, key: BigInt(`0x${one.key}`) },
  ])
  const holder = reservation?.holder === undefined ? undefined : entries[reservation.holder]?.[0]
  return {
    generation: 0,
    aptpl: true,
    registrations: new Map(entries),
    reservation: reservation && { type: reservation.type, holder },
  }
}

/** What is kept: nothing, unless APTPL is one. */
export function savedStateOf({ aptpl, registrations, reservation }: PersistentState): Saved | undefined {
  if (!aptpl) return undefined
  const list = [...registrations.values()].map((one) => ({ ...one, key: one.key.toString(16).padStart(16, '0') }))
  if (!reservation) return { registrations: list }
  const { type, holder } = reservation
  if (holder === undefined) return { registrations: list, reservation: { type } }
  return { registrations: list, reservation: { type, holder: [...registrations.keys()].indexOf(holder) } }
}
