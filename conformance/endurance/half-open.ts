// A process that opens connections and never logs in: half-open.js PORT COUNT. Each sends the half of a Login Request, then a
// byte now and then; one that is dropped comes back. "ready" is said when each has been open once.

import { connect } from 'node:net'
import { INITIATOR_OPCODE } from '../../protocol/index.ts'

const AGAIN_MS = 1000
const BATCH = 100

const [port = '', count = ''] = process.argv.slice(2)
const half = Buffer.alloc(20)
half[0] = 0x40 | INITIATOR_OPCODE.LOGIN_REQUEST

/** Resolves when it is open. */
function hold(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) })
    const trickle = setInterval(() => socket.write('\0'), AGAIN_MS)
    socket.once('connect', () => {
      socket.write(half)
      resolve()
    })
    socket.on('error', reject) // out of descriptors, or dropped: after the connection has been open nobody hears it
    socket.once('close', () => {
      clearInterval(trickle)
      setTimeout(() => void hold().catch(fail), AGAIN_MS)
    })
  })
}

function fail(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EMFILE') return
  process.send?.(error.message)
}

process.on('disconnect', () => process.exit(0))
for (let at = 0; at < Number(count); at += BATCH) await Promise.all(Array.from({ length: BATCH }, hold))
process.send?.('ready')
