// The tables of the sg3 suite, and the verdict on one command of them.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { asset } from '../../conformance/root.ts'
import { COPY } from '../../conformance/sg3/copy.ts'
import { IDENTITY } from '../../conformance/sg3/identity.ts'
import { MEDIUM } from '../../conformance/sg3/medium.ts'
import { RESERVATIONS } from '../../conformance/sg3/reservations.ts'
import { ends, failureOf, good } from '../../conformance/sg3/row.ts'
import { STATES } from '../../conformance/sg3/states.ts'

const ROWS = [...IDENTITY, ...MEDIUM, ...COPY, ...STATES, ...RESERVATIONS]
const commands = ROWS.flatMap(({ test: name, steps }) =>
  steps.flatMap((step) => ('command' in step ? [{ name, command: step.command }] : [])),
)

describe('the tables', () => {
  test('name each line once', () => {
    const names = ROWS.map(({ kind, test: name }) => `${kind} ${name}`)
    expect(new Set(names).size).toBe(names.length)
  })

  test('hold no line without a command', () => {
    expect(ROWS.filter(({ steps }) => !steps.some((step) => 'command' in step))).toEqual([])
  })

  test('hold commands that a shell can read', () => {
    const script = commands.map(({ command }, i) => `f${i}() {\n${command}\n}`).join('\n')
    expect(spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' }).stderr).toBe('')
  })

  test('call no function that the guest does not have', () => {
    const library = ['lib.sh', 'sg3.sh'].map((name) => readFileSync(asset('vm', 'guest', name), 'utf8')).join('\n')
    const defined = new Set([...library.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name))
    const helpers = [
      'attention',
      'quiet',
      'as_listed',
      'around',
      'untouched',
      'anchored',
      'set_mode',
      'same',
      'has',
      'zero',
    ]
    expect(helpers.filter((name) => !defined.has(name))).toEqual([])
  })

  test('cover the tools of the list', () => {
    const text = commands.map(({ command }) => command).join('\n')
    const tools =
      'sg_inq sg_vpd sg_readcap sg_luns sg_turs sg_requests sg_opcodes sg_modes sg_logs sg_write_same sg_unmap sg_get_lba_status sg_compare_and_write sg_copy_results sg_xcopy ddpt ddptctl sg_persist sg_rtpg sg_stpg sg_sanitize sg_verify sg_write_verify sg_write_x sg_read sg_dd sg_seek sg_sync sg_start sg_prevent sg_ident sg_timestamp sg_rep_pip sg_read_buffer sg_write_buffer sg_format sg_reset sg_reassign sg_read_long sg_write_long sg_senddiag sg_referrals sg_stream_ctl sg_get_elem_status sg_rep_zones sg_raw blkdiscard fstrim mkfs.ext4 fio'
    expect(tools.split(' ').filter((tool) => !new RegExp(`\\b${tool}\\b`).test(text))).toEqual([])
  })
})

describe('the verdict on a command', () => {
  const wanted = ends([0, 5], 'sg_x $D', /one/, /two/)
  const verdict = (step: ReturnType<typeof good>, status: number, output: string) =>
    failureOf(step as Parameters<typeof failureOf>[0], { status, output })

  test('good when it ends with one of the statuses and prints all that it should', () => {
    expect(verdict(wanted, 5, 'one\ntwo')).toBeUndefined()
    expect(verdict(good('true'), 0, '')).toBeUndefined()
  })

  test('another status is told, with what was printed', () => {
    expect(verdict(wanted, 9, 'one\ntwo')).toBe('sg_x $D: should end with 0 or 5 and ends with 9\none\ntwo')
  })

  test('what is missing of the output is told', () => {
    expect(verdict(wanted, 0, 'one')).toBe('sg_x $D: should print /two/\none')
  })

  test('long outputs are cut from their front', () => {
    const output = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n')
    const lines = verdict(wanted, 1, output)!.split('\n')
    expect(lines.slice(1, 3)).toEqual(['(24 more lines)', 'line 24'])
    expect(lines.at(-1)).toBe('line 39')
  })
})
