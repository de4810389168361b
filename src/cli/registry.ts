// Every command. A new one is a file and a row here.

import { atsWho } from './ats-who.ts'
import type { Group } from './command.ts'
import { configCheck } from './config-check.ts'
import { serve } from './serve.ts'

const config: Group = {
  kind: 'group',
  name: 'config',
  describe: 'Look at a configuration without serving it',
  examples: [['lunette config check lunette.yaml', 'Is it right, and what are the defaults?']],
  commands: [configCheck],
}

const ats: Group = {
  kind: 'group',
  name: 'ats',
  describe: 'Ask a running array about COMPARE AND WRITE',
  examples: [['lunette ats who 0 6144', 'Who wrote block 6144 of LUN 0 last?']],
  commands: [atsWho],
}

export const LUNETTE: Group = {
  kind: 'group',
  name: 'lunette',
  describe: 'A storage array: an iSCSI target with every VMware VAAI primitive',
  examples: [
    ['lunette serve', 'Serve one 10 GiB thin LUN on 127.0.0.1:3260'],
    ['lunette serve --config lunette.yaml', 'Serve what a file describes'],
    ['lunette config check lunette.yaml', 'Check that file first'],
  ],
  commands: [serve, config, ats],
}
