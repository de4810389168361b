// ATS: COMPARE AND WRITE of one block, with which ESXi takes its locks (SBC-4 5.3).

import { type Check, commandCheck, commandTitle, contradicts, counted, needs, toldBy, toldCheck } from './check.ts'
import type { VaaiFacts } from './facts.ts'

export function checkAts({ blockLimits, commands }: VaaiFacts): Check[] {
  const { compareAndWrite, extendedCopy } = commands
  const item = 'MAXIMUM COMPARE AND WRITE LENGTH (B0h)'
  const length = toldBy(blockLimits)?.maximumCompareAndWriteLength
  return [
    commandCheck('compareAndWrite', compareAndWrite),
    toldCheck(item, blockLimits, (limits) => {
      const blocks = limits.maximumCompareAndWriteLength
      return needs(
        blocks >= 1,
        counted(blocks),
        'a lock is one block: at least 1 is needed, and 0 says that there is no such command',
      )
    }),
    ...contradicts(
      compareAndWrite.supported === false && (length ?? 0) > 0,
      item,
      counted(length ?? 0),
      `Block Limits allows a length, but there is no ${commandTitle('compareAndWrite')}`,
    ),
    ...contradicts(
      compareAndWrite.supported === true && length === 0,
      item,
      counted(0),
      `${commandTitle('compareAndWrite')} is there, but Block Limits says that it is not`,
    ),
    ...(compareAndWrite.supported === true && extendedCopy.supported === false
      ? [
          {
            item: commandTitle('extendedCopy'),
            found: 'not supported',
            result: 'warning',
            why: 'ESXi expects no COMPARE AND WRITE without it',
          } as const,
        ]
      : []),
  ]
}
