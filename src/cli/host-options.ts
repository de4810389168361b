// What the commands that talk to any target share: who asks, how it proves who it is, and how long it waits. A secret is best
// given in a file or in the environment: other users of a machine see its command lines.

import { KEYS } from '../../protocol/iscsi/keys.ts'
import { isIscsiName, normalizeIscsiName } from '../../protocol/iscsi/names.ts'
import { readText } from '../config/read-text.ts'
import { OperatorError } from '../errors.ts'
import type { Account, AuthOptions, ConnectOptions } from '../host/initiator/connect.ts'
import { type IscsiUrl, parseIscsiUrl } from '../host/url.ts'
import { type Terminal, UsageError } from './command.ts'

const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const

export const HOST_OPTIONS = {
  initiator: text('iSCSI name to log in with'),
  timeout: { type: 'number', requiresArg: true, default: 10, describe: 'Seconds to wait for each answer' },
  user: text('CHAP user, in place of that of the URL or of LIBISCSI_CHAP_USERNAME'),
  'secret-file': text('File that holds its secret'),
  'secret-env': text('Environment variable that holds its secret; without any, LIBISCSI_CHAP_PASSWORD'),
  secret: text('Its secret; other users of this machine may see it'),
  'mutual-user': text('The target must prove that it is this CHAP user; without one, LIBISCSI_CHAP_TARGET_USERNAME'),
  'mutual-secret-file': text('File that holds the secret of the target'),
  'mutual-secret-env': text('Environment variable that holds it; without any, LIBISCSI_CHAP_TARGET_PASSWORD'),
} as const

export const URL_POSITIONAL = {
  url: {
    type: 'string',
    demandOption: true,
    describe: 'iscsi://[USER%SECRET@]HOST[:PORT]/TARGET-NAME/LUN, as libiscsi and QEMU take it',
  },
} as const

export interface HostArgs {
  readonly initiator: string | undefined
  readonly timeout: number
  readonly user: string | undefined
  readonly secret: string | undefined
  readonly 'secret-file': string | undefined
  readonly 'secret-env': string | undefined
  readonly 'mutual-user': string | undefined
  readonly 'mutual-secret-file': string | undefined
  readonly 'mutual-secret-env': string | undefined
}

const MAX_TIMEOUT_SECONDS = 3600

/** A wrong URL is wrong usage. */
export function requireUrl(url: string): IscsiUrl {
  try {
    return parseIscsiUrl(url)
  } catch (error) {
    if (error instanceof OperatorError) throw new UsageError(error.message)
    throw error
  }
}

interface SharedOptions extends Pick<ConnectOptions, 'initiatorName' | 'auth'> {
  readonly timeoutMs: number
}

/**
 * @throws UsageError for what makes no sense, OperatorError for a secret that cannot be read
 */
export async function connectOptions(args: HostArgs, { env }: Terminal, ofUrl?: Account): Promise<SharedOptions> {
  const initiatorName = args.initiator === undefined ? undefined : requireName(args.initiator)
  const { timeout } = args
  if (!(timeout > 0 && timeout <= MAX_TIMEOUT_SECONDS))
    throw new UsageError(
      `--timeout: found ${timeout}; allowed: seconds, more than 0 and at most ${MAX_TIMEOUT_SECONDS}`,
    )
  const auth = await authOf(args, env, ofUrl)
  return { timeoutMs: Math.ceil(timeout * 1000), ...(initiatorName && { initiatorName }), ...(auth && { auth }) }
}

function requireName(given: string): string {
  const name = normalizeIscsiName(given)
  if (name === undefined || !isIscsiName(name))
    throw new UsageError(`--initiator: found ${JSON.stringify(given)}; allowed: an iSCSI name (iqn., eui. or naa.)`)
  return name
}

async function authOf(args: HostArgs, env: NodeJS.ProcessEnv, ofUrl?: Account): Promise<AuthOptions | undefined> {
  const chap = await chapOf(args, env, ofUrl)
  const { 'mutual-user': user, 'mutual-secret-file': file, 'mutual-secret-env': variable } = args
  const asked = [user, file, variable].some((each) => each !== undefined)
  if (!chap && asked) throw new UsageError('The target can prove itself only to a CHAP user: give --user too')
  const mutual = asked
    ? await accountOf('mutual-', user, { file, variable }, env.LIBISCSI_CHAP_TARGET_PASSWORD, env)
    : accountFrom(env.LIBISCSI_CHAP_TARGET_USERNAME, env.LIBISCSI_CHAP_TARGET_PASSWORD)
  for (const account of [chap, mutual]) if (account) requireUser(account)
  if (chap && mutual && chap.secret === mutual.secret)
    throw new OperatorError('one secret serves both directions, which CHAP forbids: give the target another one')
  return chap && { chap, ...(mutual && { mutual }) }
}

/** The message does not repeat it: it may be a secret in the wrong place. */
function requireUser({ user }: Account): void {
  const length = Buffer.byteLength(user)
  if (length > KEYS.CHAP_N.maxBytes || user.includes('\0'))
    throw new UsageError(`A CHAP user of ${length} bytes; allowed: 1 to ${KEYS.CHAP_N.maxBytes}, none of them zero`)
}

async function chapOf(args: HostArgs, env: NodeJS.ProcessEnv, ofUrl?: Account): Promise<Account | undefined> {
  const { user, secret, 'secret-file': file, 'secret-env': variable } = args
  const given = [user, secret, file, variable].some((each) => each !== undefined)
  if (given && ofUrl) throw new UsageError('Give the CHAP user in the URL or with --user, not both')
  if (given) return accountOf('', user, { secret, file, variable }, env.LIBISCSI_CHAP_PASSWORD, env)
  return ofUrl ?? accountFrom(env.LIBISCSI_CHAP_USERNAME, env.LIBISCSI_CHAP_PASSWORD)
}

const accountFrom = (user: string | undefined, secret: string | undefined): Account | undefined =>
  user && secret ? { user, secret } : undefined

interface SecretSources {
  readonly secret?: string | undefined
  readonly file?: string | undefined
  readonly variable?: string | undefined
}

/** `prefix` of the options' names. */
async function accountOf(
  prefix: '' | 'mutual-',
  user: string | undefined,
  sources: SecretSources,
  fallback: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Account> {
  const given = Object.values(sources).filter((each) => each !== undefined)
  if (given.length > 1) throw new UsageError(`Give one secret for --${prefix}user`)
  if (user === undefined) throw new UsageError(`A secret without a user: give --${prefix}user too`)
  const secret = await secretOf(sources, fallback, env)
  if (secret === undefined)
    throw new UsageError(`--${prefix}user needs a secret: give --${prefix}secret-file or --${prefix}secret-env`)
  return { user, secret }
}

/** @throws OperatorError for one that is not there, or empty */
async function secretOf(
  { secret, file, variable }: SecretSources,
  fallback: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (file !== undefined) {
    const line = (await readText(file)).replace(/\r?\n$/, '') // an editor ends the last line
    if (line === '') throw new OperatorError(`${file} is empty: it should hold a CHAP secret`)
    return line
  }
  if (variable !== undefined) {
    const value = env[variable]
    if (!value) throw new OperatorError(`the environment variable ${variable} is not set: it should hold a CHAP secret`)
    return value
  }
  return secret ?? fallback
}
