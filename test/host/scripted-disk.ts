// A disk that says of itself what a test tells it to, true or not, over iSCSI on loopback: what the array itself never does.

import {
  BLOCK_LIMITS,
  decodeLun,
  encodeCapacity16,
  encodeDeviceIdentification,
  encodeLogicalBlockProvisioning,
  encodeOperatingParameters,
  encodeReportLuns,
  encodeSense,
  encodeStandardInquiry,
  encodeSupportedCommands,
  encodeSupportedPages,
  INITIATOR_OPCODE,
  LOGOUT_RESPONSE_CODE,
  naa,
  type OperatingParameters,
  type Pdu,
  SENSE,
  type Sense,
  type SenseData,
  STATUS,
  TARGET_OPCODE,
  t10VendorId,
  VPD_PAGE,
} from '../../protocol/index.ts'
import { ScriptedTarget, type TargetEnd } from './scripted-target.ts'

const IQN = 'iqn.2026-11.io.lunette:scripted'
const SESSION_MS = 60_000

/** Data, or sense data that end the command; no data for a command that has none. */
export type Reply = Buffer | SenseData
export type Replies = (cdb: Buffer, lun: number) => Reply

export const refuse = (sense: Sense, details: Omit<SenseData, 'sense'> = {}): SenseData => ({ sense, ...details })
export const UNKNOWN_COMMAND = refuse(SENSE.INVALID_COMMAND_OPERATION_CODE)
const NOTHING = Buffer.alloc(0)

export interface ScriptedDisk {
  readonly url: string
  /** The CDBs that have come, in their order. */
  readonly cdbs: readonly Buffer[]
}

/** Serves until the test ends. */
export async function scriptedDisk(replies: Replies): Promise<ScriptedDisk> {
  const server = await ScriptedTarget.listen()
  const cdbs: Buffer[] = []
  const serve = async (): Promise<void> => {
    for (;;) void converse(await server.accept(), replies, cdbs).catch(() => {}) // the initiator has gone
  }
  void serve()
  return { url: `iscsi://127.0.0.1:${server.port}/${IQN}/0`, cdbs }
}

async function converse(end: TargetEnd, replies: Replies, cdbs: Buffer[]): Promise<void> {
  await end.login()
  for (;;) {
    const pdu = await end.takeAny(SESSION_MS)
    if (pdu.header.opcode === INITIATOR_OPCODE.LOGOUT_REQUEST) {
      const response = LOGOUT_RESPONSE_CODE.CLOSED_SUCCESSFULLY
      const { initiatorTaskTag } = pdu.header as { initiatorTaskTag: number }
      end.say(TARGET_OPCODE.LOGOUT_RESPONSE, { initiatorTaskTag, response })
    } else if (pdu.header.opcode === INITIATOR_OPCODE.SCSI_COMMAND) answer(end, pdu, replies, cdbs)
  }
}

interface CommandHeader {
  readonly initiatorTaskTag: number
  readonly cmdSn: number
  readonly immediate: boolean
  readonly lun: Buffer
  readonly cdb: Buffer
  readonly expectedDataTransferLength: number
}

function answer(end: TargetEnd, pdu: Pdu, replies: Replies, cdbs: Buffer[]): void {
  const { initiatorTaskTag, cmdSn, immediate, lun, cdb, expectedDataTransferLength } =
    pdu.header as never as CommandHeader
  if (!immediate) end.expCmdSn = (cmdSn + 1) >>> 0
  cdbs.push(Buffer.from(cdb))
  const reply = replies(cdb, decodeLun(lun) ?? 0)
  if (!Buffer.isBuffer(reply)) {
    const sense = encodeSense(reply, 'fixed')
    const data = Buffer.concat([Buffer.from([0, sense.length]), sense])
    end.say(TARGET_OPCODE.SCSI_RESPONSE, { initiatorTaskTag, status: STATUS.CHECK_CONDITION }, { data })
    return
  }
  if (reply.length === 0) return end.good(initiatorTaskTag)
  const data = reply.subarray(0, expectedDataTransferLength)
  const residualCount = expectedDataTransferLength - data.length
  const residual = { underflow: residualCount > 0, residualCount }
  end.dataIn(initiatorTaskTag, 0, 0, data, { final: true, hasStatus: true, ...residual })
}

