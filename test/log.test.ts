// Logs: lines for people on a terminal, JSON otherwise.

import { describe, expect, test } from 'vitest'
import { createLogger, LOG_LEVELS, silentLogger } from '../src/log.ts'

function collect(isTTY: boolean) {
  const lines: string[] = []
  return { lines, stream: { isTTY, write: (text: string) => lines.push(text) } }
}

describe('createLogger', () => {
  test('JSON where nobody looks: one object a line, level by name, time in ISO 8601', () => {
    const { lines, stream } = collect(false)
    createLogger('info', stream, false).child({ nexus: 'a,i,0x1' }).warn({ itt: 7 }, 'late')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/\n$/)
    const { time, ...rest } = JSON.parse(lines[0] ?? '')
    expect(rest).toEqual({ level: 'warn', nexus: 'a,i,0x1', itt: 7, msg: 'late' })
    expect(new Date(time).toISOString()).toBe(time)
  })

  test('an error with its stack', () => {
    const { lines, stream } = collect(false)
    createLogger('info', stream, false).error(new Error('boom'), 'failed')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      msg: 'failed',
      err: { message: 'boom', stack: expect.any(String) },
    })
  })

  test('one readable line on a terminal, without colour where none is wanted', () => {
    const { lines, stream } = collect(true)
    createLogger('info', stream, false).info({ nexus: 'a' }, 'login')
    expect(lines).toEqual([expect.stringMatching(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: login \{"nexus":"a"\}\n$/)])
  })

  test('with colour where it is wanted', () => {
    const { lines, stream } = collect(true)
    createLogger('info', stream, true).info('login')
    expect(lines[0]).toContain('\u001b[')
  })

  test('a line is written before the call returns, so that the order is kept', () => {
    for (const isTTY of [true, false]) {
      const { lines, stream } = collect(isTTY)
      const log = createLogger('info', stream, false)
      for (let i = 0; i < 3; i++) {
        log.info(`line ${i}`)
        expect(lines).toHaveLength(i + 1)
      }
    }
  })

  test.each([...LOG_LEVELS.entries()])('%d: level %s shows what is as severe or more', (index, level) => {
    const { lines, stream } = collect(false)
    const log = createLogger(level, stream, false)
    for (const each of LOG_LEVELS) if (each !== 'silent') log[each]('x')
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(
      LOG_LEVELS.slice(index).filter((each) => each !== 'silent'),
    )
  })
})

test('a library is silent', () => expect(silentLogger().isLevelEnabled('fatal')).toBe(false))
