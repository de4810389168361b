// The configuration: every key, its default and what it may be. The defaults are those of the documentation; the few that
// follow another key (a 4Kn disk has 4 KiB physical blocks, a fully allocated file is thick) are filled in once the LUN is read.

import type { z } from 'zod'
import { normalizeIscsiName } from '../../protocol/iscsi/names.ts'
import { auth } from './auth.ts'
import { flag, list, mapping, oneOf, size, text, textOrMapping, whole, wordOr, wordOrMapping } from './fields.ts'
import { INITIATOR_FORMS, normalizeInitiator } from './initiators.ts'
import { arrayLimits } from './limits.ts'
import { checkLun } from './lun-rules.ts'
import { isPercentage } from './percentage.ts'
import { ADDRESS_FORMS, PORTAL_FORMS, parseAddress, parsePortal } from './portal.ts'

const MAX_U32 = 0xffffffff

const PRINTABLE = '[\\x20-\\x7e]'
const ascii = (max: number) =>
  text(`1 to ${max} printable ASCII characters in quotes`, new RegExp(`^${PRINTABLE}{1,${max}}$`))

const filePath = () => text('the path of a file', (value) => value.length > 0 && !value.includes('\0'))

/** Kept in the form that a login brings (RFC 7143 4.2.7.2). */
const iscsiName = () =>
  text(
    'an iSCSI name: iqn.YYYY-MM.REVERSED.DOMAIN:NAME, eui. with 16 or naa. with 16 or 32 hex digits',
    (value) => normalizeIscsiName(value) !== undefined,
  ).transform((value) => normalizeIscsiName(value) as string)

/** Whom a target or a logical unit is for. */
const initiators = () =>
  wordOr(
    'any',
    text(INITIATOR_FORMS, (value) => normalizeInitiator(value) !== undefined).transform(
      (value) => normalizeInitiator(value) as string,
    ),
    'iSCSI names',
  )

/** NAA 6h has 16 bytes, the others have 8 (SPC-4 7.8.6.6). */
const naa = () =>
  text('auto, or 32 hex digits that start with 6, or 16 that start with 2, 3 or 5, in quotes', (value) =>
    /^(?:auto|6[\da-f]{31}|[235][\da-f]{15})$/i.test(value),
  ).transform((value) => value.toLowerCase())

/** Short enough for a designator that holds it behind vendor and product identification. */
const SERIAL_LENGTH = 128

const identity = mapping({
  vendor: ascii(8).default('LUNETTE'),
  product: ascii(16).default('VIRTUAL DISK'),
  revision: ascii(4).default('1.0'),
  naa: naa().default('auto'),
  serial: ascii(SERIAL_LENGTH).default('auto'),
})

const vaai = mapping({
  ats: flag().default(true),
  clone: flag().default(true),
  zero: flag().default(true),
  delete: flag().default(true),
})

/** TRANSFER LENGTH of WRITE ATOMIC(16) has sixteen bits (SBC-4 5.46). */
const MAX_ATOMIC = 0xffff
const DEFAULT_ATOMIC = 256

/** Block Limits (SBC-4 6.6.4) and the copy manager's operating parameters (SPC-4 6.18.4). */
const limits = mapping({
  compareAndWriteBlocks: whole(0, 255).default(255),
  transferBlocks: whole(0, MAX_U32).default(65536),
  writeSameBlocks: whole(0, MAX_U32).default(0),
  writeSameZeroMeansEnd: flag().default(true),
  unmapBlocks: whole(0, MAX_U32).default(MAX_U32),
  unmapDescriptors: whole(0, MAX_U32).default(256),
  unmapGranularityBlocks: whole(1, MAX_U32).default(1),
  anchor: flag().default(true),
  atomicBlocks: whole(0, MAX_ATOMIC).optional(),
  atomicAlignmentBlocks: whole(0, MAX_ATOMIC).default(0),
  atomicGranularityBlocks: whole(0, MAX_ATOMIC).default(0),
  copySegmentBytes: size(4096, MAX_U32, `4KiB to ${MAX_U32} bytes`).default(256 * 2 ** 20),
}).transform(({ atomicBlocks, ...rest }) => ({
  ...rest,
  atomicBlocks: atomicBlocks ?? Math.min(DEFAULT_ATOMIC, rest.transferBlocks || DEFAULT_ATOMIC),
}))

const store = mapping({
  type: oneOf('sparse', 'file', 'memory', 'null').default('sparse'),
  path: filePath().optional(),
}).superRefine(({ type, path }, context) => {
  if (path !== undefined && (type === 'memory' || type === 'null'))
    context.addIssue({ code: 'custom', path: ['path'], message: `no path (a ${type} store has no image)` })
})

/** READ CAPACITY(16) tells log2 of physical over logical blocks in four bits (SBC-4 5.21.2). */
const MAX_PHYSICAL = 4096 * 2 ** 15

/** In place of the name of a pool: the unit's blocks come from nowhere in particular. */
export const NO_POOL = 'none'
const DEFAULT_POOL = 'default'

