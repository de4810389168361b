// Who is meant by a list of initiators: `any`, or iSCSI names (RFC 7143 4.2.7) in which `*` stands for any run of characters,
// also none and also of dots and colons. There is no other wildcard.

import { normalizeIscsiName } from '../../protocol/iscsi/names.ts'

export type Initiators = 'any' | readonly string[]

/** What an entry of a list may be, for messages. */
export const INITIATOR_FORMS =
  'an iSCSI name, with * for any run of characters: iqn.YYYY-MM.REVERSED.DOMAIN:NAME, eui. with 16 or naa. with 16 or 32 hex digits'

/** RFC 7143 4.2.7.1. */
const MAX_BYTES = 223
const TYPES = ['iqn.', 'eui.', 'naa.']

/** In the form in which names are compared; undefined for what no initiator can be called. */
export function normalizeInitiator(text: string): string | undefined {
  const prepared = text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(/\*+/g, '*')
  const [head = '', ...rest] = prepared.split('*')
  if (rest.length === 0) return normalizeIscsiName(text)
  const possible = TYPES.some((type) => head.startsWith(type) || type.startsWith(head))
  if (!possible || Buffer.byteLength(prepared) > MAX_BYTES) return undefined
  return /^[\p{L}\p{N}\p{M}.:*-]+$/u.test(prepared) ? prepared : undefined
}

/** Tells who is on the list, by the name in the form in which names are compared. */
export function matcher(initiators: Initiators): (name: string) => boolean {
  if (initiators === 'any') return () => true
  const names = new Set(initiators.filter((entry) => !entry.includes('*')))
  const patterns = initiators.filter((entry) => entry.includes('*')).map((entry) => entry.split('*'))
  return (name) => names.has(name) || patterns.some((parts) => matches(parts, name))
}

/** Each part at its first place behind the one before: in one pass, however many wildcards there are. */
function matches(parts: readonly string[], name: string): boolean {
  const head = parts[0] as string
  const tail = parts.at(-1) as string
  const end = name.length - tail.length
  if (!name.startsWith(head) || !name.endsWith(tail) || end < head.length) return false
  let at = head.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
