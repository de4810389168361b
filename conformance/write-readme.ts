// npm run docs: writes what the README has from the code.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandTable } from '../src/target/command-table.ts'
import { COMMANDS } from '../src/target/commands/index.ts'
import { repositoryRoot } from './root.ts'
import { withMatrix } from './support-matrix.ts'

const path = join(repositoryRoot(), 'README.md')
writeFileSync(path, withMatrix(readFileSync(path, 'utf8'), new CommandTable(COMMANDS).rows))
