// The log pages of a logical unit (SPC-4 7.3, SBC-3 6.3): one row each, with the parameters that it holds now. What nothing
// here measures is told as not available, never as a number.

import { LOG_PAGE, type LogPageCode, PARAMETER_FORMAT, SUPPORTED_SUBPAGES } from '../../protocol/scsi/log/page.ts'
import {
  CYCLE_COUNT,
  EXCEPTIONS,
  EXCEPTIONS_PARAMETER,
  IDLE_TIME,
  PROVISIONING_PARAMETER,
  RESOURCE_COUNT,
  RESOURCE_SCOPE,
  START_STOP_PARAMETER,
  STATISTICS,
  STATISTICS_PARAMETER,
  TEMPERATURE,
  TEMPERATURE_NOT_AVAILABLE,
  TEMPERATURE_PARAMETER,
  TIME_INTERVAL,
} from '../../protocol/scsi/log/parameters.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Statistics } from './statistics.ts'

/** A log parameter by its code, ascending. */
type Value = readonly [parameterCode: number, value: Buffer]

export interface LogPageRow extends LogPageCode {
  /** The parameters now; undefined for a unit that does not have the page. */
  readonly parameters: (lu: LogicalUnit) => readonly Value[] | undefined
  /** LOG SELECT sets the parameters back to zero. */
  readonly resettable?: true
}

/** FORMAT AND LINKING of every parameter here: a list of binary values, without thresholds. */
export const { BINARY_LIST } = PARAMETER_FORMAT

const page = (pageCode: number, parameters: LogPageRow['parameters']): LogPageRow => ({
  pageCode,
  subpageCode: 0,
  parameters,
})

/** In ascending order, without those that tell which there are. */
const PAGES: readonly LogPageRow[] = [
  page(LOG_PAGE.LOGICAL_BLOCK_PROVISIONING, ({ provisioning }) =>
    provisioning
      ? [
          [PROVISIONING_PARAMETER.AVAILABLE, count(provisioning.available, RESOURCE_SCOPE.SHARED)],
          [PROVISIONING_PARAMETER.USED, count(provisioning.used, RESOURCE_SCOPE.DEDICATED)],
        ]
      : undefined,
  ),
  page(LOG_PAGE.TEMPERATURE, () => [
    [TEMPERATURE_PARAMETER.TEMPERATURE, TEMPERATURE.encode({ celsius: TEMPERATURE_NOT_AVAILABLE })],
    [TEMPERATURE_PARAMETER.REFERENCE, TEMPERATURE.encode({ celsius: TEMPERATURE_NOT_AVAILABLE })],
  ]),
  // Nothing turns.
  page(LOG_PAGE.START_STOP_CYCLE_COUNTER, () => [
    [START_STOP_PARAMETER.ACCUMULATED_START_STOP_CYCLES, CYCLE_COUNT.encode({ cycles: 0 })],
  ]),
  {
    // No time is measured: an interval has no length.
    ...page(LOG_PAGE.GENERAL_STATISTICS_AND_PERFORMANCE, (lu) => [
      [STATISTICS_PARAMETER.ACCESS, statistics(lu.statistics)],
      [STATISTICS_PARAMETER.IDLE_TIME, IDLE_TIME.encode({})],
      [STATISTICS_PARAMETER.TIME_INTERVAL, TIME_INTERVAL.encode({})],
    ]),
    resettable: true,
  },
  page(LOG_PAGE.INFORMATIONAL_EXCEPTIONS, () => [
    [
      EXCEPTIONS_PARAMETER,
      EXCEPTIONS.encode({ celsius: TEMPERATURE_NOT_AVAILABLE, tripCelsius: TEMPERATURE_NOT_AVAILABLE }),
    ],
  ]),
]

const count = (resourceCount: number, scope: number): Buffer => RESOURCE_COUNT.encode({ resourceCount, scope })

function statistics({ readCommands, writeCommands, blocksRead, blocksWritten }: Statistics): Buffer {
  return STATISTICS.encode({
    readCommands: BigInt(readCommands),
    writeCommands: BigInt(writeCommands),
    blocksReceived: BigInt(blocksWritten),
    blocksTransmitted: BigInt(blocksRead),
  })
}

/** The pages that the unit has, ascending. */
export const logPages = (lu: LogicalUnit): LogPageRow[] =>
  PAGES.filter(({ parameters }) => parameters(lu) !== undefined)

/** All page and subpage codes of the unit, those of page 00h among them, ascending. */
export const logPageCodes = (lu: LogicalUnit): LogPageCode[] => [
  { pageCode: LOG_PAGE.SUPPORTED_PAGES, subpageCode: 0 },
  { pageCode: LOG_PAGE.SUPPORTED_PAGES, subpageCode: SUPPORTED_SUBPAGES },
  ...logPages(lu).map(({ pageCode, subpageCode }) => ({ pageCode, subpageCode })),
]
