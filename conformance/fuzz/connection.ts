// One fuzzed connection from its opening to its end: a login, or what is none; PDUs by the dozen, in step with the array;
// and one of the ways in which connections end.

import { TARGET_OPCODE } from '../../protocol/iscsi/index.ts'
import { Generator } from './generator.ts'
import { insteadOfLogin, login } from './logins.ts'
import type { Random } from './random.ts'
import { FuzzStream, type StreamOptions } from './stream.ts'
import { turn, type World } from './world.ts'

const PDUS_PER_CONNECTION = 250
const PDUS_PER_TURN = 12
const PING_TAG = 0xf000_0000
/** An answer that has not come by then is not waited for: the stream may be noise to the array since some PDUs. */
const PING_MS = 20

export interface Counts {
  pdus: number
  connections: number
  logins: number
  /** What the array has said in full feature phase, by operation code. */
  readonly answers: Map<number, number>
}

/** Runs a connection; what was wrong with what the array said on it. Throws when no connection can be made. */
export async function fuzzConnection(
  options: StreamOptions,
  random: Random,
  world: World,
  counts: Counts,
): Promise<string | undefined> {
  const stream = await FuzzStream.open(options)
  counts.connections++
  try {
    if (random.chance(0.06)) for (const bytes of insteadOfLogin(random)) await sendAlone(stream, bytes, counts)
    else await session(stream, random, world, counts)
    await end(stream, random)
  } finally {
    stream.destroy()
  }
  return stream.complaint
}

async function sendAlone(stream: FuzzStream, bytes: Buffer, counts: Counts): Promise<void> {
  stream.send(bytes)
  counts.pdus++
  await turn()
}

async function session(stream: FuzzStream, random: Random, world: World, counts: Counts): Promise<void> {
  const loggedIn = await login(stream, random, world)
  counts.pdus++
  if (!loggedIn) return
  counts.logins++
  const { settled, cmdSn, expStatSn } = loggedIn
  const generator = new Generator(random, world, settled, { cmdSn, expStatSn })
  if (random.chance(0.15)) generator.repair()
  const deaf = random.chance(0.02)
  if (deaf) stream.deafen()
  for (let sent = 0; sent < PDUS_PER_CONNECTION && !stream.closed; sent++) {
    stream.send(generator.next())
    counts.pdus++
    if (sent % PDUS_PER_TURN === PDUS_PER_TURN - 1) await catchUp(stream, generator, counts, deaf)
  }
  if (random.chance(0.3) && !stream.closed) stream.send(generator.logout())
}

/** Waits until the array has taken what was sent, and goes on from there: else one wrong number would end all of it. */
async function catchUp(stream: FuzzStream, generator: Generator, counts: Counts, deaf: boolean): Promise<void> {
  if (deaf) return turn()
  stream.send(generator.ping(PING_TAG))
  for (let pdu = await stream.take(PING_MS); pdu; pdu = await stream.take(PING_MS)) {
    counts.answers.set(pdu.header.opcode, (counts.answers.get(pdu.header.opcode) ?? 0) + 1)
    generator.follow(pdu)
    if (pdu.header.opcode !== TARGET_OPCODE.NOP_IN || pdu.header.initiatorTaskTag !== PING_TAG) continue
    return stream.waitedFor(pdu)
  }
}

/** In order, with everything under way, with half a PDU on the way, or with a while in which nothing is said. */
async function end(stream: FuzzStream, random: Random): Promise<void> {
  if (stream.closed) return
  if (random.chance(0.1)) stream.send(random.bytes(random.below(48)))
  if (random.chance(0.3)) await stream.change(1 + random.below(30))
  if (random.chance(0.3)) {
    stream.finish()
    await stream.change(50)
  }
}
