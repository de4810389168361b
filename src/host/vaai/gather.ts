// Asks a logical unit for what its VAAI primitives are judged by (facts.ts). Nothing that it sends changes anything.

import type { StandardInquiry } from '../../../protocol/scsi/inquiry.ts'
import { SENSE_KEY } from '../../../protocol/scsi/sense.ts'
import { VPD_PAGE } from '../../../protocol/scsi/vpd/page.ts'
import { CommandError } from '../command-error.ts'
import type { VpdPageName } from '../commands/index.ts'
import { identifyDisk, isDisk } from '../identify.ts'
import { MalformedAnswerError } from '../initiator/errors.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { type CommandFact, type Product, type Told, VAAI_COMMANDS, type VaaiCommand, type VaaiFacts } from './facts.ts'
import { tryCommand } from './trial.ts'

/** Of a target with more LUNs these are enough to see that its products are alike. */
const MAX_PRODUCTS = 64

/**
 * `url` stands for the logical unit in messages: without its secret.
 * @throws OperatorError for what is no disk, IscsiError when there is no answer
 */
export async function gatherVaaiFacts(unit: LogicalUnit, url: string): Promise<VaaiFacts> {
  const inquiry = await identifyDisk(unit, url)
  const pages = await told(() => unit.vpdPage('supportedPages'))
  const page = <N extends VpdPageName>(name: N, code: number) =>
    'told' in pages && !pages.told.includes(code)
      ? { missing: 'the logical unit does not list this VPD page', certain: true }
      : told(() => unit.vpdPage(name))
  const capacity = await told(() => unit.readCapacity16())
  return {
    url,
    inquiry,
    capacity,
    designators: await page('deviceIdentification', VPD_PAGE.DEVICE_IDENTIFICATION),
    blockLimits: await page('blockLimits', VPD_PAGE.BLOCK_LIMITS),
    provisioning: await page('logicalBlockProvisioning', VPD_PAGE.LOGICAL_BLOCK_PROVISIONING),
    thirdPartyCopy: await page('thirdPartyCopy', VPD_PAGE.THIRD_PARTY_COPY),
    commands: await commandFacts(unit, 'told' in capacity ? capacity.told : undefined),
    copyParameters: await told(() => unit.receiveCopyOperatingParameters()),
    products: await told(() => products(unit, inquiry)),
  }
}

/** What the device refuses, or says in a way that nobody can read, it has not told. */
async function told<T>(ask: () => Promise<T>): Promise<Told<T>> {
  try {
    return { told: await ask() }
  } catch (error) {
    if (error instanceof MalformedAnswerError) return { missing: error.message, certain: true }
    if (error instanceof CommandError)
      return { missing: error.message, certain: error.sense?.sense.key === SENSE_KEY.ILLEGAL_REQUEST }
    throw error
  }
}

const REPORTED = 'reported by REPORT SUPPORTED OPERATION CODES'

async function commandFacts(
  unit: LogicalUnit,
  capacity: { lastLba: bigint; blockLength: number } | undefined,
): Promise<Record<VaaiCommand, CommandFact>> {
  const list = await told(() => unit.reportSupportedOperationCodes())
  const facts: Partial<Record<VaaiCommand, CommandFact>> = {}
  for (const [name, command] of Object.entries(VAAI_COMMANDS) as [VaaiCommand, Command][])
    facts[name] =
      'told' in list
        ? { supported: list.told.some((one) => isSame(one, command)), method: REPORTED }
        : await tryCommand(unit, name, capacity)
  return facts as Record<VaaiCommand, CommandFact>
}

type Command = { readonly opcode: number; readonly serviceAction?: number }

/** Older targets list no service action where it is zero. */
const isSame = (one: Command, other: Command): boolean =>
  one.opcode === other.opcode && (one.serviceAction ?? 0) === (other.serviceAction ?? 0)

async function products(unit: LogicalUnit, own: StandardInquiry): Promise<Product[]> {
  const { luns } = await unit.reportLuns()
  const found: Product[] = [{ lun: unit.lun, vendor: own.vendor, product: own.product }]
  for (const lun of luns.filter((each) => each !== unit.lun).slice(0, MAX_PRODUCTS)) {
    const other = await told(() => unit.sibling(lun).inquiry())
    if (!('told' in other)) continue
    const { vendor, product } = other.told
    if (isDisk(other.told)) found.push({ lun, vendor, product })
  }
  return found
}
