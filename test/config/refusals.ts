// What the configuration says to an input: the LUN that comes of it, or the message that it is refused with.

import { expect } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import type { ArrayInput } from '../../src/config/schema.ts'
import { OperatorError } from '../../src/errors.ts'

export const NAA = `6${'0'.repeat(31)}`

/** The whole message that an input is refused with. */
export function refusal(input: unknown): string {
  try {
    parseConfig(input as ArrayInput)
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError)
    return (error as Error).message
  }
  return 'accepted'
}
export const lunRefusal = (lun: unknown) => refusal({ targets: [{ luns: [lun] }] })
export const firstLun = (lun: unknown) => parseConfig({ targets: [{ luns: [lun] }] } as ArrayInput).targets[0]?.luns[0]
