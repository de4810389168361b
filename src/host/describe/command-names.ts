// The names of commands by operation code and service action: from the layouts of protocol, and by name alone those of other
// devices' commands (SPC-4 annex D, SBC-4).

import { operationCode, serviceAction } from '../../../protocol/scsi/commands/cdb.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'
import { hexOf } from './section.ts'

const keyOf = (opcode: number, action: number | undefined): string =>
  action === undefined ? hexOf(opcode, 2) : `${hexOf(opcode, 2)}/${hexOf(action, 4)}`

/** What no layout of ours has. */
const OTHERS: Readonly<Record<string, string>> = {
  '07': 'REASSIGN BLOCKS',
  '18': 'COPY',
  '36': 'LOCK UNLOCK CACHE(10)',
  '39': 'COMPARE',
  '3a': 'COPY AND VERIFY',
  '3e': 'READ LONG(10)',
  '3f': 'WRITE LONG(10)',
  '50': 'XDWRITE(10)',
  '51': 'XPWRITE(10)',
  '52': 'XDREAD(10)',
  '53': 'XDWRITEREAD(10)',
  '7f/0001': 'REBUILD(32)',
  '7f/0003': 'XDREAD(32)',
  '7f/0004': 'XDWRITE(32)',
  '7f/0006': 'XPWRITE(32)',
  '7f/0007': 'XDWRITEREAD(32)',
  '7f/0009': 'READ(32)',
  '7f/000a': 'VERIFY(32)',
  '7f/000b': 'WRITE(32)',
  '7f/000c': 'WRITE AND VERIFY(32)',
  '7f/000d': 'WRITE SAME(32)',
  '85': 'ATA PASS-THROUGH(16)',
  '86': 'ACCESS CONTROL IN',
  '87': 'ACCESS CONTROL OUT',
  '92': 'LOCK UNLOCK CACHE(16)',
  '94': 'ZBC OUT',
  '95': 'ZBC IN',
  '9e/0011': 'READ LONG(16)',
  '9e/0013': 'REPORT REFERRALS',
  '9e/0014': 'STREAM CONTROL',
  '9e/0015': 'BACKGROUND CONTROL',
  '9e/0016': 'GET STREAM STATUS',
  '9e/0017': 'GET PHYSICAL ELEMENT STATUS',
  '9e/0018': 'REMOVE ELEMENT AND TRUNCATE',
  '9f/0011': 'WRITE LONG(16)',
  a1: 'ATA PASS-THROUGH(12)',
  a2: 'SECURITY PROTOCOL IN',
  'a3/000b': 'REPORT ALIASES',
  'a3/000e': 'REPORT PRIORITY',
  'a3/0010': 'MANAGEMENT PROTOCOL IN',
  'a3/001d': 'REPORT PROVISIONING INITIALIZATION PATTERN',
  'a4/000b': 'CHANGE ALIASES',
  'a4/000e': 'SET PRIORITY',
  'a4/0010': 'MANAGEMENT PROTOCOL OUT',
  ab: 'SERVICE ACTION IN(12)',
  b5: 'SECURITY PROTOCOL OUT',
}

const isLayout = (value: unknown): value is Layout =>
  typeof value === 'object' && value !== null && 'fields' in value && 'clause' in value

const NAMES: ReadonlyMap<string, string> = new Map([
  ...Object.entries(OTHERS),
  ...Object.values(CDB)
    .filter(isLayout)
    .map((cdb): [string, string] => [keyOf(operationCode(cdb), serviceAction(cdb)), cdb.name]),
])

/** Undefined for a command that no standard here names. */
export const commandName = (opcode: number, action: number | undefined): string | undefined =>
  NAMES.get(keyOf(opcode, action))

/** "83h/00h", or "28h" for a command without service actions. */
export const commandCode = (opcode: number, action: number | undefined): string =>
  action === undefined ? `${hexOf(opcode, 2)}h` : `${hexOf(opcode, 2)}h/${hexOf(action, 2)}h`
