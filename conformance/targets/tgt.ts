// tgt (tgtd 1.0) behind the same interface, for comparison: what its LUNs cannot express is left out. Its LUN 0 is a
// controller, so that LUN `id` is presented as id + 1. It has no clean way to end with sessions open: it is killed.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { end, runTool, toolEnvironment } from '../process.ts'
import type { Account, ArraySpec, LunSpec, RunningArray, StartArray } from './array.ts'

const READY_MS = 10_000
const MIB = 1024 * 1024
/** tgtd's control socket is named by a number below 32,768; the pid makes it ours. */
const CONTROL = `${1_000 + (process.pid % 30_000)}`

export const startTgt: StartArray = async (spec, directory) => {
  if (spec.ipv6 || spec.discoveryAuth) throw new Error('tgt is started on 127.0.0.1 alone, and discovered by anybody')
  mkdirSync(join(directory, 'data'), { recursive: true })
  const ports = await Promise.all(Array.from({ length: spec.portals ?? 1 }, freePort))
  const array = new TgtArray(
    spec,
    directory,
    ports.map((port) => `127.0.0.1:${port}`),
  )
  await array.start()
  return array
}

class TgtArray implements RunningArray {
  readonly portals: readonly string[]
  readonly #spec: ArraySpec
  readonly #directory: string
  #process: ChildProcess | undefined

  constructor(spec: ArraySpec, directory: string, portals: readonly string[]) {
    this.#spec = spec
    this.#directory = directory
    this.portals = portals
  }

  lun(id: number) {
    return id + 1
  }

  url(iqn: string, id: number, portal = 0) {
    return `iscsi://${this.portals[portal]}/${iqn}/${this.lun(id)}`
  }

  ended() {
    return this.#process !== undefined && this.#process.exitCode !== null ? 'tgtd ended by itself' : undefined
  }

  logged() {
    return readFileSync(join(this.#directory, 'array.log'), 'utf8')
  }

  async start() {
    const log = openSync(join(this.#directory, 'array.log'), 'a')
    const [first, ...others] = this.portals
    this.#process = spawn('tgtd', ['-f', '-C', CONTROL, '--iscsi', `portal=${first}`], {
      stdio: ['ignore', log, log],
      env: toolEnvironment,
    })
    closeSync(log)
    const deadline = performance.now() + READY_MS
    while (!(await this.#admin('--op', 'show', '--mode', 'sys'))) {
      if (this.ended() !== undefined || performance.now() > deadline) throw new Error('tgtd does not start')
      await delay(50)
    }
    for (const portal of others) await this.#must('--op', 'new', '--mode', 'portal', '--param', `portal=${portal}`)
    for (const [index, target] of this.#spec.targets.entries()) {
      const tid = ['--tid', `${index + 1}`]
      await this.#must('--op', 'new', '--mode', 'target', ...tid, '-T', target.iqn)
      for (const lun of target.luns) await this.#addLun(tid, index, lun)
      const { chap, mutual } = target.auth ?? {}
      if (chap) await this.#addAccount(tid, chap)
      if (mutual) await this.#addAccount(tid, mutual, '--outgoing')
      await this.#must('--op', 'bind', '--mode', 'target', ...tid, '-I', 'ALL')
    }
  }

  async #addLun(tid: string[], target: number, lun: LunSpec) {
    const image = join(this.#directory, 'data', `target${target}-lun${lun.id}.img`)
    const file = openSync(image, 'a')
    ftruncateSync(file, parseInt(lun.size, 10) * MIB)
    closeSync(file)
    const unit = ['--mode', 'logicalunit', ...tid, '--lun', `${this.lun(lun.id)}`]
    await this.#must('--op', 'new', ...unit, '--backing-store', image, '--blocksize', `${lun.blockSize ?? 512}`)
    const exponent = Math.log2((lun.physicalBlockSize ?? lun.blockSize ?? 512) / (lun.blockSize ?? 512))
    const thin = lun.provisioning === 'thin' ? 1 : 0
    const readOnly = lun.readOnly === true ? 1 : 0
    const removable = lun.removable === true ? 1 : 0
    await this.#must(
      '--op',
      'update',
      ...unit,
      '--params',
      `thin_provisioning=${thin},lbppbe=${exponent},readonly=${readOnly},removable=${removable}`,
    )
  }

  /** Accounts belong to all targets; a second one of the same name is refused, and not needed. */
  async #addAccount(tid: string[], { user, secret }: Account, ...direction: string[]) {
    await this.#admin('--op', 'new', '--mode', 'account', '--user', user, '--password', secret)
    await this.#must('--op', 'bind', '--mode', 'account', ...tid, '--user', user, ...direction)
  }

  async change() {
    throw new Error('a running tgt is not changed here')
  }

  async restart() {
    await this.stop()
    await this.start()
  }

  async stop() {
    if (this.#process !== undefined) await end(this.#process, 'SIGKILL')
    this.#process = undefined
    return []
  }

  async #admin(...args: string[]) {
    const outputFile = join(this.#directory, 'tgtadm.txt')
    const signal = AbortSignal.timeout(READY_MS)
    const ended = await runTool(['tgtadm', '-C', CONTROL, '--lld', 'iscsi', ...args], {
      outputFile,
      timeoutMs: 5_000,
      signal,
    })
    return ended.status === 0
  }

  async #must(...args: string[]) {
    if (!(await this.#admin(...args)))
      throw new Error(`tgtadm ${args.join(' ')} fails: see ${this.#directory}/tgtadm.txt`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
