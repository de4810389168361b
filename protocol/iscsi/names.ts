// iSCSI names (RFC 7143 4.2.7): iqn.YYYY-MM.reversed-domain[:string], eui. and 16 hexadecimal digits, naa. and 16 or 32.
// Names are compared in the form that stringprep gives them (RFC 3722): NFKC and lower case.

const MAX_NAME_BYTES = 223
/** RFC 3722 leaves letters, digits and combining marks of any script, and of ASCII's punctuation only these three. */
const ALLOWED = /^[\p{L}\p{N}\p{M}.:-]+$/u
const IQN = /^iqn\.\d{4}-(?:0[1-9]|1[0-2])\.[^.:-][^.:]*(?:\.[^.:-][^.:]*)*(?::.+)?$/u
const EUI = /^eui\.[0-9a-f]{16}$/
const NAA = /^naa\.(?:[0-9a-f]{16}|[0-9a-f]{32})$/

/** The name in the form in which names are compared, or undefined when it is no iSCSI name. */
export function normalizeIscsiName(name: string): string | undefined {
  const prepared = name.normalize('NFKC').toLowerCase().normalize('NFKC')
  if (Buffer.byteLength(prepared) > MAX_NAME_BYTES || !ALLOWED.test(prepared)) return undefined
  return IQN.test(prepared) || EUI.test(prepared) || NAA.test(prepared) ? prepared : undefined
}

/** Whether `name` is an iSCSI name as it may stand on the wire: valid and in its normal form. */
export const isIscsiName = (name: string): boolean => normalizeIscsiName(name) === name
