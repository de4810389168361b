// The array's persistent state, open: the identities of its logical units, and the claim on the data directory.
// A LUN is its image: the identity is kept under the image's path seen from the data directory, so that it stays when the
// directory moves, the target is renamed or the LUN gets another number. LUNs without an image need no file at all.

import { mkdir } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { OperatorError } from '../errors.ts'
import { claimDirectory } from './data-claim.ts'
import { derivedIdentity, type Identity, randomIdentity } from './identity.ts'
import type { ArrayConfig, LunConfig } from './schema.ts'
import { readSealed, type SealedFormat, writeSealed } from './sealed-file.ts'
import { NO_UNIT_STATE, openUnitState, type UnitState } from './unit-state.ts'

export type { Identity } from './identity.ts'

/** What the LUNs of one configuration are. */
export interface Identities {
  /** The identity of a LUN of that configuration; `iqn` is its target's. */
  identity(iqn: string, lun: LunConfig): Identity
  /** What else is kept of it. Throws OperatorError when that is damaged. */
  unit(iqn: string, lun: LunConfig): Promise<UnitState>
}

/** Nothing of it is on disk until it is kept. */
export interface Draft extends Identities {
  /** On stable storage when the promise resolves. Throws OperatorError, and then nothing has changed. */
  keep(): Promise<void>
}

export interface State extends Identities {
  /**
   * What the LUNs of another configuration with the same data directory would be. One draft at a time.
   * @throws OperatorError as openState
   */
  draft(config: ArrayConfig): Promise<Draft>
  /** Lets go of the data directory. */
  close(): Promise<void>
}

type Known = Map<string, Identity>

/** `image` is the path seen from the data directory, with slashes; absolute where the image lies outside. */
const STATE_FILE = {
  format: 'lunette-state',
  version: 1,
  body: z.strictObject({
    identities: z.array(
      z.strictObject({
        image: z.string().min(1),
        naa: z.string().regex(/^(?:6[\da-f]{31}|[235][\da-f]{15})$/),
        serial: z.string().regex(/^[\x20-\x7e]+$/),
      }),
    ),
  }),
  about: "the array's state",
  cure: 'restore it from a backup, or move it away and every LUN gets a new identity',
} as const satisfies SealedFormat<z.ZodType>

/**
 * Claims the data directory, creating it where its parent exists, and settles the identity of every LUN. Where no LUN has an
 * image, the file system is not touched.
 * @throws OperatorError the directory is missing, not writable or in use; the state is damaged; two LUNs have one NAA
 */
export async function openState(config: ArrayConfig): Promise<State> {
  let known: Known = new Map()
  let release: (() => Promise<void>) | undefined

  const draft = async (next: ArrayConfig): Promise<Draft> => {
    if (!release && hasImages(next)) {
      const data = resolve(next.data)
      await ensureDirectory(data)
      const claimed = await claimDirectory(data)
      known = await load(data).catch(async (error: unknown) => {
        await claimed()
        throw error
      })
      release = claimed
    }
    const drafted = new Map(known)
    const changed = assign(next, drafted)
    requireDistinct(next, drafted) // what is refused is not remembered
    const keep = async (): Promise<void> => {
      if (changed) await writeSealed(stateFile(resolve(next.data)), STATE_FILE, { identities: entriesOf(drafted) })
      known = drafted
    }
    return { ...settled(next, drafted), keep }
  }
  const close = async (): Promise<void> => release?.()

  try {
    const first = await draft(config)
    await first.keep()
    return { identity: first.identity, unit: first.unit, draft, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the state says, for showing: nothing is claimed, created or written, and a LUN may be unknown. */
export async function peekIdentities(
  config: ArrayConfig,
): Promise<(iqn: string, lun: LunConfig) => Identity | undefined> {
  const known = hasImages(config) ? await load(resolve(config.data)) : new Map()
  return (iqn, lun) => identityOf(config, known, iqn, lun)
}

function settled(config: ArrayConfig, known: Known): Identities {
  const identity = (iqn: string, lun: LunConfig): Identity => {
    const found = identityOf(config, known, iqn, lun)
    if (!found) throw new Error(`${iqn} LUN ${lun.id} is not of this array`)
    return found
  }
  return {
    identity,
    async unit(iqn, lun) {
      if (!('path' in lun.store)) return NO_UNIT_STATE
      return openUnitState(resolve(config.data), identity(iqn, lun).naa)
    },
  }
}

const stateFile = (data: string): string => join(data, 'state.json')

async function load(data: string): Promise<Known> {
  const body = await readSealed(stateFile(data), STATE_FILE)
  return new Map(body?.identities.map(({ image, naa, serial }) => [image, { naa, serial }]))
}

function entriesOf(known: Known) {
  return [...known].map(([image, identity]) => ({ image, ...identity })).sort((a, b) => (a.image < b.image ? -1 : 1))
}

/** Gives each image what its LUN asks for, or what it has, or something new. True: there is something to write. */
function assign(config: ArrayConfig, known: Known): boolean {
  let changed = false
  for (const lun of config.targets.flatMap(({ luns }) => luns)) {
    const image = imageKey(config, lun)
    if (image === undefined) continue
    const has = known.get(image)
    const wants = chosen(lun, has ?? randomIdentity())
    if (wants.naa === has?.naa && wants.serial === has.serial) continue
    known.set(image, wants)
    changed = true
  }
  return changed
}

/** The schema sees names that the operator chose; here they meet those that were generated. */
function requireDistinct(config: ArrayConfig, known: Known): void {
  const holders = new Map<string, string>()
  for (const { iqn, luns } of config.targets) {
    for (const lun of luns) {
      const naa = identityOf(config, known, iqn, lun)?.naa ?? ''
      const holder = holders.get(naa)
      const name = `${iqn} LUN ${lun.id}`
      if (holder)
        throw new OperatorError(`${holder} and ${name} have the same identity, NAA ${naa}: give one another naa`)
      holders.set(naa, name)
    }
  }
}

function identityOf(config: ArrayConfig, known: Known, iqn: string, lun: LunConfig): Identity | undefined {
  const image = imageKey(config, lun)
  const own = image === undefined ? derivedIdentity(iqn, lun.id) : known.get(image)
  return own && chosen(lun, own)
}

function chosen({ identity: { naa, serial } }: LunConfig, own: Identity): Identity {
  return { naa: naa === 'auto' ? own.naa : naa, serial: serial === 'auto' ? own.serial : serial }
}

function hasImages({ targets }: ArrayConfig): boolean {
  return targets.some(({ luns }) => luns.some(({ store }) => 'path' in store))
}

/** The image as the state names it; undefined for a LUN that has none. */
function imageKey({ data }: ArrayConfig, { store }: LunConfig): string | undefined {
  if (!('path' in store)) return undefined
  const path = resolve(data, store.path)
  const seen = relative(resolve(data), path)
  return seen === '..' || seen.startsWith(`..${sep}`) ? path : seen.split(sep).join('/')
}

async function ensureDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT') throw new OperatorError(`cannot create the data directory: ${message}`, { cause: error })
    throw new OperatorError(`cannot create the data directory ${path}: there is no directory ${dirname(path)}`, {
      cause: error,
    })
  }
}
