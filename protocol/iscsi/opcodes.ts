// The opcodes of RFC 7143 11.2.1.2: the low six bits of byte 0. Initiator and target number their PDUs apart.

export const INITIATOR_OPCODE = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TASK_MANAGEMENT_REQUEST: 0x02,
  LOGIN_REQUEST: 0x03,
  TEXT_REQUEST: 0x04,
  DATA_OUT: 0x05,
  LOGOUT_REQUEST: 0x06,
  SNACK_REQUEST: 0x10,
} as const

export const TARGET_OPCODE = {
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TASK_MANAGEMENT_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC_MESSAGE: 0x32,
  REJECT: 0x3f,
} as const

/** Every PDU starts with a basic header segment of 48 bytes (RFC 7143 11.2.1). */
export const BHS_LENGTH = 48

/** The value of InitiatorTaskTag and TargetTransferTag that names no task and no transfer (RFC 7143 11.2.1.8). */
export const RESERVED_TAG = 0xffff_ffff
