// npm run docs: writes what the README has from the code.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandTable } from '../src/target/command-table.ts'
import { COMMANDS } from '../src/target/commands/index.ts'
import { MUST_CLAUSES } from './must-clauses.ts'
import { withMustTable } from './must-table.ts'
import { repositoryRoot } from './root.ts'
import { withMatrix } from './support-matrix.ts'
import { testNames } from './test-names.ts'

const root = repositoryRoot()
const path = join(root, 'README.md')
const readme = withMatrix(readFileSync(path, 'utf8'), new CommandTable(COMMANDS).rows)
writeFileSync(path, withMustTable(readme, MUST_CLAUSES, testNames(join(root, 'test'))))
