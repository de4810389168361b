// How a command on a real disk ended, in the words of the locking procedures.

import { SENSE } from '../../../../protocol/scsi/sense.ts'
import { CommandError, MiscompareError, ReservationConflictError } from '../../command-error.ts'
import { CommandTimeoutError, NotSentError, OutcomeUnknownError } from '../../initiator/errors.ts'
import type { Answer, AnswerKind } from './commands.ts'

export async function answerOf(sent: Promise<{ readonly image?: Buffer }>): Promise<Pick<Answer, 'kind' | 'image'>> {
  try {
    return { kind: 'done', ...(await sent) }
  } catch (error) {
    return { kind: kindOf(error) }
  }
}

function kindOf(error: unknown): AnswerKind {
  if (error instanceof MiscompareError) return 'miscompare'
  if (error instanceof ReservationConflictError) return 'conflict'
  if (error instanceof CommandError) return error.is(SENSE.INVALID_COMMAND_OPERATION_CODE) ? 'unsupported' : 'failed'
  if (error instanceof NotSentError) return 'fenced'
  // Whether it was carried out is not known.
  if (error instanceof OutcomeUnknownError || error instanceof CommandTimeoutError) return 'timeout'
  return 'failed'
}
