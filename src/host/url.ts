// libiscsi's URL of a logical unit, iscsi://[user%secret@]host[:port]/iqn/lun, so that the same string works with its tools and qemu.

import { isIscsiName, normalizeIscsiName } from '../../protocol/iscsi/names.ts'
import { ISCSI_PORT } from '../../protocol/iscsi/send-targets.ts'
import { MAX_LUN } from '../../protocol/scsi/lun.ts'
import { OperatorError } from '../errors.ts'
import type { Account } from './initiator/connect.ts'

export interface IscsiUrl {
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number
  /** In the form in which names are compared. */
  readonly targetName: string
  readonly lun: number
  /** For `connect`; absent where the URL names nobody. */
  readonly auth?: { readonly chap: Account }
}

const FORM = 'iscsi://[USER%SECRET@]HOST[:PORT]/TARGET-NAME/LUN'
const PATTERN =
  /^iscsi:\/\/(?:(?<credentials>[^@]*)@)?(?:\[(?<v6>[^\]/]+)\]|(?<host>[^:/@[\]]+))(?::(?<port>\d{1,5}))?\/(?<name>[^/]+)\/(?<lun>\d{1,5})$/

/**
 * Reads the URL of a logical unit; the port is 3260 where none is given.
 * @throws OperatorError for anything else; its message does not repeat a secret
 */
export function parseIscsiUrl(text: string): IscsiUrl {
  const { credentials, v6, host, port, name, lun } = PATTERN.exec(text)?.groups ?? {}
  if (name === undefined || lun === undefined) throw new OperatorError(`${quoteUrl(text)} is not of the form ${FORM}`)
  const targetName = normalizeIscsiName(decode(name))
  if (targetName === undefined || !isIscsiName(targetName))
    throw new OperatorError(`${quoteUrl(text)}: ${quoteUrl(decode(name))} is no iSCSI name (iqn., eui. or naa.)`)
  if (Number(port ?? ISCSI_PORT) > 65535 || Number(port) === 0)
    throw new OperatorError(`${quoteUrl(text)}: the port is ${port}, not 1 to 65535`)
  if (Number(lun) > MAX_LUN) throw new OperatorError(`${quoteUrl(text)}: the LUN is ${lun}, more than ${MAX_LUN}`)
  return {
    host: (v6 ?? host) as string,
    port: Number(port ?? ISCSI_PORT),
    targetName,
    lun: Number(lun),
    ...(credentials !== undefined && { auth: { chap: accountOf(credentials, text) } }),
  }
}

/** As libiscsi takes them apart: at the first %, or at the first colon where there is none. */
function accountOf(credentials: string, text: string): Account {
  const at = credentials.includes('%') ? credentials.indexOf('%') : credentials.indexOf(':')
  const [user, secret] = [credentials.slice(0, Math.max(at, 0)), credentials.slice(at + 1)]
  if (at < 0 || user === '' || secret === '')
    throw new OperatorError(`${quoteUrl(text)} is not of the form ${FORM}: a user and a secret belong together`)
  return { user, secret }
}

/** Names may be percent-encoded, where a shell or another program asks for it. */
function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** What may be a secret is not repeated. */
export const quoteUrl = (text: string): string => JSON.stringify(text.replace(/^(\w*:\/\/)?.*@/s, '$1…@'))
