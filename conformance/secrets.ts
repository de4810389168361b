// What must not stand in any log: a secret of CHAP (RFC 7143 9.2.1), as it is or as a program prints bytes.

/** Whether a text tells the secret: as text, as JSON has it, in hex, in base64, as a Buffer is inspected or serialized. */
export function tells(text: string, secret: string): boolean {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    [...bytes].join(','),
  ]
  const lower = text.toLowerCase()
  return (
    forms.some((form) => text.includes(form)) ||
    [hex, hex.replace(/..(?!$)/g, '$& ')].some((form) => lower.includes(form))
  )
}
