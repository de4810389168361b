// The control socket of a running array, `control.sock` in its data directory: HTTP over a Unix socket that only its owner
// may open, so that a program that is not ours can ask, too: curl --unix-socket lunette-data/control.sock http://array/ats/who?lun=0&lba=0

import { chmod, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { OperatorError } from '../errors.ts'
import type { Logger } from '../log.ts'

/** Answers a question: what it returns is sent as JSON. Throws OperatorError for what is wrong with it. */
export type Route = (query: URLSearchParams) => unknown
export type Routes = Readonly<Record<string, Route>>

export interface Control {
  close(): Promise<void>
}

const controlSocket = (data: string): string => join(data, 'control.sock')

/** sun_path, with its zero byte. */
const MAX_PATH_BYTES = 107
const MAX_HEADER_BYTES = 8192
const TIMEOUT_MS = 10_000
/** Nobody looks at it. */
const ANY_HOST = 'http://array'

/** An array whose socket cannot be opened serves all the same: why it has none is logged. */
export async function openControl(data: string, routes: Routes, log: Logger): Promise<Control> {
  const path = controlSocket(data)
  const none: Control = { close: async () => {} }
  const directory = await stat(data).catch(() => undefined)
  if (!directory) return none // an array of memory alone has no data directory
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    log.warn(`no control socket: ${path} is longer than ${MAX_PATH_BYTES} bytes; a shorter data directory cures it`)
    return none
  }
  try {
    if (await isAnswered(path)) throw new OperatorError('another array answers on it')
    await rm(path, { force: true })
    return await listen(path, routes)
  } catch (error) {
    log.warn(`no control socket ${path}: ${(error as Error).message}`)
    return none
  }
}

async function listen(path: string, routes: Routes): Promise<Control> {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (message, response) => {
    const { status, body } = answer(routes, message)
    send(response, status, body)
  })
  server.requestTimeout = TIMEOUT_MS
  // No moment in which others may open it: the socket is made within the call.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
  await chmod(path, 0o600)
  return {
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve)) // which removes the socket
    },
  }
}

function answer(routes: Routes, { method, url = '/' }: IncomingMessage): { status: number; body: unknown } {
  if (!URL.canParse(url, ANY_HOST)) return { status: 400, body: { error: 'a question that is none' } }
  const { pathname, searchParams } = new URL(url, ANY_HOST)
  const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined
  if (!route) return { status: 404, body: { error: `there is no ${pathname}; there is: ${Object.keys(routes)}` } }
  if (method !== 'GET') return { status: 405, body: { error: `${method} of ${pathname}: ask with GET` } }
  try {
    return { status: 200, body: route(searchParams) }
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    return { status: 400, body: { error: error.message } }
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(`${JSON.stringify(body)}\n`)
}

async function isAnswered(path: string): Promise<boolean> {
  return get(path, '/').then(
    () => true,
    () => false,
  )
}

/**
 * Asks the array that serves this data directory.
 * @throws OperatorError where none does, and for a question that it refuses
 */
export async function askArray(data: string, route: string, query: Readonly<Record<string, string>>): Promise<unknown> {
  const answered = await get(controlSocket(data), `${route}?${new URLSearchParams(query)}`).catch((error: Error) => {
    const cure = 'start one with lunette serve, or name its data directory with --data'
    throw new OperatorError(`no array answers on ${controlSocket(data)}: ${cure}`, { cause: error })
  })
  if (answered.status === 200) return answered.body
  throw new OperatorError((answered.body as { error?: string }).error ?? `the array answered ${answered.status}`)
}

function get(socketPath: string, path: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) })
        } catch (error) {
          reject(error)
        }
      })
    })
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.end()
  })
}
