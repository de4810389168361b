// Sessions of ErrorRecoveryLevel 1 and 2, scripted: what is lost or damaged on its way, and what asks for it again.

import {
  BHS_LENGTH,
  encodeLun,
  type HeaderFields,
  INITIATOR_OPCODE,
  type Pdu,
  READ_10,
  RESERVED_TAG,
  type SNACK_TYPE,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'

type SnackFields = Partial<HeaderFields<typeof INITIATOR_OPCODE.SNACK_REQUEST>>
type DataIn = PduOf<typeof TARGET_OPCODE.DATA_IN>
type Response = PduOf<typeof TARGET_OPCODE.SCSI_RESPONSE>

/** A SNACK; its ExpStatSN is what `raw` counts, which acknowledges nothing that has not been taken into account. */
export function snack(
  raw: RawInitiator,
  type: (typeof SNACK_TYPE)[keyof typeof SNACK_TYPE] | number,
  fields: SnackFields,
) {
  const usual = {
    initiatorTaskTag: RESERVED_TAG,
    targetTransferTag: RESERVED_TAG,
    expStatSn: raw.expStatSn,
    lun: encodeLun(0),
  }
  raw.send(INITIATOR_OPCODE.SNACK_REQUEST, { ...usual, type, ...fields })
}

/** Sends a READ; its task tag. */
export const read = (raw: RawInitiator, lba: number, blocks: number): number =>
  raw.command(READ_10.encode({ lba, blocks }), { read: true, expectedDataTransferLength: blocks * 512 })

/** Everything up to the SCSI Response, which is not acknowledged yet. */
export async function untilResponse(raw: RawInitiator): Promise<{ data: DataIn[]; response: Response }> {
  const data: DataIn[] = []
  for (;;) {
    const pdu = await raw.takeAny()
    if (pdu.header.opcode === TARGET_OPCODE.SCSI_RESPONSE) return { data, response: pdu as Response }
    if (pdu.header.opcode !== TARGET_OPCODE.DATA_IN) throw new Error(`got ${JSON.stringify(pdu.header)}`)
    data.push(pdu as DataIn)
  }
}

/** `count` Data-In PDUs, and nothing else. */
export async function takeData(raw: RawInitiator, count: number): Promise<DataIn[]> {
  const data: DataIn[] = []
  while (data.length < count) data.push(await raw.take(TARGET_OPCODE.DATA_IN))
  return data
}

/** A PDU without what may change when it is sent again. */
export const replica = ({ header, data }: Pdu): object => {
  const { expCmdSn: _, maxCmdSn: __, ...rest } = header as unknown as Record<string, unknown>
  return { ...rest, data }
}

/** Sends what `send` sends with a bit of its data changed on the way. */
export function damaged(raw: RawInitiator, send: () => void): void {
  const original = raw.sendBytes.bind(raw)
  raw.sendBytes = (bytes) => {
    const wrong = Buffer.from(bytes)
    wrong[BHS_LENGTH + (raw.digests.header ? 4 : 0) + 1]! ^= 1
    original(wrong)
  }
  send()
  raw.sendBytes = original
}

/** Answers a ping with what `raw` has taken: everything before its ExpStatSN is acknowledged when this has been taken. */
export async function acknowledge(raw: RawInitiator): Promise<void> {
  const initiatorTaskTag = raw.takeTag()
  const { cmdSn, expStatSn } = raw
  const usual = { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn, expStatSn }
  raw.send(INITIATOR_OPCODE.NOP_OUT, usual)
  const { header } = await raw.take(TARGET_OPCODE.NOP_IN)
  if (header.initiatorTaskTag !== initiatorTaskTag) throw new Error(`got ${JSON.stringify(header)}`)
  raw.expStatSn = (header.statSn + 1) >>> 0
}
