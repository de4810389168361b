// What a reservation of another host admits, command by command: SPC-2 table 9 for RESERVE, SPC-4 5.13.1 and SBC-4 4.17 for
// persistent reservations. A cell is a status that the host without the reservation must see.

/** What holds: the other host's reservation, and whether this host is registered. */
export type Situation =
  | 'reserved'
  | 'write exclusive'
  | 'exclusive access'
  | 'registered, for registrants'
  | 'unregistered, write exclusive for registrants'
  | 'unregistered, exclusive access for registrants'

/** How a command fares, by class: false is RESERVATION CONFLICT. In the order of the situations above. */
const CLASSES = {
  always: [true, true, true, true, true, true],
  ready: [false, true, true, true, true, true],
  read: [false, true, false, true, true, false],
  write: [false, false, false, true, false, false],
  results: [false, true, true, true, true, true],
} as const satisfies Readonly<Record<string, readonly boolean[]>>

const SITUATIONS: readonly Situation[] = [
  'reserved',
  'write exclusive',
  'exclusive access',
  'registered, for registrants',
  'unregistered, write exclusive for registrants',
  'unregistered, exclusive access for registrants',
]

export interface Probe {
  readonly name: string
  /** Bytes in hex. */
  readonly cdb: string
  readonly send?: number
  readonly receive?: number
  readonly class: keyof typeof CLASSES
  /** It takes away what the medium holds: for the host that may write, once. */
  readonly last?: true
}

export const PROBES: readonly Probe[] = [
  { name: 'INQUIRY', cdb: '12 00 00 00 60 00', receive: 96, class: 'always' },
  { name: 'REPORT LUNS', cdb: 'a0 00 00 00 00 00 00 00 00 40 00 00', receive: 64, class: 'always' },
  { name: 'REQUEST SENSE', cdb: '03 00 00 00 12 00', receive: 18, class: 'always' },
  { name: 'READ CAPACITY(10)', cdb: '25 00 00 00 00 00 00 00 00 00', receive: 8, class: 'always' },
  { name: 'READ CAPACITY(16)', cdb: '9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00', receive: 32, class: 'always' },
  { name: 'LOG SENSE', cdb: '4d 00 40 00 00 00 00 00 40 00', receive: 64, class: 'always' },
  { name: 'REPORT TARGET PORT GROUPS', cdb: 'a3 0a 00 00 00 00 00 00 00 40 00 00', receive: 64, class: 'always' },
  { name: 'TEST UNIT READY', cdb: '00 00 00 00 00 00', class: 'ready' },
  { name: 'READ(6)', cdb: '08 00 00 00 01 00', receive: 512, class: 'read' },
  { name: 'READ(10)', cdb: '28 00 00 00 00 00 00 00 01 00', receive: 512, class: 'read' },
  { name: 'READ(12)', cdb: 'a8 00 00 00 00 00 00 00 00 01 00 00', receive: 512, class: 'read' },
  { name: 'READ(16)', cdb: '88 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', receive: 512, class: 'read' },
  { name: 'VERIFY(10)', cdb: '2f 00 00 00 00 00 00 00 01 00', class: 'read' },
  { name: 'VERIFY(16)', cdb: '8f 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', class: 'read' },
  { name: 'PRE-FETCH(10)', cdb: '34 00 00 00 00 00 00 00 01 00', class: 'read' },
  { name: 'GET LBA STATUS', cdb: '9e 12 00 00 00 00 00 00 00 00 00 00 00 18 00 00', receive: 24, class: 'read' },
  { name: 'MODE SENSE(6)', cdb: '1a 08 3f 00 40 00', receive: 64, class: 'read' },
  { name: 'MODE SENSE(10)', cdb: '5a 08 3f 00 00 00 00 00 40 00', receive: 64, class: 'read' },
  {
    name: 'REPORT SUPPORTED OPERATION CODES',
    cdb: 'a3 0c 00 00 00 00 00 00 10 00 00 00',
    receive: 4096,
    class: 'read',
  },
  {
    name: 'RECEIVE COPY RESULTS',
    cdb: '84 03 00 00 00 00 00 00 00 00 00 00 00 40 00 00',
    receive: 64,
    class: 'results',
  },
  { name: 'WRITE(6)', cdb: '0a 00 00 00 01 00', send: 512, class: 'write' },
  { name: 'WRITE(10)', cdb: '2a 00 00 00 00 00 00 00 01 00', send: 512, class: 'write' },
  { name: 'WRITE(12)', cdb: 'aa 00 00 00 00 00 00 00 00 01 00 00', send: 512, class: 'write' },
  { name: 'WRITE(16)', cdb: '8a 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', send: 512, class: 'write' },
  { name: 'WRITE AND VERIFY(10)', cdb: '2e 00 00 00 00 00 00 00 01 00', send: 512, class: 'write' },
  { name: 'WRITE ATOMIC', cdb: '9c 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', send: 512, class: 'write' },
  { name: 'ORWRITE', cdb: '8b 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', send: 512, class: 'write' },
  { name: 'WRITE SAME(10)', cdb: '41 00 00 00 00 00 00 00 08 00', send: 512, class: 'write' },
  { name: 'WRITE SAME(16)', cdb: '93 00 00 00 00 00 00 00 00 00 00 00 00 08 00 00', send: 512, class: 'write' },
  // Without a range, blocks or a list: they do nothing, and are refused all the same.
  { name: 'UNMAP', cdb: '42 00 00 00 00 00 00 00 00 00', class: 'write' },
  { name: 'COMPARE AND WRITE', cdb: '89 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', class: 'write' },
  { name: 'EXTENDED COPY', cdb: '83 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', class: 'write' },
  { name: 'POPULATE TOKEN', cdb: '83 10 00 00 00 00 00 00 00 07 00 00 00 00 00 00', class: 'write' },
  { name: 'WRITE USING TOKEN', cdb: '83 11 00 00 00 00 00 00 00 08 00 00 00 00 00 00', class: 'write' },
  { name: 'MODE SELECT(6)', cdb: '15 10 00 00 00 00', class: 'write' },
  { name: 'MODE SELECT(10)', cdb: '55 10 00 00 00 00 00 00 00 00', class: 'write' },
  { name: 'SYNCHRONIZE CACHE(10)', cdb: '35 00 00 00 00 00 00 00 00 00', class: 'write' },
  { name: 'SYNCHRONIZE CACHE(16)', cdb: '91 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', class: 'write' },
  { name: 'START STOP UNIT', cdb: '1b 00 00 00 01 00', class: 'write' },
  { name: 'FORMAT UNIT', cdb: '04 00 00 00 00 00', class: 'write', last: true },
  { name: 'SANITIZE', cdb: '48 03 00 00 00 00 00 00 00 00', class: 'write', last: true },
]

