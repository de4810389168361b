// What was sent on some connections, step by step, as a file: what a run of the fuzzer leaves when something is wrong, and
// what the corpus of past failures is made of. Bytes are hex; "5a*512" is 512 of one byte.

import { readFileSync, writeFileSync } from 'node:fs'

export type Step = Action & {
  /** What is done, in words. */
  readonly what?: string
}

type Action =
  /** Connections are numbers; the first step on one opens it. */
  | { readonly on: number; readonly send: Buffer }
  /** Until a PDU with this name in TARGET_OPCODE has come, or, for "CLOSE", until the target has closed. */
  | { readonly on: number; readonly await: string }
  /** No PDU of this name has come that was not waited for. */
  | { readonly on: number; readonly absent: string }
  /** Sends what the R2T that has come last, or that comes next, asks for. */
  | { readonly on: number; readonly answer: 'R2T' }
  | { readonly on: number; readonly end: 'fin' | 'reset' }
  /** The medium of LUN 0: operations on it wait from here on, so many of them do, they go on, nothing more is written to it. */
  | { readonly medium: 'hold' | 'release' | 'final' }
  | { readonly medium: 'waiting'; readonly count: number }

export interface Recording {
  /** What went wrong once, or what a run complained about. */
  readonly wrong: string
  readonly steps: readonly Step[]
}

/** A line of JSON for `wrong`, and one for each step. */
export function readRecording(file: string): Recording {
  const [first, ...rest] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  const { wrong } = first as Pick<Recording, 'wrong'>
  const steps = (rest as Step[]).map((step) =>
    'send' in step ? { ...step, send: parseBytes(String(step.send)) } : step,
  )
  return { wrong, steps }
}

export function writeRecording(file: string, { wrong, steps }: Recording): void {
  const written = steps.map((step) => ('send' in step ? { ...step, send: formatBytes(step.send) } : step))
  writeFileSync(file, [{ wrong }, ...written].map((line) => `${JSON.stringify(line)}\n`).join(''))
}

const RUN = /^([\da-f]{2})\*(\d+)$/
const HEX = /^(?:[\da-f]{2})+$/
/** Shorter runs of one byte are written out. */
const WORTH_A_RUN = 32

export function parseBytes(text: string): Buffer {
  const parts = text.split(' ').filter((part) => part !== '')
  return Buffer.concat(
    parts.map((part) => {
      const [, byte, count] = RUN.exec(part) ?? []
      if (byte !== undefined) return Buffer.alloc(Number(count), Number.parseInt(byte, 16))
      if (!HEX.test(part)) throw new Error(`${JSON.stringify(part)} is neither hex nor a run like 5a*512`)
      return Buffer.from(part, 'hex')
    }),
  )
}

export function formatBytes(bytes: Buffer): string {
  const parts: string[] = []
  let plain = 0
  for (let at = 0; at < bytes.length; ) {
    let end = at + 1
    while (end < bytes.length && bytes[end] === bytes[at]) end++
    if (end - at >= WORTH_A_RUN) {
      if (plain < at) parts.push(bytes.toString('hex', plain, at))
      parts.push(`${bytes.toString('hex', at, at + 1)}*${end - at}`)
      plain = end
    }
    at = end
  }
  if (plain < bytes.length) parts.push(bytes.toString('hex', plain))
  return parts.join(' ')
}
