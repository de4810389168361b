// A process that holds sessions: sessions.js PORT TARGET COUNT. Each writes and reads; then "ready" is said, and on a message
// all of them log out.

import { READ_16, STATUS, TEST_UNIT_READY, WRITE_16 } from '../../protocol/index.ts'
import { connect, type InitiatorSession } from '../../src/host/index.ts'

const BATCH = 50
const BLOCKS = 128
const LENGTH = 512 * BLOCKS
const ROUNDS = 4

const [port = '', targetName = '', count = ''] = process.argv.slice(2)
const initiatorName = `iqn.2026-11.io.lunette:endurance-${process.pid}`

const open = () => connect({ host: '127.0.0.1', port: Number(port), targetName, initiatorName, timeoutMs: 30_000 })

async function exercise(session: InitiatorSession): Promise<void> {
  await session.execute({ lun: 0, cdb: TEST_UNIT_READY.encode({}) }) // takes the unit attention of a new nexus
  const at = { lba: 0n, blocks: BLOCKS }
  for (let round = 0; round < ROUNDS; round++) {
    const write = await session.execute({ lun: 0, cdb: WRITE_16.encode(at), dataOut: Buffer.alloc(LENGTH, 7) })
    const read = await session.execute({ lun: 0, cdb: READ_16.encode(at), dataInLength: LENGTH })
    const good = write.status === STATUS.GOOD && read.status === STATUS.GOOD && read.data.every((byte) => byte === 7)
    if (!good) throw new Error(`status ${write.status} of a write, ${read.status} of a read`)
  }
}

const sessions: InitiatorSession[] = []
while (sessions.length < Number(count)) sessions.push(...(await Promise.all(Array.from({ length: BATCH }, open))))
for (let at = 0; at < sessions.length; at += BATCH) await Promise.all(sessions.slice(at, at + BATCH).map(exercise))

process.on('message', async () => {
  await Promise.all(sessions.map((session) => session.logout()))
  process.exit(0)
})
process.on('disconnect', () => process.exit(1))
process.send?.('ready')
