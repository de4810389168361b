// What makes a PDU that was right a little wrong: bits of its header, bytes of a list, the end cut off.

import { BHS_LENGTH, type Digests, digestOf } from '../../protocol/iscsi/index.ts'
import type { Random } from './random.ts'

/** TotalAHSLength and DataSegmentLength: once they are wrong, all that follows is noise. */
const LENGTHS = { first: 4, count: 4 }

/** One to four bytes of the header changed; the two lengths only rarely. */
export function mutateHeader(header: Buffer, random: Random): void {
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const lengths = random.chance(0.005)
    const at = lengths ? LENGTHS.first + random.below(LENGTHS.count) : random.pick(OTHER_BYTES)
    mutateByte(header, at, random)
  }
}

const OTHER_BYTES = Array.from({ length: BHS_LENGTH }, (_, i) => i).filter(
  (byte) => byte < LENGTHS.first || byte >= LENGTHS.first + LENGTHS.count,
)

function mutateByte(bytes: Buffer, at: number, random: Random): void {
  bytes[at] = random.chance(0.5) ? random.below(256) : bytes[at]! ^ (1 << random.below(8))
}

/** A list with some bytes changed, cut short, or with more behind it. */
export function mutated(list: Buffer, random: Random): Buffer {
  if (list.length === 0) return random.bytes(random.below(40))
  const kind = random.below(4)
  if (kind === 0) return list.subarray(0, random.below(list.length))
  if (kind === 1) return Buffer.concat([list, random.bytes(1 + random.below(40))])
  const changed = Buffer.from(list)
  for (let changes = 1 + random.below(4); changes > 0; changes--)
    mutateByte(changed, random.below(changed.length), random)
  return changed
}

/** Puts the digests where they belong: the header with its AHS ends at `headLength`. */
export function seal(pdu: Buffer, headLength: number, { header, data }: Digests): Buffer {
  if (!header && !data) return pdu
  const [head, body] = [pdu.subarray(0, headLength), pdu.subarray(headLength)]
  const parts = header ? [head, digestOf(head), body] : [head, body]
  if (data && body.length > 0) parts.push(digestOf(body))
  return Buffer.concat(parts)
}
