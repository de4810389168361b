// A connection to a portal, and what is left of one that could not be had.

import { getEventListeners } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import { UnreachableError } from '../../src/host/initiator/errors.ts'
import { openTransport } from '../../src/host/transport.ts'

/** A port on which nobody listens any more. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('attempts that fail leave nothing behind on the signal that would end them', async () => {
  const { signal } = new AbortController()
  const options = { host: '127.0.0.1', port: await closedPort(), timeoutMs: 10_000, clock: systemClock, signal }
  for (let attempt = 0; attempt < 12; attempt++) await expect(openTransport(options)).rejects.toThrow(UnreachableError)
  await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(0)
})

test('a signal that has ended ends the attempt', async () => {
  const signal = AbortSignal.abort()
  const options = { host: '127.0.0.1', port: await closedPort(), timeoutMs: 10_000, clock: systemClock, signal }
  await expect(openTransport(options)).rejects.toThrow('given up')
})
