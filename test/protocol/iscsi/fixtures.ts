// One PDU of every kind, and a few more. `hex` is the whole PDU on a connection without digests: header, AHS, data,
// padding.

import type { PduFixture } from './fixture.ts'
import { INITIATOR_FIXTURES } from './initiator-fixtures.ts'
import { TARGET_FIXTURES } from './target-fixtures.ts'

export const PDU_FIXTURES: readonly PduFixture[] = [...INITIATOR_FIXTURES, ...TARGET_FIXTURES]
