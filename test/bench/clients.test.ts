// The samples were captured from iscsi-perf of libiscsi 1.19.0 and qemu-img 7.2.22.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  iscsiPerfCommand,
  measure,
  parseIscsiPerf,
  parseQemuImgBench,
  qemuImgBenchCommand,
} from '../../bench/clients.ts'
import { WORKLOADS, type Workload } from '../../bench/workloads.ts'
import { isInstalled } from '../../conformance/process.ts'

const HEAD = `iscsi-perf version 0.1 - (c) 2014-2015 by Peter Lieven <pl@\u0138amp.de>

connected to iscsi://127.0.0.1:46801/iqn.2026-11.io.lunette:bench/0
capacity is 2097152 blocks or 1073741824 byte (1024 MB)
performing RANDOM READ with 32 parallel requests
FIXED transfer size of 8 blocks (4096 byte)
will run for 3 seconds.

`
const PROGRESS =
  '\r00:00:02 - lba 273930, iops current 74333 (290 MB/s), iops average 74333 (290 MB/s), in_flight 32, busy 0        ' +
  '\r00:00:01 - lba 830244, iops current 70108 (273 MB/s), iops average 72220 (282 MB/s), in_flight 32, busy 0        '
const TAIL = '\riops average 68509 (267 MB/s)                                                        \n\nfinished.\n'

test('iscsi-perf: the average over the whole run, not over a part of it', () => {
  expect(parseIscsiPerf(HEAD + PROGRESS + TAIL)).toBe(68509)
})

test('iscsi-perf: a run of one second prints no progress', () => {
  expect(parseIscsiPerf(HEAD + TAIL)).toBe(68509)
})

test('iscsi-perf: an output that ends early is an error, with the output', () => {
  expect(() => parseIscsiPerf(HEAD + PROGRESS)).toThrow('iops average 72220')
  expect(() => parseIscsiPerf(HEAD)).toThrow('has measured nothing')
  expect(() => parseIscsiPerf('Login Failed. SENSE KEY:ILLEGAL_REQUEST(5)')).toThrow('Login Failed')
  expect(() => parseIscsiPerf('')).toThrow('has measured nothing')
})

test('iscsi-perf: no request answered is an error', () => {
  expect(() => parseIscsiPerf(`${HEAD}\riops average 0 (0 MB/s)      \n\nfinished.\n`)).toThrow('has measured nothing')
})

test('qemu-img bench: seconds', () => {
  const output = `Sending 20000 write requests, 4096 bytes each, 32 in parallel (starting at offset 0, step size 663597056)
Run completed in 0.473 seconds.
`
  expect(parseQemuImgBench(output)).toBe(0.473)
})

test('qemu-img bench: a run too short to be timed counts as a millisecond', () => {
  expect(parseQemuImgBench('Run completed in 0.000 seconds.\n')).toBe(0.001)
})

test('qemu-img bench: an output without a time is an error, with the output', () => {
  const output = `Sending 200 write requests, 4096 bytes each, 32 in parallel (starting at offset 0, step size 4096)
qemu-img: Failed request: Input/output error
`
  expect(() => parseQemuImgBench(output)).toThrow('Input/output error')
})

const workload = (name: string): Workload => WORKLOADS.find((each) => each.name === name) as Workload

test('iscsi-perf: the request length goes in blocks of 512 bytes', () => {
  expect(iscsiPerfCommand(workload('4 KiB random read, queue 32'), 'iscsi://x/y/0', 2).join(' ')).toBe(
    'iscsi-perf -r -m 32 -b 8 -t 2 iscsi://x/y/0',
  )
  expect(iscsiPerfCommand(workload('256 KiB sequential read, queue 8'), 'iscsi://x/y/0', 3).join(' ')).toBe(
    'iscsi-perf -m 8 -b 512 -t 3 iscsi://x/y/0',
  )
})

test('qemu-img bench: sequential writes', () => {
  expect(qemuImgBenchCommand(workload('256 KiB sequential write, queue 8'), 'iscsi://x/y/1', 500).join(' ')).toBe(
    'qemu-img bench -f raw -w -c 500 -d 8 -s 262144 iscsi://x/y/1',
  )
})

test('qemu-img bench: steps that come to every 4 KiB block of 1 GiB before any comes again', () => {
  const command = qemuImgBenchCommand(workload('4 KiB random write, queue 32'), 'iscsi://x/y/1', 500)
  const step = Number(command[command.indexOf('-S') + 1])
  const blocks = 2 ** 30 / 4096
  expect(step % 4096).toBe(0)
  const visited = new Set(Array.from({ length: blocks }, (_, request) => ((request * step) / 4096) % blocks))
  expect(visited.size).toBe(blocks)
})

test('the workloads: reads by iscsi-perf, writes by qemu-img, and every name once', () => {
  for (const { access, client } of WORKLOADS) expect(client).toBe(access === 'read' ? 'iscsi-perf' : 'qemu-img')
  expect(new Set(WORKLOADS.map(({ name }) => name)).size).toBe(WORKLOADS.length)
})

test('a client that fails is an error, with what it said', async ({ skip }) => {
  const tools = process.env.LUNETTE_REQUIRE_TOOLS === '1'
  if (!isInstalled('iscsi-perf') && !tools) skip('iscsi-perf is not installed (Debian: libiscsi-bin)')
  const directory = mkdtempSync(join(tmpdir(), 'lunette-clients-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const { signal } = new AbortController()
  const run = { url: 'iscsi://127.0.0.1:1/iqn.x:y/0', seconds: 1, directory, signal, expectedRate: undefined }
  await expect(measure(workload('4 KiB random read, queue 1'), run)).rejects.toThrow(/iscsi-perf .* ended with \d+/)
})
