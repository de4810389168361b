// Loads a LUN with random reads by Lunette's own initiator, as iscsi-perf does by libiscsi: one session, one thread, as many
// reads under way as asked for. Prints what iscsi-perf prints at its end. Run by bench/initiator.ts in a process of its own, whose
// first reads are not counted: a program that is compiled while it runs is slow for a moment, and an initiator runs for long.

import { type LogicalUnit, openLogicalUnit } from '../src/host/index.ts'

const BLOCK_BYTES = 512
const WARM_UP_SECONDS = 0.5

interface Load {
  readonly queue: number
  readonly blocks: number
  readonly seconds: number
}

/** Reads per second. */
async function load(unit: LogicalUnit, { queue, blocks, seconds }: Load): Promise<number> {
  const { lastLba, blockLength } = await unit.capacity()
  if (blockLength !== BLOCK_BYTES) throw new Error(`blocks of ${blockLength} bytes`)
  const places = Math.floor((Number(lastLba) + 1) / blocks)
  const startMs = performance.now()
  const endMs = startMs + 1000 * seconds
  let done = 0
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const data = await unit.read10(blocks * Math.floor(Math.random() * places), blocks)
      if (data.length !== blocks * BLOCK_BYTES) throw new Error(`${data.length} bytes came`)
      done++
    }
  }
  await Promise.all(Array.from({ length: queue }, lane))
  return (1000 * done) / (performance.now() - startMs)
}

const [url, ...numbers] = process.argv.slice(2)
const [queue, blocks, seconds] = numbers.map(Number)
const unit = await openLogicalUnit(url as string)
const reads = { queue: queue as number, blocks: blocks as number }
await load(unit, { ...reads, seconds: WARM_UP_SECONDS })
const rate = await load(unit, { ...reads, seconds: seconds as number })
await unit.close()
console.log(`iops average ${Math.round(rate)}\n\nfinished.`)
