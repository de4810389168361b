// Colour is for terminals whose user has not asked for none.

import { styleText } from 'node:util'
import type { Terminal } from './command.ts'

export type Format = 'bold' | 'dim' | 'cyan' | 'green' | 'red' | 'yellow'
export type Style = (format: Format, text: string) => string

export function isColored(stream: { readonly isTTY?: boolean }, { env }: Terminal): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

export const styleOf =
  (color: boolean): Style =>
  (format, text) =>
    color ? styleText(format, text, { validateStream: false }) : text
