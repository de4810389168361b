// Third-party copies (SPC-4 6.4 to 6.5, 6.20 to 6.28; SBC-3 5.7, 5.46): EXTENDED COPY(LID1), the VAAI primitive clone, what tells
// of it, and ROD tokens. Asking how a copy goes may be done twice; to start one may not.

import { EXTENDED_COPY_LID1 } from '../../../protocol/scsi/commands/extended-copy.ts'
import {
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS_LID1,
  RECEIVE_ROD_TOKEN_INFORMATION,
} from '../../../protocol/scsi/commands/receive-copy.ts'
import { POPULATE_TOKEN, WRITE_USING_TOKEN } from '../../../protocol/scsi/commands/rod-token.ts'
import {
  type CopyFailure,
  type CopyStatus,
  decodeCopyFailure,
  decodeCopyStatus,
} from '../../../protocol/scsi/copy-status.ts'
import { type CopyListContent, encodeCopyList } from '../../../protocol/scsi/extended-copy.ts'
import { decodeOperatingParameters, type OperatingParameters } from '../../../protocol/scsi/extended-copy-parameters.ts'
import {
  encodePopulateTokenList,
  encodeWriteUsingTokenList,
  type PopulateTokenList,
  type WriteUsingTokenList,
} from '../../../protocol/scsi/rod-token-lists.ts'
import { asItIs, nothing, type Request, request } from './request.ts'

const PARAMETER_BYTES = 4096

const receiving = <T>(decode: (data: Buffer) => T) => ({ dataInLength: PARAMETER_BYTES, repeatable: true, decode })

/** EXTENDED COPY(LID1). */
export function extendedCopy(list: CopyListContent): Request<void> {
  const dataOut = encodeCopyList(list)
  const values = { parameterListLength: dataOut.length }
  return request(EXTENDED_COPY_LID1, values, { dataOut, repeatable: false, slow: true, decode: nothing })
}

/** What the copy manager accepts. */
export const receiveCopyOperatingParameters = (): Request<OperatingParameters> =>
  request(
    RECEIVE_COPY_OPERATING_PARAMETERS,
    { allocationLength: PARAMETER_BYTES },
    receiving(decodeOperatingParameters),
  )

/** RECEIVE COPY STATUS(LID1): how far the copy with this list identifier has come. */
export const receiveCopyStatus = (listId: number): Request<CopyStatus> =>
  request(RECEIVE_COPY_STATUS_LID1, { listId, allocationLength: PARAMETER_BYTES }, receiving(decodeCopyStatus))

/** RECEIVE COPY FAILURE DETAILS(LID1); undefined where there are none. To ask for them discards them. */
export const receiveCopyFailureDetails = (listId: number): Request<CopyFailure | undefined> =>
  request(
    RECEIVE_COPY_FAILURE_DETAILS_LID1,
    { listId, allocationLength: PARAMETER_BYTES },
    { ...receiving(decodeCopyFailure), repeatable: false },
  )

/** Makes a ROD token of the ranges; receiveRodTokenInformation fetches it. */
export function populateToken(listId: number, list: PopulateTokenList): Request<void> {
  const dataOut = encodePopulateTokenList(list)
  const values = { listId, parameterListLength: dataOut.length }
  return request(POPULATE_TOKEN, values, { dataOut, repeatable: false, slow: true, decode: nothing })
}

/** Writes what a ROD token stands for into the ranges. */
export function writeUsingToken(listId: number, list: WriteUsingTokenList): Request<void> {
  const dataOut = encodeWriteUsingTokenList(list)
  const values = { listId, parameterListLength: dataOut.length }
  return request(WRITE_USING_TOKEN, values, { dataOut, repeatable: false, slow: true, decode: nothing })
}

/** The parameter data as they came: decodeCopyStatusLid4 of protocol reads them. */
export const receiveRodTokenInformation = (listId: number): Request<Buffer> =>
  request(RECEIVE_ROD_TOKEN_INFORMATION, { listId, allocationLength: PARAMETER_BYTES }, receiving(asItIs))
