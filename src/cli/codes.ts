// Codes as people write them: 0x83, 83h, 131.

/** Undefined for what is none, or more than `max`. */
export function parseCode(text: string, max: number): number | undefined {
  const [, hex] = /^(?:0x([\da-f]{1,4})|([\da-f]{1,4})h)$/i.exec(text)?.filter(Boolean) ?? []
  const value = hex === undefined ? (/^\d{1,5}$/.test(text) ? Number(text) : Number.NaN) : Number.parseInt(hex, 16)
  return value <= max ? value : undefined
}
