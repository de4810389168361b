// The command line: finds the command in the registry, parses its options strictly, runs it, and turns how it ended into an
// exit code: 0 done, 1 failed, 2 wrong usage.

import yargs, { type Argv } from 'yargs'
import { nearest } from '../config/nearest.ts'
import { type Command, type Group, type Node, type Terminal, UsageError } from './command.ts'
import { reportFailure } from './failure.ts'

const MAX_HELP_WIDTH = 110

/** Never throws: what goes wrong is told on stderr. */
export async function run(root: Group, words: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0
  const parser = level(root, yargs([...words]).scriptName(root.name), terminal, (result) => {
    code = result
  })
    .usage(`$0 <command>\n\n${root.describe}`)
    .locale('en')
    .exitProcess(false)
    .parserConfiguration({ 'greedy-arrays': false, 'dot-notation': false, 'boolean-negation': false })
    .wrap(Math.min(terminal.stdout.columns ?? MAX_HELP_WIDTH, MAX_HELP_WIDTH))
    .completion('completion', 'Print a script that completes commands and options in bash and zsh')
    .help()
    .alias('help', 'h')
    .version(terminal.version)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(message ?? 'The command line makes no sense')
    })
  try {
    await parser.parseAsync()
    return code
  } catch (error) {
    if (!isUsageError(error)) return reportFailure(error, terminal)
    const { path, node } = find(root, words)
    const what = explain(error.message, node)
    terminal.stderr.write(`${root.name}: ${what}${what.endsWith('?') ? ' See' : '; see'} ${path.join(' ')} --help\n`)
    return 2
  }
}

/** Ours, or one that the parser throws past its fail handler. */
function isUsageError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === 'YError')
}

function level(node: Group, parser: Argv, terminal: Terminal, done: (code: number) => void): Argv {
  for (const child of node.commands) {
    if (child.kind === 'command') addCommand(child, parser, terminal, done)
    else parser.command(child.name, child.describe, (inner) => void level(child, inner, terminal, done))
  }
  const names = node.commands.map(({ name }) => name).join(', ')
  return examples(node, parser).demandCommand(1, `Name a command: ${names}`).strict()
}

function addCommand(command: Command, parser: Argv, terminal: Terminal, done: (code: number) => void): void {
  const { name, describe, positionals, options } = command
  const words = Object.entries(positionals).map(([word, { demandOption, array }]) => {
    const named = array ? `${word}..` : word
    return demandOption ? `<${named}>` : `[${named}]`
  })
  const usage = [name, ...words].join(' ')
  parser.command(
    usage,
    describe,
    (inner) => {
      // One value each, unless it says otherwise: "-" is one as well, and no option.
      for (const [positional, how] of Object.entries(positionals)) {
        inner.positional(positional, how as { type: 'string' })
        if (!how.array) inner.nargs(positional, 1)
      }
      // An option of the command's own has its name to itself.
      if ('version' in options) inner.version(false)
      return examples(command, inner.options(options)).strict()
    },
    async (args) => {
      requireOneValue(options, args)
      done(await command.run(args as never, terminal))
    },
  )
}

function requireOneValue(options: Command['options'], args: Record<string, unknown>): void {
  for (const [option, { array }] of Object.entries(options)) {
    const value = args[option]
    if (!array && Array.isArray(value)) throw new UsageError(`Give --${option} once`)
    if (value === '' || (Array.isArray(value) && value.includes(''))) throw new UsageError(`--${option} needs a value`)
  }
}

function examples(node: Node, parser: Argv): Argv {
  return parser.example(node.examples.map(([line, what]) => [line, what] as [string, string]))
}

const requiredOf = ({ positionals }: Command): string[] =>
  Object.keys(positionals).filter((word) => positionals[word]?.demandOption)

/** The command that the words name, as far as they do. */
function find(root: Group, words: readonly string[]): { path: string[]; node: Node } {
  const path = [root.name]
  let node: Node = root
  for (const word of words.filter((each) => !each.startsWith('-'))) {
    const next: Node | undefined = node.kind === 'group' ? node.commands.find(({ name }) => name === word) : undefined
    if (!next) break
    path.push(next.name)
    node = next
  }
  return { path, node }
}

/** One sentence for what the parser has to say. */
function explain(message: string, node: Node): string {
  const [, argument, given, choices] = /Argument: (\S+), Given: (.+), Choices: (.+)/.exec(message) ?? []
  if (argument) return `--${argument}: found ${given}; allowed: ${choices?.replaceAll('"', '')}`
  const [, option] = /^Not enough arguments following: (.+)$/.exec(message) ?? []
  if (option) return `--${option} needs a value`
  if (node.kind === 'command' && message.startsWith('Not enough non-option arguments'))
    return `Missing ${requiredOf(node).join(', ').toUpperCase()}`
  const [, kind, words] = /^Unknown (command|argument)s?: (.+)$/.exec(message) ?? []
  if (!kind || !words) return message.split('\n').join(' ')
  const word = words.split(', ')[0] ?? ''
  const known = node.kind === 'group' ? node.commands.map(({ name }) => name) : Object.keys(node.options)
  const meant = nearest(word, known)
  const unknown = node.kind === 'group' ? `Unknown command ${word}` : `Unknown argument ${word}`
  if (!meant) return unknown
  return `${unknown}, did you mean ${node.kind === 'group' ? meant : `--${meant}`}?`
}
