// The fastest possible responder, a program of its own that is given a port and answers reads from memory: what is left
// between a target and it is the target's cost, what is left between it and infinity is the client's.

import { spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { end } from '../conformance/process.ts'
import type { Responder } from './responders.ts'

const READY_MS = 20_000

export async function startCeiling(path: string): Promise<Responder> {
  const port = await freePort()
  const child = spawn(path, [`${port}`], { stdio: 'ignore' })
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  const deadline = performance.now() + READY_MS
  while (!(await accepts(port))) {
    if (failure) throw new Error(`cannot start ${path}: ${failure.message}`)
    if (child.exitCode !== null || performance.now() > deadline) {
      await end(child, 'SIGTERM')
      throw new Error(`${path} ${port} does not accept connections`)
    }
    await delay(50)
  }
  return {
    name: 'ceiling',
    url: `iscsi://127.0.0.1:${port}/iqn.2026-11.io.lunette:ceiling/0`,
    writable: false,
    async stop() {
      await end(child, 'SIGTERM')
      return []
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
