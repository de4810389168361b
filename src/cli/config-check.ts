// lunette config check FILE: validates a configuration and prints it with every default filled in.

import { loadConfig } from '../config/load.ts'
import { toYaml } from '../config/print.ts'
import { command } from './command.ts'

export const configCheck = command({
  name: 'check',
  describe: 'Validate a configuration and print it with every default filled in',
  examples: [
    ['lunette config check lunette.yaml', 'Print the effective configuration as YAML'],
    ['lunette config check lunette.yaml --json', 'The same for programs, sizes in bytes'],
  ],
  positionals: { file: { type: 'string', demandOption: true, describe: 'The configuration, YAML or JSON' } },
  options: { json: { type: 'boolean', default: false, describe: 'Print one line of JSON' } },
  async run({ file, json }, { stdout }) {
    const config = await loadConfig(file)
    stdout.write(json ? `${JSON.stringify(config)}\n` : toYaml(config))
    return 0
  },
})
