// Who must prove what to log in: CHAP (RFC 7143 12.1.3), one-way or mutual, for everybody alike or by initiator. A secret
// stands in the configuration, or in a file or an environment variable that the configuration names.

import { z } from 'zod'
import { CHAP_ALGORITHM_NAMES, MIN_SECRET_BYTES } from '../../protocol/iscsi/chap.ts'
import { list, mapping, oneOf, text, wordOrMapping } from './fields.ts'
import { INITIATOR_FORMS, normalizeInitiator } from './initiators.ts'
import { Secret } from './secret.ts'

const MAX_SECRET_BYTES = 255
const MAX_USER_BYTES = 255

/** 96 bits at least (RFC 7143 9.2.1). */
export const SECRET_FORMS = `text of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes in quotes`
export function isSecret(value: string): boolean {
  const bytes = Buffer.byteLength(value)
  return bytes >= MIN_SECRET_BYTES && bytes <= MAX_SECRET_BYTES && !/\p{Cc}/u.test(value)
}

const secret = () =>
  z
    .custom<string | Secret>((value) => value instanceof Secret || (typeof value === 'string' && isSecret(value)), {
      error: SECRET_FORMS,
    })
    .transform((value) => (typeof value === 'string' ? new Secret(value) : value))

/** CHAP_N is a text-value. */
const isUser = (value: string): boolean =>
  value.length > 0 && Buffer.byteLength(value) <= MAX_USER_BYTES && !/\p{Cc}/u.test(value)

const SOURCES = 'exactly one of secret, secretFile and secretEnv'

const account = mapping({
  user: text(`a name of 1 to ${MAX_USER_BYTES} bytes in quotes`, isUser),
  secret: secret().optional(),
  secretFile: text('the path of a file', (value) => value.length > 0 && !value.includes('\0')).optional(),
  secretEnv: text('the name of an environment variable', /^[A-Za-z_]\w*$/).optional(),
}).superRefine(({ secret, secretFile, secretEnv }, context) => {
  if ([secret, secretFile, secretEnv].filter((source) => source !== undefined).length !== 1)
    context.addIssue({ code: 'custom', message: SOURCES })
})

/** What holds for some initiators in place of what holds for all. */
const exception = mapping({
  name: text(INITIATOR_FORMS, (value) => normalizeInitiator(value) !== undefined).transform(
    (value) => normalizeInitiator(value) as string,
  ),
  chap: account,
  mutual: wordOrMapping('none', account).optional(),
})

const CREDENTIALS = 'chap, initiators or both (leave the whole key out for no authentication)'

export const auth = mapping({
  chap: account.optional(),
  mutual: account.optional(),
  algorithms: list(oneOf(...CHAP_ALGORITHM_NAMES), `a list of ${CHAP_ALGORITHM_NAMES.join(', ')}`, 1).default([
    ...CHAP_ALGORITHM_NAMES,
  ]),
  initiators: list(exception, 'a list of mappings with name and chap').default([]),
}).superRefine(({ chap, initiators }, context) => {
  if (!chap && initiators.length === 0) context.addIssue({ code: 'custom', message: CREDENTIALS })
})

export type AuthConfig = z.output<typeof auth>
export type AccountConfig = z.output<typeof account>
