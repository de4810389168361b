// Every command. A new one is a file and a row here.

import { atsWho } from './ats-who.ts'
import { capacity } from './capacity.ts'
import type { Group } from './command.ts'
import { configCheck } from './config-check.ts'
import { discover } from './discover.ts'
import { inquiry } from './inquiry.ts'
import { opcodes } from './opcodes.ts'
import { serve } from './serve.ts'
import { vaaiStatus } from './vaai-status.ts'
import { vmfs } from './vmfs/index.ts'
import { vpd } from './vpd.ts'

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

const vaai: Group = {
  kind: 'group',
  name: 'vaai',
  describe: 'Look at the VAAI primitives of a logical unit',
  examples: [['lunette vaai status iscsi://127.0.0.1/iqn.2026-11.io.lunette:array1/0', 'Which work, and why not']],
  commands: [vaaiStatus],
}

export const LUNETTE: Group = {
  kind: 'group',
  name: 'lunette',
  describe: 'A storage array: an iSCSI target with every VMware VAAI primitive, and a host that looks at any target',
  examples: [
    ['lunette serve', 'Serve one 10 GiB thin LUN on 127.0.0.1:3260'],
    ['lunette serve --config lunette.yaml', 'Serve what a file describes'],
    ['lunette config check lunette.yaml', 'Check that file first'],
    ['lunette discover 10.0.0.5', 'Which targets does any array have there?'],
    ['lunette vaai status iscsi://10.0.0.5/iqn.2026-11.com.example:array/0', 'Which VAAI primitives work on a LUN?'],
    ['lunette vmfs format disk.img --size 10GiB --label datastore1', 'Make a VMFS volume'],
  ],
  commands: [serve, config, discover, inquiry, vpd, capacity, opcodes, vaai, vmfs, ats],
}
