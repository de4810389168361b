// One thing that a primitive needs, and whether it is there.

import { commandCode } from '../describe/command-names.ts'
import { type CommandFact, type NotTold, type Told, VAAI_COMMANDS, type VaaiCommand } from './facts.ts'

/**
 * 'missing': the primitive does not work without it. 'contradiction': two things that the device says exclude each other.
 * 'warning': the primitive works, but not always or not as ESXi uses it. 'unknown': it could not be found out.
 */
export type Result = 'ok' | 'missing' | 'contradiction' | 'warning' | 'unknown'

export interface Check {
  readonly item: string
  /** What the device says. */
  readonly found: string
  readonly result: Result
  /** How it was found out, why it is needed, or what is wrong with it. */
  readonly why?: string
}

export type Verdict = 'supported' | 'unsupported' | 'unknown'

/** A contradiction and a warning do not decide: what they are about has a check of its own. */
export function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ result }) => result === 'missing')) return 'unsupported'
  return checks.some(({ result }) => result === 'unknown') ? 'unknown' : 'supported'
}

/** "COMPARE AND WRITE (89h)". */
export function commandTitle(command: VaaiCommand): string {
  const { name, opcode, ...rest } = VAAI_COMMANDS[command]
  return `${name} (${commandCode(opcode, 'serviceAction' in rest ? rest.serviceAction : undefined)})`
}

export function commandCheck(command: VaaiCommand, { supported, method }: CommandFact): Check {
  const item = commandTitle(command)
  if (supported === undefined) return { item, found: 'not known', result: 'unknown', why: method }
  return { item, found: supported ? 'supported' : 'not supported', result: supported ? 'ok' : 'missing', why: method }
}

/** A check of what was told; where it was not told it is missing. */
export function toldCheck<T>(item: string, source: Told<T>, judge: (value: T) => Omit<Check, 'item'>): Check {
  if ('missing' in source) return notTold(item, source)
  return { item, ...judge(source.told) }
}

export const notTold = (item: string, { missing, certain }: NotTold): Check => ({
  item,
  found: 'not told',
  result: certain ? 'missing' : 'unknown',
  why: missing,
})

export const needs = (holds: boolean, found: string, why: string): Omit<Check, 'item'> =>
  holds ? { found, result: 'ok' } : { found, result: 'missing', why }

export const wants = (holds: boolean, found: string, why: string): Omit<Check, 'item'> =>
  holds ? { found, result: 'ok' } : { found, result: 'warning', why }

/** Nothing, or the contradiction. */
export const contradicts = (holds: boolean, item: string, found: string, why: string): Check[] =>
  holds ? [{ item, found, result: 'contradiction', why }] : []

export const toldBy = <T>(source: Told<T>): T | undefined => ('told' in source ? source.told : undefined)

export const counted = (blocks: number | bigint): string => `${blocks} block${Number(blocks) === 1 ? '' : 's'}`
