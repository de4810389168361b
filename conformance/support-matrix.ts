// The support matrix of the README: one line for each command of the table, and which other targets have it.

import type { CommandTable } from '../src/target/command-table.ts'
import { PEERS } from './peers.ts'

export const MATRIX_START = '<!-- support matrix: npm run docs writes it -->'
export const MATRIX_END = '<!-- end of the support matrix -->'

type Command = CommandTable['rows'][number]

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** "83/00", or "28" for a command without service actions. */
export function codeOf({ opcode, serviceAction }: Pick<Command, 'opcode' | 'serviceAction'>): string {
  if (serviceAction === undefined) return hex(opcode, 2)
  return `${hex(opcode, 2)}/${hex(serviceAction, 2)}`
}

/** Markdown: the summary by target, then a line a command. */
export function supportMatrix(commands: readonly Command[]): string {
  const codes = commands.map(codeOf)
  const count = (has: ReadonlySet<string>): number => codes.filter((code) => has.has(code)).length
  const header = ['code', 'command', 'Lunette', ...PEERS.map(({ name }) => name)]
  const totals = ['', '**all**', `**${codes.length}**`, ...PEERS.map((peer) => `**${count(peer.commands)}**`)]
  const lines = commands
    .map((command) => ({ code: codeOf(command), name: command.row.wire.name }))
    .sort((a, b) => (a.code < b.code ? -1 : 1))
    .map(({ code, name }) => [
      code.toUpperCase(),
      name,
      'yes',
      ...PEERS.map((p) => (p.commands.has(code) ? 'yes' : '')),
    ])
  return [header, header.map(() => '---'), totals, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The README with the matrix of these commands. Throws where the markers are missing. */
export function withMatrix(readme: string, commands: readonly Command[]): string {
  const start = readme.indexOf(MATRIX_START)
  const end = readme.indexOf(MATRIX_END)
  if (start < 0 || end < start) throw new Error('the README has no place for the support matrix')
  return `${readme.slice(0, start)}${MATRIX_START}\n\n${supportMatrix(commands)}\n\n${readme.slice(end)}`
}
