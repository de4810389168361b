// Child processes: each writes its output to a file, is bounded in time, and is ended by its own pid.

import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const KILL_AFTER_MS = 3_000
const SEARCH_PATH = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`

/** The environment of every tool: the language of its messages and the administrator's programs are fixed. */
export const toolEnvironment = { ...process.env, LC_ALL: 'C', PATH: SEARCH_PATH }

export interface Ended {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly timedOut: boolean
  readonly durationMs: number
  readonly output: string
}

export interface ToolOptions {
  /** Receives standard output and standard error. */
  readonly outputFile: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Runs a program to its end; never throws for what the program does. */
export async function runTool(command: readonly string[], options: ToolOptions): Promise<Ended> {
  options.signal.throwIfAborted()
  const started = performance.now()
  const file = openSync(options.outputFile, 'w')
  const [program, ...args] = command
  const child = spawn(program!, args, { stdio: ['ignore', file, file], env: toolEnvironment })
  closeSync(file)
  let timedOut = false
  const abort = () => void end(child, 'SIGTERM')
  const timer = setTimeout(() => {
    timedOut = true
    abort()
  }, options.timeoutMs)
  options.signal.addEventListener('abort', abort, { once: true })
  const status = await exitOf(child)
  clearTimeout(timer)
  options.signal.removeEventListener('abort', abort)
  options.signal.throwIfAborted()
  return {
    status,
    timedOut,
    durationMs: performance.now() - started,
    output: readFileSync(options.outputFile, 'latin1'),
  }
}

/** The exit status of a child; null when a signal ended it, 127 when it could not start. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => {
    child.once('exit', (status) => resolve(status))
    child.once('error', () => resolve(127))
  })
}

/** Sends the signal and, to a child that outlives it, SIGKILL. True when the signal was enough. */
export async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL', killAfterMs = KILL_AFTER_MS) {
  const exit = exitOf(child)
  child.kill(signal)
  const timeout = new AbortController()
  const ended = await Promise.race([
    exit.then(() => true),
    delay(killAfterMs, false, { signal: timeout.signal }).catch(() => false),
  ])
  timeout.abort()
  if (!ended) child.kill('SIGKILL')
  await exit
  return ended
}

/** Whether a program can be run, or a library, named by its path under /usr/lib or an architecture's folder there, exists. */
export function isInstalled(tool: string): boolean {
  if (!tool.includes('/'))
    return SEARCH_PATH.split(delimiter).some((folder) => isReadable(join(folder, tool), constants.X_OK))
  const folders = readdirSync('/usr/lib', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return ['', ...folders.map(({ name }) => name)].some((folder) =>
    isReadable(join('/usr/lib', folder, tool), constants.R_OK),
  )
}

function isReadable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
