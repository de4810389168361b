// Runs the built lunette as its users do: a process, its streams and its exit code.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { requireUntold } from '../secrets.ts'

const BINARY = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly process: ChildProcess
  /** What it has printed so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Rejects when it has printed a secret. */
  readonly ended: Promise<Ended>
}

export interface Circumstances {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** What to say when there is nothing to run: the tests of the command line need the build. */
export function requireBuild(): void {
  if (!existsSync(BINARY))
    throw new Error('dist/src/cli/main.js is missing: npm run build makes it, npm test does so first')
}

export function start(words: readonly string[], { cwd, env }: Circumstances = {}): Started {
  requireBuild()
  const child = spawn(process.execPath, [BINARY, ...words], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  }).then((all) => {
    requireUntold(all.stdout + all.stderr)
    return all
  })
  return { process: child, stdout: () => stdout, stderr: () => stderr, ended }
}

export function lunette(words: readonly string[], circumstances?: Circumstances): Promise<Ended> {
  return start(words, circumstances).ended
}
