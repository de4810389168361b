// Lunette as the array under test: `lunette serve` with a configuration of its own on port 0. It must end with status 0
// within seconds of SIGTERM and log nothing at level error or above.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { end } from '../process.ts'
import { repositoryRoot } from '../root.ts'
import { tells } from '../secrets.ts'
import type { ArraySpec, LunSpec, RunningArray, StartArray } from './array.ts'

const READY_MS = 20_000
const SHUTDOWN_MS = 10_000
const MIB = 1024 * 1024
/** pino's names of the levels that are complaints; a number where a logger is set up to write numbers. */
const isError = (level: unknown) => level === 'error' || level === 'fatal' || (typeof level === 'number' && level >= 50)

export const startLunette: StartArray = async (spec, directory) => {
  const array = new LunetteArray(spec, directory)
  await array.start()
  return array
}

class LunetteArray implements RunningArray {
  #spec: ArraySpec
  readonly #directory: string
  readonly #configFile: string
  readonly #logFile: string
  readonly #complaints: string[] = []
  #process: ChildProcess | undefined
  #portals: readonly string[]
  /** The portals of the configuration, in which port 0 is any. */
  #asked: readonly string[] = []

  constructor(spec: ArraySpec, directory: string) {
    this.#spec = spec
    this.#directory = directory
    this.#configFile = join(directory, 'array.yaml')
    this.#logFile = join(directory, 'array.log')
    this.#portals = [...new Array<string>(spec.portals ?? 1).fill('127.0.0.1:0'), ...(spec.ipv6 ? ['[::1]:0'] : [])]
    mkdirSync(join(directory, 'data'), { recursive: true })
  }

  get portals() {
    return this.#portals
  }

  lun(id: number) {
    return id
  }

  url(iqn: string, id: number, portal = 0) {
    return `iscsi://${this.#portals[portal]}/${iqn}/${id}`
  }

  ended() {
    const child = this.#process
    if (child === undefined || (child.exitCode === null && child.signalCode === null)) return undefined
    return `the array ended by itself: ${child.signalCode ?? `status ${child.exitCode}`}`
  }

  logged() {
    return readFileSync(this.#logFile, 'utf8')
  }

  async start() {
    const readyFile = join(this.#directory, 'ready.json')
    const cli = join(repositoryRoot(), 'dist/src/cli/main.js')
    rmSync(readyFile, { force: true })
    this.#makeReadOnlyImages()
    this.#asked = this.#portals
    this.#writeConfig()
    const log = openSync(this.#logFile, 'a')
    const args = [cli, 'serve', '--config', this.#configFile, '--ready-file', readyFile]
    const { nodeOptions: NODE_OPTIONS } = this.#spec
    const env = { ...process.env, ...(NODE_OPTIONS !== undefined && { NODE_OPTIONS }) }
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', log, log], env })
    closeSync(log)
    const deadline = performance.now() + READY_MS
    while (!existsSync(readyFile)) {
      const ended = this.ended()
      if (ended !== undefined) throw new Error(`${ended}\n${this.#logTail()}`)
      if (performance.now() > deadline) {
        await end(this.#process, 'SIGTERM')
        throw new Error(`the array is not ready after ${READY_MS / 1000} s\n${this.#logTail()}`)
      }
      await delay(20)
    }
    this.#portals = (JSON.parse(readFileSync(readyFile, 'utf8')) as { portals: string[] }).portals
  }

  #writeConfig() {
    writeFileSync(this.#configFile, lunetteConfig(this.#spec, join(this.#directory, 'data'), this.#asked))
  }

  async change(spec: ArraySpec) {
    this.#spec = spec
    this.#writeConfig()
    const before = this.logged().length
    this.#process!.kill('SIGHUP')
    const deadline = performance.now() + READY_MS
    while (!this.logged().includes(': reloaded,', before)) {
      if (performance.now() > deadline) throw new Error(`the array does not reload\n${this.#logTail()}`)
      await delay(20)
    }
  }

  /** An image that may not be written must be there. */
  #makeReadOnlyImages() {
    for (const [target, { luns }] of this.#spec.targets.entries()) {
      for (const { id, readOnly, size } of luns) {
        if (readOnly !== true) continue
        const image = openSync(join(this.#directory, 'data', imageName(target, id)), 'a')
        ftruncateSync(image, parseInt(size, 10) * MIB)
        closeSync(image)
      }
    }
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL') {
    await this.#end(signal)
    await this.start()
  }

  async stop() {
    await this.#end('SIGTERM')
    const log = this.logged()
    const told = secretsOf(this.#spec).filter((secret) => tells(log, secret))
    return [...this.#complaints, ...errorLines(log), ...told.map((secret) => `logged: the secret "${secret}"`)]
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL') {
    const child = this.#process!
    const ended = this.ended()
    this.#process = undefined
    if (ended !== undefined) {
      this.#complaints.push(ended)
      return
    }
    const prompt = await end(child, signal, SHUTDOWN_MS)
    if (signal === 'SIGKILL') return
    if (!prompt) this.#complaints.push(`the array still runs ${SHUTDOWN_MS / 1000} s after SIGTERM`)
    else if (child.exitCode !== 0) {
      this.#complaints.push(`the array ended with ${child.signalCode ?? `status ${child.exitCode}`} after SIGTERM`)
    }
  }

  #logTail() {
    return this.logged().trimEnd().split('\n').slice(-10).join('\n')
  }
}

/** The configuration file (product.md) of an array; each LUN has an image of its own in `data`. */
export function lunetteConfig(spec: ArraySpec, data: string, portals: readonly string[]): string {
  const lun = ({ id, provisioning, ...rest }: LunSpec, target: number) => ({
    id,
    store: { type: provisioning === 'thin' ? 'sparse' : 'file', path: imageName(target, id) },
    provisioning,
    ...rest,
  })
  const targets = spec.targets.map(({ luns, ...rest }, index) => ({
    ...rest,
    luns: luns.map((each) => lun(each, index)),
  }))
  const { pools, discoveryAuth, limits } = spec
  const rest = { ...(pools && { pools }), ...(discoveryAuth && { discoveryAuth }), ...(limits && { limits }) }
  return stringify({ data, portals, ...rest, targets })
}

const imageName = (target: number, id: number) => `target${target}-lun${id}.img`

const secretsOf = ({ targets, discoveryAuth }: ArraySpec): string[] =>
  [discoveryAuth, ...targets.map(({ auth }) => auth)].flatMap((auth) =>
    [auth?.chap, auth?.mutual].flatMap((account) => account?.secret ?? []),
  )

/** The messages of the log's lines at level error and above. */
export function errorLines(log: string): string[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    try {
      const { level, msg, err } = JSON.parse(line) as { level?: unknown; msg?: string; err?: { stack?: string } }
      return isError(level) ? [`logged: ${msg ?? line}${err?.stack ? `\n${err.stack}` : ''}`] : []
    } catch {
      return []
    }
  })
}
