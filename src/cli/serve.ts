// lunette serve: an array in the foreground, from the configuration to the last flush. What it prints is in summary.ts, when
// it stops in stopping.ts, what a reload does in reload.ts.

import { resolve } from 'node:path'
import { defaultConfig, loadConfig, type Overrides } from '../config/load.ts'
import { PORTAL_FORMS, parsePortal } from '../config/portal.ts'
import type { ArrayConfig } from '../config/schema.ts'
import { peekIdentities } from '../config/state.ts'
import { createLogger, LOG_LEVELS } from '../log.ts'
import { type LockEvent, toLockEventJson } from '../target/lock-event.ts'
import { giveBackFreedMemory } from './allocator.ts'
import { ATS_WHO, atsWhoRoute } from './ats-who.ts'
import { isColored } from './color.ts'
import { command, type Terminal, UsageError } from './command.ts'
import { openControl } from './control.ts'
import { prepareReadyFile } from './ready-file.ts'
import { reload } from './reload.ts'
import { awaitStop } from './stopping.ts'
import { describeArray, type Served, toJson } from './summary.ts'
import { openTrace } from './trace-file.ts'

export const serve = command({
  name: 'serve',
  describe: 'Serve logical units over iSCSI until SIGINT or SIGTERM; SIGHUP reloads --config',
  examples: [
    ['lunette serve', 'One 10 GiB thin LUN in ./lunette-data on 127.0.0.1:3260'],
    ['lunette serve --config lunette.yaml', 'What a file describes'],
    ['lunette serve --portal 0.0.0.0:3260 --portal "[::]:3260"', 'On every address of this machine'],
    ['lunette serve --portal 127.0.0.1:0 --ready-file ready.json', 'On a free port, which the file tells'],
  ],
  positionals: {},
  options: {
    config: { type: 'string', requiresArg: true, describe: 'Configuration, YAML or JSON' },
    portal: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe:
        'HOST:PORT to listen on, in place of those of the configuration; may be repeated; port 0 is any free one',
    },
    data: {
      type: 'string',
      requiresArg: true,
      describe:
        'Directory of the images and the state, in place of that of the configuration; made if its parent exists',
    },
    'ready-file': {
      type: 'string',
      requiresArg: true,
      describe: 'Write pid, portals and targets to this file once logins are accepted, and remove it at the end',
    },
    'log-level': {
      choices: LOG_LEVELS,
      default: 'info' as const,
      requiresArg: true,
      describe: 'Least severe level that is logged to stderr',
    },
    trace: {
      type: 'string',
      requiresArg: true,
      describe:
        'Append every COMPARE AND WRITE, RESERVE, RELEASE and PERSISTENT RESERVE OUT to this file, a line of JSON each',
    },
    json: { type: 'boolean', default: false, describe: 'Print what is served as one line of JSON' },
  },
  async run(
    { config: file, portal, data, 'ready-file': readyFile, 'log-level': logLevel, trace: traceFile, json },
    terminal,
  ) {
    const overrides: Overrides = {
      ...(portal && { portals: requirePortals(portal) }),
      ...(data && { data: resolve(data) }),
    }
    const config = file === undefined ? defaultConfig(overrides) : await loadConfig(file, overrides)
    const ready = await prepareReadyFile(readyFile)
    const log = createLogger(logLevel, terminal.stderr, isColored(terminal.stderr, terminal))
    giveBackFreedMemory()
    // Loaded here and not with the program: --help and config check need none of it.
    const { startArray } = await import('../target/array.ts')
    const trace = traceFile === undefined ? undefined : await openTrace(traceFile, (problem) => log.error(problem))
    const onLockEvent = (event: LockEvent, where: object) => trace?.write({ ...where, ...toLockEventJson(event) })
    return awaitStop(log, {
      async start() {
        const array = await startArray(config, { log, ...(trace && { onLockEvent }) })
        const control = await openControl(resolve(config.data), { [ATS_WHO]: atsWhoRoute(array) }, log)
        const close = async (): Promise<void> => {
          await control.close()
          await array.close()
          await trace?.close()
        }
        return { array, close }
      },
      async started({ array }) {
        const served = await describe(config, array.portals, terminal)
        const { stdout } = terminal
        stdout.write(json ? toJson(served) : describeArray(served, isColored(stdout, terminal)))
        // Last: whoever waits for the file may stop the array at once.
        await ready.write({ pid: process.pid, portals: array.portals, targets: array.targets })
      },
      reload: ({ array }) => reload(array, { file, overrides, ready, log }),
      stopping: () => ready.remove(),
    })
  },
})

async function describe(config: ArrayConfig, portals: readonly string[], { version }: Terminal): Promise<Served> {
  return { config, portals, version, identity: await peekIdentities(config) }
}

function requirePortals(portals: string[]): string[] {
  for (const [i, portal] of portals.entries()) {
    const parsed = parsePortal(portal)
    if (!parsed) throw new UsageError(`--portal: found ${JSON.stringify(portal)}; allowed: ${PORTAL_FORMS}`)
    if (parsed.port !== 0 && portals.indexOf(portal) !== i) throw new UsageError(`--portal: ${portal} is given twice`)
  }
  return portals
}
