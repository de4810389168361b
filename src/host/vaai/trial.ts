// Whether a logical unit has a command, found out by sending it where it can change nothing: for targets that do not report their
// operation codes.

import { COMPARE_AND_WRITE } from '../../../protocol/scsi/commands/compare-and-write.ts'
import { EXTENDED_COPY_LID1 } from '../../../protocol/scsi/commands/extended-copy.ts'
import { RECEIVE_COPY_OPERATING_PARAMETERS } from '../../../protocol/scsi/commands/receive-copy.ts'
import { UNMAP } from '../../../protocol/scsi/commands/unmap.ts'
import { WRITE_SAME_10, WRITE_SAME_16 } from '../../../protocol/scsi/commands/write-same.ts'
import { SENSE, SENSE_KEY, type SenseData } from '../../../protocol/scsi/sense.ts'
import { CommandError } from '../command-error.ts'
import { asItIs, type Request, request } from '../commands/request.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { CommandFact, VaaiCommand } from './facts.ts'

interface Size {
  readonly lastLba: bigint
  readonly blockLength: number
}

interface Trial {
  /** What is sent, in the words of the report. */
  readonly how: string
  /** Undefined where it could do harm. */
  readonly request: (size: Size | undefined) => Request<unknown> | undefined
}

const PARAMETER_BYTES = 4096
const MAX_LBA_10 = 0xffff_ffffn
const sent = { repeatable: true, decode: asItIs }

/** One block past the end of the medium: what knows the command refuses the LBA. */
const PAST_THE_END = 'of one block past the end of the medium'

const TRIALS: Partial<Record<VaaiCommand, Trial>> = {
  compareAndWrite: { how: 'of 0 blocks', request: () => request(COMPARE_AND_WRITE, { blocks: 0 }, sent) },
  extendedCopy: {
    how: 'with an empty parameter list',
    request: () => request(EXTENDED_COPY_LID1, { parameterListLength: 0 }, sent),
  },
  receiveCopyParameters: {
    how: 'as it is',
    request: () =>
      request(
        RECEIVE_COPY_OPERATING_PARAMETERS,
        { allocationLength: PARAMETER_BYTES },
        { ...sent, dataInLength: PARAMETER_BYTES },
      ),
  },
  writeSame16: {
    how: PAST_THE_END,
    request: (size) =>
      size &&
      request(
        WRITE_SAME_16,
        { lba: size.lastLba + 1n, blocks: 1 },
        { ...sent, dataOut: Buffer.alloc(size.blockLength) },
      ),
  },
  writeSame10: {
    how: PAST_THE_END,
    request: (size) =>
      size && size.lastLba < MAX_LBA_10
        ? request(
            WRITE_SAME_10,
            { lba: Number(size.lastLba) + 1, blocks: 1 },
            { ...sent, dataOut: Buffer.alloc(size.blockLength) },
          )
        : undefined,
  },
  unmap: { how: 'with an empty parameter list', request: () => request(UNMAP, { parameterListLength: 0 }, sent) },
}

const NOT_REPORTED = 'there is no REPORT SUPPORTED OPERATION CODES'

export async function tryCommand(unit: LogicalUnit, name: VaaiCommand, size: Size | undefined): Promise<CommandFact> {
  const trial = TRIALS[name]
  const attempt = trial?.request(size)
  if (!trial || !attempt) return { supported: undefined, method: `${NOT_REPORTED}, and to try it could do harm` }
  try {
    await unit.run(attempt)
    return { supported: true, method: `tried ${trial.how}: GOOD` }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return { supported: judge(error.sense, attempt.cdb), method: `tried ${trial.how}: ${answerOf(error)}` }
  }
}

const SERVICE_ACTION_BYTE = 1
/** Operation codes that stand for many commands: what is refused may be the service action. */
const WITH_SERVICE_ACTIONS: ReadonlySet<number> = new Set([0x83, 0x84])

/** A refusal that only a device server gives that knows the command says that it is there. */
function judge(data: SenseData | undefined, cdb: Buffer): boolean | undefined {
  if (!data || data.deferred) return undefined
  const { key, asc } = data.sense
  if (key === SENSE_KEY.DATA_PROTECT) return true
  if (key !== SENSE_KEY.ILLEGAL_REQUEST) return undefined
  if (asc === SENSE.INVALID_COMMAND_OPERATION_CODE.asc) return false
  if (asc !== SENSE.INVALID_FIELD_IN_CDB.asc || !WITH_SERVICE_ACTIONS.has(cdb[0] ?? 0)) return true
  if (data.field === undefined) return undefined
  return data.field.byte !== SERVICE_ACTION_BYTE
}

const answerOf = ({ sense, statusName }: CommandError): string => sense?.sense.text ?? statusName
