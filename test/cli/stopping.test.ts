// How a service ends: signals, faults, a start that fails. Each in a process of its own, for it ends it.

import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { requireBuild } from './lunette.ts'

beforeAll(requireBuild)

const built = (path: string) => JSON.stringify(new URL(`../../dist/src/${path}`, import.meta.url).href)

/** Runs awaitStop; what it calls and gives is on stdout, a line each. `timeline` is run once the service runs. */
function service(parts: { start?: string; started?: string; reload?: string; close?: string; timeline?: string }) {
  const script = `
    const { awaitStop } = await import(${built('cli/stopping.js')})
    const { createLogger } = await import(${built('log.js')})
    const say = (text) => process.stdout.write(text + '\\n')
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const kill = (signal) => process.kill(process.pid, signal)
    const running = { async close() { say('close'); ${parts.close ?? ''}; say('closed') } }
    const alive = setInterval(() => {}, 1000)
    try {
      process.exitCode = await awaitStop(createLogger('info', process.stderr, false), {
        async start() { say('start'); ${parts.start ?? ''}; return running },
        async started() { say('started'); ${parts.started ?? ''}; setTimeout(async () => { ${parts.timeline ?? ''} }) },
        async reload() { say('reload'); ${parts.reload ?? ''}; say('reloaded') },
        stopping() { say('stopping') },
      })
    } catch (error) {
      say('threw ' + error.message)
    }
    clearInterval(alive)
    setTimeout(() => process.exit(), 500).unref() // as the binary does`
  const began = performance.now()
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  const log = ended.stderr.split('\n').filter((line) => line.startsWith('{'))
  return {
    code: ended.status,
    said: ended.stdout.trim().split('\n'),
    log: log.map((line) => JSON.parse(line) as { level: string; msg: string; err?: { message: string } }),
    ms: performance.now() - began,
  }
}

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM'])('%s closes in order, exit 0', (signal) => {
    const { code, said, log } = service({ timeline: `kill('${signal}')`, close: 'await sleep(50)' })
    expect(said).toEqual(['start', 'started', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
    expect(log.map(({ msg }) => msg)).toEqual([`stopping on ${signal}; once more stops at once`, 'stopped'])
  })

  test('a second one ends the process at once, exit 1', () => {
    const { code, said, ms } = service({
      timeline: `kill('SIGTERM'); await sleep(100); kill('SIGINT')`,
      close: 'await sleep(60_000)',
    })
    expect(said.slice(0, 4)).toEqual(['start', 'started', 'stopping', 'close'])
    expect(said).not.toContain('closed')
    expect(code).toBe(1)
    expect(ms).toBeLessThan(10_000)
  })

  test('one that comes while it starts: it is closed as soon as it runs, and never said to run', () => {
    const { code, said } = service({ start: `kill('SIGTERM'); await sleep(100)` })
    expect(said).toEqual(['start', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
  })
})

describe('SIGHUP', () => {
  const terminate = `setTimeout(() => kill('SIGTERM'))`

  test('reloads, and the service runs on', () => {
    const { code, said, log } = service({ timeline: `kill('SIGHUP')`, reload: terminate })
    expect(said).toEqual(['start', 'started', 'reload', 'reloaded', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
    expect(log.map(({ msg }) => msg)).toEqual(['stopping on SIGTERM; once more stops at once', 'stopped'])
  })

  test('those that come during a reload are one more afterwards', () => {
    const first = `kill('SIGHUP'); await sleep(50); kill('SIGHUP'); await sleep(50)`
    const { said } = service({
      timeline: `kill('SIGHUP')`,
      reload: `globalThis.count = (globalThis.count ?? 0) + 1; if (count === 1) { ${first} } else { ${terminate} }`,
    })
    expect(said).toEqual([
      'start',
      'started',
      'reload',
      'reloaded',
      'reload',
      'reloaded',
      'stopping',
      'close',
      'closed',
    ])
  })

  test('one that comes while it starts waits until it runs', () => {
    const { said, code } = service({ start: `kill('SIGHUP'); await sleep(100)`, reload: terminate })
    expect(said).toEqual(['start', 'started', 'reload', 'reloaded', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
  })

  test('one that comes while it ends does nothing, and does not end the process', () => {
    const { said, code } = service({ timeline: `kill('SIGTERM')`, close: `kill('SIGHUP'); await sleep(100)` })
    expect(said).toEqual(['start', 'started', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
  })

  test('a reload that is under way does not hold up the end', () => {
    const { said, code } = service({
      timeline: `kill('SIGHUP')`,
      reload: `kill('SIGTERM'); await new Promise(() => {})`,
    })
    expect(said).toEqual(['start', 'started', 'reload', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
  })

  test('a reload that fails in a way nobody foresaw is logged, and the service runs on', () => {
    const { said, code, log } = service({
      timeline: `kill('SIGHUP')`,
      reload: `${terminate}; throw new Error('boom')`,
    })
    expect(said).toEqual(['start', 'started', 'reload', 'stopping', 'close', 'closed'])
    expect(code).toBe(0)
    expect(log[0]).toMatchObject({ level: 'error', err: { message: 'boom' } })
  })
})

describe('faults that nobody caught', () => {
  test.each([
    ['an exception', `throw new Error('boom')`],
    ['a rejection', `Promise.reject(new Error('boom'))`],
  ])('%s: logged as fatal, closed, exit 1', (_, timeline) => {
    const { code, said, log } = service({ timeline })
    expect(said).toEqual(['start', 'started', 'stopping', 'close', 'closed'])
    expect(code).toBe(1)
    expect(log).toEqual([
      expect.objectContaining({ level: 'fatal', err: expect.objectContaining({ message: 'boom' }) }),
    ])
  })

  test('closing that fails too', () => {
    const { code, log } = service({ timeline: `throw new Error('boom')`, close: `throw new Error('worse')` })
    expect(code).toBe(1)
    expect(log.map(({ err }) => err?.message)).toEqual(['boom', 'worse'])
  })

  test('a second one does not wait for the close', () => {
    const { code, ms } = service({
      timeline: `setTimeout(() => { throw new Error('two') }, 50); throw new Error('one')`,
      close: 'await sleep(60_000)',
    })
    expect(code).toBe(1)
    expect(ms).toBeLessThan(10_000)
  })

  test('one that comes while it starts: exit 1', () => {
    const { code, said } = service({ start: `setTimeout(() => { throw new Error('boom') }); await sleep(60_000)` })
    expect(said.slice(0, 1)).toEqual(['start'])
    expect(code).toBe(1)
  })
})

describe('errors', () => {
  test('a start that fails is thrown on', () => {
    expect(service({ start: `throw new Error('in use')` }).said).toEqual(['start', 'threw in use'])
  })
  test('what fails right after the start closes it, and is thrown on', () => {
    const { said } = service({ started: `throw new Error('no room for the ready file')` })
    expect(said).toEqual(['start', 'started', 'close', 'closed', 'threw no room for the ready file'])
  })
})
