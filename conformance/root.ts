// Where the repository is: the same for the sources and for what is built from them.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export function repositoryRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** A file of conformance/ that is not compiled. */
export const asset = (...path: string[]) => join(repositoryRoot(), 'conformance', ...path)