const POOL_NAME = 'letters, digits, dots, dashes and underscores, 1 to 63 of them'
const isPoolName = (value: string): boolean => /^[\w.-]{1,63}$/.test(value)

export const poolSchema = mapping({
  name: text(`a name of ${POOL_NAME}; not ${NO_POOL}`, (value) => isPoolName(value) && value !== NO_POOL).default(
    DEFAULT_POOL,
  ),
  capacity: size(2 ** 20, Number.MAX_SAFE_INTEGER, 'at least 1MiB').default(64 * 2 ** 30),
  softThreshold: text('a percentage from 1% to 100%', isPercentage).default('80%'),
})

/** A day: longer than anyone waits for a test. */
const MAX_SANITIZE_SECONDS = 86_400

/** Single level addressing, flat space (SAM-5 4.7.7). */
const MAX_LUN = 16_383

/** The number that a logical unit has for these initiators. */
const presentation = mapping({ initiators: initiators(), id: whole(0, MAX_LUN) })

export const lunSchema = mapping({
  id: whole(0, MAX_LUN).default(0),
  store: store.prefault({}),
  size: size(512, Number.MAX_SAFE_INTEGER, 'at least one block').default(10 * 2 ** 30),
  blockSize: oneOf(512, 4096).default(512),
  physicalBlockSize: whole(512, MAX_PHYSICAL).optional(),
  provisioning: oneOf('thin', 'thick').optional(),
  pool: text(`${NO_POOL}, or the name of a pool`, isPoolName).optional(),
  readOnly: flag().default(false),
  removable: flag().default(false),
  writeCache: flag().default(true),
  initiators: initiators().default('any'),
  presentations: list(presentation, 'a list of mappings with initiators and id').default([]),
  identity: identity.prefault({}),
  vaai: vaai.prefault({}),
  limits: limits.prefault({}),
  dpoFua: flag().default(true),
  scsiVersion: oneOf(5, 6).default(6),
  sanitizeSeconds: whole(0, MAX_SANITIZE_SECONDS).default(0),
})
  .transform(({ id, store: { type, path }, size, blockSize, physicalBlockSize, provisioning, pool, ...rest }) => ({
    id,
    store: type === 'memory' || type === 'null' ? { type } : { type, path: path ?? `lun${id}.img` },
    size,
    blockSize,
    physicalBlockSize: physicalBlockSize ?? blockSize,
    provisioning: provisioning ?? (type === 'file' ? 'thick' : 'thin'),
    pool: pool ?? (type === 'file' || type === 'null' || provisioning === 'thick' ? NO_POOL : DEFAULT_POOL),
    ...rest,
  }))
  .superRefine(checkLun)

/** Where a target has gone (RFC 7143 13.8), and whether for good (11.13.5). */
const redirect = mapping({
  to: text(ADDRESS_FORMS, (value) => parseAddress(value) !== undefined),
  permanent: flag().default(false),
})

export const targetSchema = mapping({
  iqn: iscsiName().default('iqn.2026-11.io.lunette:array1'),
  portals: wordOr('all', whole(0, 65535), 'indexes into portals', 1).default('all'),
  auth: auth.optional(),
  initiators: initiators().default('any'),
  redirect: wordOrMapping('none', redirect).default('none'),
  abortFinished: oneOf('notExist', 'complete').default('notExist'),
  errorRecoveryLevel: oneOf(0, 1, 2).default(2),
  luns: list(lunSchema, 'a list of LUNs').prefault([{}]),
})

const portalText = () => text(PORTAL_FORMS, (value) => parsePortal(value) !== undefined)

/** A portal, or one that initiators reach by another address than the one that it listens on. */
const portal = () =>
  textOrMapping(
    portalText(),
    mapping({ listen: portalText(), public: text(ADDRESS_FORMS, (value) => parseAddress(value) !== undefined) }),
  )

export const arraySchema = mapping({
  data: text('the path of a directory', (value) => value.length > 0 && !value.includes('\0')).default('./lunette-data'),
  portals: list(portal(), 'a list of portals, at least one', 1).default(['127.0.0.1:3260']),
  discoveryAuth: auth.optional(),
  limits: arrayLimits.prefault({}),
  pools: list(poolSchema, 'a list of pools').prefault([{}]),
  targets: list(targetSchema, 'a list of targets, at least one', 1).prefault([{}]),
})

/** What `startArray` takes and a file holds: everything has a default. */
export type ArrayInput = z.input<typeof arraySchema>
/** The effective configuration: every default filled in, sizes in bytes, paths as they were given. */
export type ArrayConfig = z.output<typeof arraySchema>
export type TargetConfig = z.output<typeof targetSchema>
export type LunConfig = z.output<typeof lunSchema>
export type PoolConfig = z.output<typeof poolSchema>
export type ArrayLimits = ArrayConfig['limits']
export type PortalConfig = ArrayConfig['portals'][number]