/** Whether the command is carried out; otherwise it is a RESERVATION CONFLICT. */
export const admits = (situation: Situation, probe: Pick<Probe, 'class'>): boolean =>
  CLASSES[probe.class][SITUATIONS.indexOf(situation)]!

/** The types of persistent reservation (SPC-4 table 63). */
export const TYPES = {
  1: 'write exclusive',
  3: 'exclusive access',
  5: 'write exclusive, registrants only',
  6: 'exclusive access, registrants only',
  7: 'write exclusive, all registrants',
  8: 'exclusive access, all registrants',
} as const
export type ReservationType = keyof typeof TYPES

export function situationOf(type: ReservationType, registered: boolean): Situation {
  if (type === 1) return 'write exclusive'
  if (type === 3) return 'exclusive access'
  if (registered) return 'registered, for registrants'
  return type === 5 || type === 7
    ? 'unregistered, write exclusive for registrants'
    : 'unregistered, exclusive access for registrants'
}

const GOOD = 0
const RESERVATION_CONFLICT = 24

/** The shell commands of the probes (guest/hosts.sh): each prints its number and the status with which it ends. */
export function probeScript(probes: readonly Probe[]): string {
  return probes.map(({ cdb, send = 0, receive = 0 }, i) => `probe ${i} ${send} ${receive} ${cdb}`).join('\n')
}

/** What the probes have printed, against what they should: a line for each that differs. */
export function differences(probes: readonly Probe[], output: string, wanted: (probe: Probe) => boolean): string[] {
  const found = new Map([...output.matchAll(/^(\d+) (\d+)$/gm)].map(([, i, status]) => [Number(i), Number(status)]))
  return probes.flatMap((probe, i) => {
    const expected = wanted(probe) ? GOOD : RESERVATION_CONFLICT
    const status = found.get(i)
    if (status === expected) return []
    return [
      `${probe.name} should end with ${expected} and ${status === undefined ? 'has not run' : `ends with ${status}`}`,
    ]
  })
}
