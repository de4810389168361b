// How a service ends, and what else signals ask of it: the first SIGINT or SIGTERM closes it in order, a second one ends the
// process at once, SIGHUP reloads. A fault that nobody caught closes it too, if that still works, and is a failure.

import type { Logger } from '../log.ts'
import { Reloads } from './reloads.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** After a fault, closing may never end. */
const FAULT_CLOSE_MS = 5_000

export interface Service<Running> {
  start(): Promise<Running>
  /** Once it runs; not called when it is to stop already. */
  started(running: Running): Promise<void>
  /** SIGHUP, once it has started. Never twice at a time: what comes meanwhile is one more reload afterwards. */
  reload(running: Running): Promise<void>
  /** Right before it is closed, and before the process ends in any other way. */
  stopping(): void
}

/** Starts the service, waits until it is to stop, closes it. Gives the exit code; throws when it cannot start. */
export async function awaitStop<Running extends { close(): Promise<void> }>(
  log: Logger,
  service: Service<Running>,
): Promise<number> {
  const stop = watch(log, () => service.stopping())
  const reloads = new Reloads(log)
  try {
    const running = await Promise.race([service.start(), stop.faulted])
    if (running === 'fault') return 1
    try {
      if (!stop.requested()) await service.started(running)
      reloads.begin(() => service.reload(running))
      const why = await stop.any
      reloads.end()
      service.stopping()
      if (why === 'fault') return await closeAfterFault(log, running)
    } catch (error) {
      await running.close()
      throw error
    }
    await running.close()
    log.info('stopped')
    return 0
  } finally {
    stop.unwatch()
    reloads.unwatch()
  }
}

async function closeAfterFault(log: Logger, running: { close(): Promise<void> }): Promise<number> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FAULT_CLOSE_MS)
  })
  await Promise.race([running.close(), late]).catch((error: unknown) => log.fatal(error, 'closing failed too'))
  clearTimeout(timer)
  return 1
}

type Why = 'signal' | 'fault'

function watch(log: Logger, atExit: () => void) {
  let requested: Why | undefined
  let resolveAny: (why: Why) => void = () => {}
  let resolveFaulted: (why: 'fault') => void = () => {}
  const any = new Promise<Why>((resolve) => {
    resolveAny = resolve
  })
  const faulted = new Promise<'fault'>((resolve) => {
    resolveFaulted = resolve
  })
  const onSignal = (signal: NodeJS.Signals) => {
    if (requested) process.exit(1)
    requested = 'signal'
    log.info(`stopping on ${signal}; once more stops at once`)
    resolveAny('signal')
  }
  const onFault = (error: unknown) => {
    log.fatal(error, 'a fault of Lunette that nobody caught: please report it')
    if (requested) process.exit(1)
    requested = 'fault'
    resolveAny('fault')
    resolveFaulted('fault')
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('uncaughtException', onFault).on('unhandledRejection', onFault).on('exit', atExit)
  return {
    any,
    faulted,
    requested: () => requested !== undefined,
    unwatch() {
      for (const signal of SIGNALS) process.off(signal, onSignal)
      process.off('uncaughtException', onFault).off('unhandledRejection', onFault).off('exit', atExit)
    },
  }
}
