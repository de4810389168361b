// What is known of a logical unit when its VAAI primitives are judged: gather.ts asks for it, status.ts judges it.

import type { Capacity16 } from '../../../protocol/scsi/capacity.ts'
import type { Designator } from '../../../protocol/scsi/designator.ts'
import type { OperatingParameters } from '../../../protocol/scsi/extended-copy-parameters.ts'
import type { StandardInquiry } from '../../../protocol/scsi/inquiry.ts'
import type { BLOCK_LIMITS } from '../../../protocol/scsi/vpd/block-limits.ts'
import type { LogicalBlockProvisioning } from '../../../protocol/scsi/vpd/logical-block-provisioning.ts'
import type { ThirdPartyCopy } from '../../../protocol/scsi/vpd/third-party-copy.ts'
import type { Decoded } from '../../../protocol/wire/layout.ts'

/** What the logical unit told, or why it did not; `certain`: it cannot tell, and not only for the moment. */
export type Told<T> = { readonly told: T } | NotTold

export interface NotTold {
  readonly missing: string
  readonly certain: boolean
}

/** The commands that the primitives are made of. */
export const VAAI_COMMANDS = {
  compareAndWrite: { name: 'COMPARE AND WRITE', opcode: 0x89 },
  extendedCopy: { name: 'EXTENDED COPY(LID1)', opcode: 0x83, serviceAction: 0x00 },
  receiveCopyParameters: { name: 'RECEIVE COPY OPERATING PARAMETERS', opcode: 0x84, serviceAction: 0x03 },
  writeSame16: { name: 'WRITE SAME(16)', opcode: 0x93 },
  writeSame10: { name: 'WRITE SAME(10)', opcode: 0x41 },
  unmap: { name: 'UNMAP', opcode: 0x42 },
  reserve: { name: 'RESERVE(6)', opcode: 0x16 },
  release: { name: 'RELEASE(6)', opcode: 0x17 },
} as const satisfies Record<string, { name: string; opcode: number; serviceAction?: number }>

export type VaaiCommand = keyof typeof VAAI_COMMANDS

export interface CommandFact {
  /** Undefined where it could not be found out. */
  readonly supported: boolean | undefined
  /** How it was found out, or why not. */
  readonly method: string
}

export interface Product {
  readonly lun: number
  readonly vendor: string
  readonly product: string
}

export interface VaaiFacts {
  /** What stands for the device where it has no designator. */
  readonly url: string
  readonly inquiry: StandardInquiry
  readonly designators: Told<readonly Designator[]>
  readonly capacity: Told<Capacity16>
  readonly blockLimits: Told<Decoded<typeof BLOCK_LIMITS>>
  readonly provisioning: Told<LogicalBlockProvisioning>
  readonly commands: Readonly<Record<VaaiCommand, CommandFact>>
  readonly copyParameters: Told<OperatingParameters>
  readonly thirdPartyCopy: Told<Partial<ThirdPartyCopy>>
  /** Of the disks of the target, this one among them, as far as they were asked. */
  readonly products: Told<readonly Product[]>
}
