// What a decoder throws, and all it throws: which structure, which field, where, and what is wrong with it.
// What a session does about one (Reject, drop the connection, ILLEGAL REQUEST) is decided where the bytes came in.

export type WireProblem = 'truncated' | 'bad length' | 'bad value' | 'too large' | 'header digest' | 'data digest'

export class WireError extends Error {
  readonly structure: string
  readonly field: string
  /** Byte offset of the field from the start of the structure. */
  readonly offset: number
  readonly problem: WireProblem

  constructor(structure: string, field: string, offset: number, problem: WireProblem, detail = '') {
    super(`${structure}: ${field} at byte ${offset}: ${problem}${detail && ` (${detail})`}`)
    this.name = 'WireError'
    this.structure = structure
    this.field = field
    this.offset = offset
    this.problem = problem
  }
}
