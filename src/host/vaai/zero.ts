// Zero: WRITE SAME(16) with a block of zeroes, with which ESXi clears what it allocates (SBC-4 5.57).

import { type Check, commandCheck, commandTitle, contradicts, counted, toldBy, wants } from './check.ts'
import type { VaaiFacts } from './facts.ts'

/** ESXi zeroes this much by one command. */
const ZERO_BYTES = 1024 * 1024

export function checkZero({ blockLimits, capacity, commands, provisioning }: VaaiFacts): Check[] {
  const { writeSame16, writeSame10 } = commands
  const limits = toldBy(blockLimits)
  const blockLength = toldBy(capacity)?.blockLength
  const item = 'MAXIMUM WRITE SAME LENGTH (B0h)'
  const found = `${counted(limits?.maximumWriteSameLength ?? 0)}, WSNZ ${limits?.wsnz ? 1 : 0}`
  const { lbpws = false, lbpws10 = false } = toldBy(provisioning) ?? {}
  return [
    commandCheck('writeSame16', writeSame16),
    ...(limits && writeSame16.supported !== false
      ? [
          {
            item,
            ...wants(
              limits.maximumWriteSameLength === 0n ||
                blockLength === undefined ||
                limits.maximumWriteSameLength * BigInt(blockLength) >= ZERO_BYTES,
              limits.maximumWriteSameLength === 0n ? `no limit, WSNZ ${limits.wsnz ? 1 : 0}` : found,
              'ESXi zeroes 1 MiB by one command, which is more',
            ),
          },
        ]
      : []),
    ...contradicts(
      writeSame16.supported === false && limits !== undefined && (limits.wsnz || limits.maximumWriteSameLength > 0n),
      item,
      found,
      `Block Limits tells of WRITE SAME, but there is no ${commandTitle('writeSame16')}`,
    ),
    ...contradicts(
      writeSame16.supported === false && lbpws,
      'LBPWS (B2h)',
      '1',
      `unmapping by WRITE SAME(16) is offered, but there is no ${commandTitle('writeSame16')}`,
    ),
    ...contradicts(
      writeSame10.supported === false && lbpws10,
      'LBPWS10 (B2h)',
      '1',
      `unmapping by WRITE SAME(10) is offered, but there is no ${commandTitle('writeSame10')}`,
    ),
  ]
}