/** What a disk of a faultless array says; a test replaces what it is about. */
export interface Profile {
  readonly inquiry: Parameters<typeof encodeStandardInquiry>[0]
  /** Of the other LUNs. */
  readonly others: readonly NonNullable<Parameters<typeof encodeStandardInquiry>[0]>[]
  readonly pages: Readonly<Record<number, Buffer>>
  readonly capacity: Parameters<typeof encodeCapacity16>[0]
  /** Undefined: there is no REPORT SUPPORTED OPERATION CODES. */
  readonly opcodes: readonly (readonly [opcode: number, serviceAction?: number])[] | undefined
  readonly copyParameters: OperatingParameters | undefined
  /** What is answered before anything else is looked at. */
  readonly override: (cdb: Buffer) => Reply | undefined
}

export const limitsPage = (limits: Parameters<typeof BLOCK_LIMITS.encode>[0] = {}): Buffer =>
  BLOCK_LIMITS.encode({
    maximumCompareAndWriteLength: 1,
    maximumUnmapLbaCount: 0xffff_ffff,
    maximumUnmapBlockDescriptorCount: 256,
    optimalUnmapGranularity: 2048,
    ugavalid: true,
    ...limits,
  })

export const provisioningPage = (values: Parameters<typeof encodeLogicalBlockProvisioning>[0] = {}): Buffer =>
  encodeLogicalBlockProvisioning({ lbpu: true, lbpws: true, lbprz: 1, provisioningType: 2, ...values })

const NAA = Buffer.from('600c0ffee00000000000000000000001', 'hex')

export const FAULTLESS: Profile = {
  inquiry: { version: 6, threePc: true, cmdQue: true, vendor: 'ACME', product: 'DISK', revision: '7' },
  others: [],
  pages: {
    [VPD_PAGE.DEVICE_IDENTIFICATION]: encodeDeviceIdentification([t10VendorId('ACME', 'DISK 1'), naa(NAA)]),
    [VPD_PAGE.BLOCK_LIMITS]: limitsPage(),
    [VPD_PAGE.LOGICAL_BLOCK_PROVISIONING]: provisioningPage(),
  },
  capacity: { lastLba: 0xf_ffffn, blockLength: 512, lbpme: true, lbprz: true },
  opcodes: [[0x16], [0x17], [0x41], [0x42], [0x83, 0x00], [0x84, 0x03], [0x89], [0x93]],
  copyParameters: {
    snlid: true,
    maximumCscdDescriptorCount: 2,
    maximumSegmentDescriptorCount: 1,
    maximumDescriptorListLength: 1024,
    maximumSegmentLength: 16 * 1024 * 1024,
    maximumInlineDataLength: 0,
    heldDataLimit: 0,
    maximumStreamDeviceTransferSize: 0,
    totalConcurrentCopies: 8,
    maximumConcurrentCopies: 8,
    dataSegmentGranularity: 9,
    inlineDataGranularity: 0,
    heldDataGranularity: 0,
    implementedDescriptors: [0x02, 0xe4],
  },
  override: () => undefined,
}

/** A disk of this profile at LUN 0. */
export const profileReplies =
  (profile: Profile): Replies =>
  (cdb, lun) =>
    profile.override(cdb) ?? REPLIES[cdb[0] ?? 0]?.(profile, cdb, lun) ?? UNKNOWN_COMMAND

const REPLIES: Readonly<Record<number, (profile: Profile, cdb: Buffer, lun: number) => Reply | undefined>> = {
  0: () => NOTHING,
  18: inquire,
  158: ({ capacity }, cdb) => (cdb[1] === 0x10 ? encodeCapacity16(capacity) : undefined),
  160: ({ others }) => encodeReportLuns([0, ...others.map((_, index) => index + 1)]),
  163: ({ opcodes }, cdb) => (opcodes && cdb[1] === 0x0c ? listOf(opcodes) : undefined),
  132: ({ copyParameters }, cdb) =>
    copyParameters && cdb[1] === 0x03 ? encodeOperatingParameters(copyParameters) : undefined,
}

function inquire({ inquiry, others, pages }: Profile, cdb: Buffer, lun: number): Reply {
  if ((cdb[1]! & 1) === 0)
    return encodeStandardInquiry(
      lun === 0 ? inquiry : (others[lun - 1] ?? { peripheralQualifier: 3, peripheralDeviceType: 0x1f }),
    )
  if (cdb[2] === 0) return encodeSupportedPages([0, ...Object.keys(pages).map(Number)])
  return pages[cdb[2]!] ?? refuse(SENSE.INVALID_FIELD_IN_CDB, { field: { in: 'cdb', byte: 2 } })
}

const listOf = (opcodes: NonNullable<Profile['opcodes']>): Buffer =>
  encodeSupportedCommands(
    opcodes.map(([opcode, serviceAction]) => ({
      opcode,
      ...(serviceAction !== undefined && { serviceAction }),
      cdbLength: 16,
    })),
  )
