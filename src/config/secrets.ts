// The secrets of a configuration that stand elsewhere: in files and in environment variables. They are read when an array
// starts or changes, and once before that to tell what is wrong with them.

import { resolve } from 'node:path'
import { OperatorError } from '../errors.ts'
import { type AccountConfig, type AuthConfig, isSecret, SECRET_FORMS } from './auth.ts'
import { type Path, type Problem, RefusedConfig } from './problem.ts'
import { readText } from './read-text.ts'
import type { ArrayConfig } from './schema.ts'
import { Secret } from './secret.ts'

type Visit = (account: AccountConfig, at: Path) => Promise<AccountConfig>

/** Relative paths of secrets are seen from this directory. */
export function locateSecrets(config: ArrayConfig, directory: string): Promise<ArrayConfig> {
  return mapAccounts(config, async ({ secretFile, ...account }) =>
    secretFile === undefined ? account : { ...account, secretFile: resolve(directory, secretFile) },
  )
}

/** The configuration with every secret in its place, and what cannot be read or may not be so. */
export async function readSecrets(config: ArrayConfig): Promise<{ config: ArrayConfig; problems: Problem[] }> {
  const problems: Problem[] = []
  const read = await mapAccounts(config, async (account, at) => {
    try {
      return { ...account, secret: account.secret ?? (await readSecret(account)) }
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      const source = account.secretFile === undefined ? 'secretEnv' : 'secretFile'
      problems.push({ path: [...at, source], found: undefined, allowed: '', reason: error.message })
      return account
    }
  })
  return { config: read, problems: [...problems, ...sharedSecrets(read)] }
}

/** @throws RefusedConfig */
export async function requireSecrets(config: ArrayConfig): Promise<ArrayConfig> {
  const { config: read, problems } = await readSecrets(config)
  if (problems.length > 0) throw new RefusedConfig(problems)
  return read
}

async function readSecret({ secretFile, secretEnv = '' }: AccountConfig): Promise<Secret> {
  const where = secretFile ?? `the environment variable ${secretEnv}`
  const found = secretFile === undefined ? process.env[secretEnv] : await readText(secretFile)
  if (found === undefined) throw new OperatorError(`${where} is not set`)
  // An editor ends the last line.
  const text = secretFile === undefined ? found : found.replace(/\r?\n$/, '')
  if (!isSecret(text))
    throw new OperatorError(`${where} holds ${Buffer.byteLength(text)} bytes; allowed: ${SECRET_FORMS}, on one line`)
  return new Secret(text)
}

/** RFC 7143 9.2.1: one secret may not serve both directions. */
function sharedSecrets(config: ArrayConfig): Problem[] {
  return authsOf(config).flatMap(([auth, at]) => {
    const { chap, mutual, initiators } = auth
    const all = [chap, ...initiators.map((exception) => exception.chap)]
    return [
      ...(mutual && all.some((account) => same(account, mutual)) ? [shared([...at, 'mutual'])] : []),
      ...initiators.flatMap((exception, index) =>
        typeof exception.mutual === 'object' && same(exception.chap, exception.mutual)
          ? [shared([...at, 'initiators', index, 'mutual'])]
          : [],
      ),
    ]
  })
}

const same = (one: AccountConfig | undefined, other: AccountConfig): boolean =>
  one?.secret !== undefined && other.secret !== undefined && one.secret.equals(other.secret)

const shared = (path: Path): Problem => ({
  path,
  found: undefined,
  allowed: '',
  reason: 'its secret is also one of chap; allowed: a secret of its own for each direction',
})

function authsOf({ discoveryAuth, targets }: ArrayConfig): [AuthConfig, Path][] {
  const all: [AuthConfig | undefined, Path][] = [
    [discoveryAuth, ['discoveryAuth']],
    ...targets.map(({ auth }, index): [AuthConfig | undefined, Path] => [auth, ['targets', index, 'auth']]),
  ]
  return all.flatMap(([auth, path]): [AuthConfig, Path][] => (auth ? [[auth, path]] : []))
}

async function mapAccounts(config: ArrayConfig, visit: Visit): Promise<ArrayConfig> {
  const { discoveryAuth } = config
  const targets = config.targets.map(async (target, index) => {
    const { auth } = target
    return auth ? { ...target, auth: await mapAuth(auth, ['targets', index, 'auth'], visit) } : target
  })
  return {
    ...config,
    ...(discoveryAuth && { discoveryAuth: await mapAuth(discoveryAuth, ['discoveryAuth'], visit) }),
    targets: await Promise.all(targets),
  }
}

async function mapAuth(auth: AuthConfig, at: Path, visit: Visit): Promise<AuthConfig> {
  const { chap, mutual } = auth
  const initiators = auth.initiators.map(async (exception, index) => {
    const here = [...at, 'initiators', index]
    const own = exception.mutual
    return {
      ...exception,
      chap: await visit(exception.chap, [...here, 'chap']),
      ...(typeof own === 'object' && { mutual: await visit(own, [...here, 'mutual']) }),
    }
  })
  return {
    ...auth,
    ...(chap && { chap: await visit(chap, [...at, 'chap']) }),
    ...(mutual && { mutual: await visit(mutual, [...at, 'mutual']) }),
    initiators: await Promise.all(initiators),
  }
}
