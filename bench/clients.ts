// The two initiators that load a target, both by way of libiscsi in one thread: iscsi-perf for reads, which runs for a
// time, and qemu-img bench for writes, which runs for a number of requests. What they print becomes a rate.

import { join } from 'node:path'
import { runTool } from '../conformance/process.ts'
import type { Workload } from './workloads.ts'

const BLOCK_BYTES = 512
/** Odd, and near the golden section of the medium's 4 KiB blocks: every block is written once before any is again. */
const SCATTERED_STEP_BLOCKS = 162_011
/** The shortest run of qemu-img bench from which the number of requests for a longer one is judged. */
const PROBE_REQUESTS = 256
const GRACE_MS = 30_000

export interface ClientRun {
  readonly url: string
  readonly seconds: number
  /** Where the client's output goes. */
  readonly directory: string
  readonly signal: AbortSignal
  /** Requests per second that the run before this one has shown. */
  readonly expectedRate: number | undefined
}

/** Requests per second of all sessions of the workload together. */
export async function measure(workload: Workload, run: ClientRun): Promise<number> {
  const sessions = Array.from({ length: workload.sessions }, (_, session) => measureSession(workload, run, session))
  return (await Promise.all(sessions)).reduce((sum, rate) => sum + rate, 0)
}

async function measureSession(workload: Workload, run: ClientRun, session: number): Promise<number> {
  if (workload.client === 'iscsi-perf')
    return parseIscsiPerf(await client(iscsiPerfCommand(workload, run.url, run.seconds), run, session))
  const rate = run.expectedRate ?? (await benchRate(workload, run, PROBE_REQUESTS))
  return benchRate(workload, run, Math.max(PROBE_REQUESTS, Math.round(rate * run.seconds)))
}

async function benchRate(workload: Workload, run: ClientRun, requests: number): Promise<number> {
  return requests / parseQemuImgBench(await client(qemuImgBenchCommand(workload, run.url, requests), run, 0))
}

async function client(command: readonly string[], run: ClientRun, session: number): Promise<string> {
  const outputFile = join(run.directory, `client${session}.txt`)
  const timeoutMs = 10_000 * run.seconds + GRACE_MS
  const { status, timedOut, output } = await runTool(command, { outputFile, timeoutMs, signal: run.signal })
  if (status === 0) return output
  const how = timedOut ? `did not end within ${timeoutMs / 1000} s` : `ended with ${status}`
  throw new Error(`${command.join(' ')} ${how}:\n${output.trim()}`)
}

export function iscsiPerfCommand(workload: Workload, url: string, seconds: number): string[] {
  const { random, queue, length } = workload
  const order = random ? ['-r'] : []
  return ['iscsi-perf', ...order, '-m', `${queue}`, '-b', `${length / BLOCK_BYTES}`, '-t', `${seconds}`, url]
}

export function qemuImgBenchCommand(workload: Workload, url: string, requests: number): string[] {
  const { random, queue, length } = workload
  const step = random ? ['-S', `${SCATTERED_STEP_BLOCKS * length}`] : []
  const size = ['-s', `${length}`, ...step]
  return ['qemu-img', 'bench', '-f', 'raw', '-w', '-c', `${requests}`, '-d', `${queue}`, ...size, url]
}

/** Requests per second, the average over the run: the last one that it prints. Throws when there is none. */
export function parseIscsiPerf(output: string): number {
  const last = [...output.matchAll(/iops average (\d+)/g)].at(-1)
  if (!output.includes('finished.') || last === undefined || Number(last[1]) === 0)
    throw new Error(`iscsi-perf has measured nothing:\n${output.trim()}`)
  return Number(last[1])
}

/** Seconds from the first request to the last answer. Throws when it does not tell. */
export function parseQemuImgBench(output: string): number {
  const [, seconds] = /^Run completed in (\d+\.\d+) seconds\.$/m.exec(output) ?? []
  if (seconds === undefined) throw new Error(`qemu-img bench has measured nothing:\n${output.trim()}`)
  return Math.max(Number(seconds), 0.001) // it counts whole milliseconds
}
