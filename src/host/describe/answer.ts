// An answer as it came and as it reads, side by side.

import type { Request } from '../commands/request.ts'
import type { LogicalUnit } from '../logical-unit.ts'

export interface Answer<T> {
  readonly bytes: Buffer
  readonly value: T
}

/** @throws CommandError, IscsiError */
export const ask = <T>(unit: LogicalUnit, request: Request<T>): Promise<Answer<T>> =>
  unit.run({ ...request, decode: (bytes) => ({ bytes, value: request.decode(bytes) }) })

/** Only as it came, also where it cannot be read. */
export const askBytes = (unit: LogicalUnit, request: Request<unknown>): Promise<Buffer> =>
  unit.run({ ...request, decode: (bytes) => bytes })
