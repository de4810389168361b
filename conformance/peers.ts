// Which commands of a disk other targets answer, for the matrix in the README: by operation code, and service action where a
// command has one. tgt's (1.0.85) were found by sending every operation code to it; the others' were read in their sources.
// LIO's WRITE SAME(32) is left out: SBC-3 5.45 keeps it to units with type 2 protection information, which none here has.
// A command counts as answered unless it ends as an unknown operation code or service action.

export interface Peer {
  readonly name: string
  readonly commands: ReadonlySet<string>
}

const RESERVE_IN = ['5e/00', '5e/01', '5e/02', '5e/03']
const RESERVE_OUT = ['5f/00', '5f/01', '5f/02', '5f/03', '5f/04', '5f/05', '5f/06', '5f/07']
const peer = (name: string, codes: string, ...more: string[]): Peer => ({
  name,
  commands: new Set([...codes.split(' '), ...more]),
})

export const PEERS: readonly Peer[] = [
  peer(
    'tgt',
    '00 03 04 08 0a 12 15 16 17 1a 1b 1d 1e 25 28 2a 2e 2f 34 35 41 42 55 5a 5e/00 5e/01 5e/02 88 8a 8b 8e 8f 90 91 93 9e/10 9e/12 a0 a3/0c a8 aa ae af',
    ...RESERVE_OUT,
  ),
  peer(
    'LIO',
    '00 01 03 08 0a 0b 12 15 16 17 1a 1b 25 28 2a 2b 2e 2f 35 41 42 55 56 57 5a 83/00 84/03 88 89 8a 8e 8f 91 93 9c 9e/10 a0 a3/0a a3/0c a4/0a a8 aa',
    ...RESERVE_IN,
    ...RESERVE_OUT,
  ),
  peer(
    'SCST',
    '00 03 04 08 0a 12 15 16 17 1a 1b 1d 25 28 2a 2e 2f 35 41 42 4c 4d 55 56 57 5a 83/00 84/03 88 89 8a 8e 8f 91 93 9e/10 a0 a3/0a a3/0c a3/0d a4/0a a8 aa ae af',
    ...RESERVE_IN,
    ...RESERVE_OUT,
  ),
  peer(
    'SPDK',
    '00 03 08 0a 12 15 16 17 1a 1b 25 28 2a 35 42 55 56 57 5a 5f/00 5f/01 5f/02 5f/03 5f/04 5f/06 88 8a 91 9e/10 a0 a8 aa',
    ...RESERVE_IN,
  ),
  peer(
    'CTL',
    '00 03 04 08 0a 12 15 16 17 1a 1b 1e 25 28 2a 2e 2f 35 37 3b 3c 41 42 4d 55 56 57 5a 83/00 83/01 83/10 83/11 83/1c 84/00 84/03 84/04 84/05 84/07 84/08 88 89 8a 8e 8f 91 93 9b 9c 9e/10 9e/12 a0 a3/0a a3/0c a3/0d a3/0f a8 aa ae af b7',
    ...RESERVE_IN,
    ...RESERVE_OUT.filter((code) => code !== '5f/07'),
  ),
]
