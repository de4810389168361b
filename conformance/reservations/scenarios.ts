// What happens between the two hosts. A scenario throws when something is not as it should be.

import type { CommandEnd } from '../suites/guest-shell.ts'
import {
  admits,
  differences,
  PROBES,
  probeScript,
  type ReservationType,
  type Situation,
  situationOf,
  TYPES,
} from './matrix.ts'

/** A host: what it runs, it runs as root. */
interface Host {
  run(command: string): Promise<CommandEnd>
}

interface Stage {
  readonly one: Host
  readonly two: Host
  /** Kills the array and starts it again. */
  restart(): Promise<void>
}

export interface Scenario {
  readonly test: string
  run(stage: Stage): Promise<void>
}

const GOOD = 0
const IO_ERROR = 1
const COPY_ABORTED = 10
const RESERVATION_CONFLICT = 24
const LINES_MAX = 12

/** Runs a command that must end with one of the statuses and print what matches. */
async function must(host: Host, command: string, status: number | readonly number[] = GOOD, says = /(?:)/) {
  const end = await host.run(command)
  const statuses = [status].flat()
  if (statuses.includes(end.status) && says.test(end.output)) return
  const wanted = statuses.includes(end.status)
    ? `should print ${says}`
    : `should end with ${statuses.join(' or ')} and ends with ${end.status}`
  throw new Error(`${command.trim()}: ${wanted}\n${end.output.split('\n').slice(-LINES_MAX).join('\n')}`)
}

/** Every command from the host, against the cells of the matrix. */
async function probe(host: Host, who: string, wanted: (probe: (typeof PROBES)[number]) => boolean, probes = PROBES) {
  await host.run('calm $L')
  const { output } = await host.run(probeScript(probes))
  const wrong = differences(probes, output, wanted)
  if (wrong.length > 0) throw new Error([`from ${who}:`, ...wrong].join('\n'))
}

/** The holder may do everything; what wipes the medium is left to the other, where it may. */
const asHolder = (host: Host) =>
  probe(
    host,
    'the holder',
    () => true,
    PROBES.filter(({ last }) => last !== true),
  )

const register = (key: string, more = '') => `out register-ignore --param-sark=${key} ${more}`
const reserve = (key: string, type: number) => `out reserve --param-rk=${key} --prout-type=${type}`

const reservedFor = (type: ReservationType, registered: boolean): Scenario => ({
  test: `${TYPES[type]}: the other host, ${registered ? 'registered' : 'not registered'}`,
  async run({ one, two }) {
    const situation = situationOf(type, registered)
    await must(one, `${register('0xa')}; ${reserve('0xa', type)}`)
    if (registered) await must(two, register('0xb'))
    await probe(two, 'the other host', (each) => admits(situation, each))
    await asHolder(one)
    if (!registered) await probe(two, 'RESERVE(6) of the other host', () => false, [RESERVE_6])
  },
})

const RESERVE_6 = { name: 'RESERVE(6)', cdb: '16 00 00 00 00 00', class: 'write' } as const
const RESERVED: Situation = 'reserved'

const reservedBy = (name: string, reserveCdb: string, releaseCdb: string): Scenario => ({
  test: `${name}: the other host`,
  async run({ one, two }) {
    await must(one, `sg_raw $L ${reserveCdb}`)
    await probe(two, 'the other host', (each) => admits(RESERVED, each))
    await asHolder(one)
    await must(two, `sg_raw $L ${reserveCdb}`, RESERVATION_CONFLICT)
    await must(two, `sg_raw $L ${releaseCdb}`)
    await must(two, 'sg_raw $L 00 00 00 00 00 00', RESERVATION_CONFLICT)
    await must(two, register('0xb'), RESERVATION_CONFLICT)
    await must(two, 'sg_persist -k $L', RESERVATION_CONFLICT)
    await must(one, `sg_raw $L ${releaseCdb}`)
    await must(two, `sg_turs $L; sg_raw $L ${reserveCdb}; sg_raw $L ${releaseCdb}`)
  },
})

const EVENTS: readonly Scenario[] = [
  {
    test: 'RESERVE ends with logout',
    async run({ one, two }) {
      await must(one, 'reserve6')
      await must(two, 'sg_turs $L', RESERVATION_CONFLICT)
      await must(one, 'iscsiadm -m session -r 1 -u || iscsiadm -m node --logout')
      await must(two, 'calm $L; sg_turs $L')
      await must(
        one,
        `log_in; new=$(iscsiadm -m session | sed -n 's/^tcp: \\[\\([0-9]*\\)\\].*/\\1/p'); wait_until 20 sg_at $new 1
         sed -i '/^L=/d' /tmp/environment; echo "L=$(sg_at $new 0) l=$(disk_at $new 0) M=$(sg_at $new 1)" >> /tmp/environment
         calm $(sg_at $new 0) $(sg_at $new 1)`,
      )
    },
  },
  {
    test: 'RESERVE ends with a reset by the other host, and all are told',
    async run({ one, two }) {
      await must(one, 'reserve6')
      await must(two, 'sg_turs $L', RESERVATION_CONFLICT)
      await must(two, 'sg_reset --device --no-esc $L; calm $L; sg_turs $L')
      await must(one, 'attention $L "occurred"')
      await must(two, 'reserve6; release6')
    },
  },
  {
    test: 'dd, sanitize, unmap and copies onto a LUN that another host has reserved',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 3)}`)
      await must(two, 'dd if=$l of=/dev/null bs=4k count=1 iflag=direct', IO_ERROR)
      await must(two, 'dd if=/tmp/block of=$l bs=512 count=1 oflag=direct', IO_ERROR)
      await must(two, 'sg_sanitize --crypto --quick --wait $L', RESERVATION_CONFLICT)
      await must(two, 'sg_unmap --force --lba=0 --num=8 $L', RESERVATION_CONFLICT)
      await must(two, 'copy_list "$(naa_of $M)" "$(naa_of $L)" 8 > /tmp/list')
      const copy = (node: string) =>
        `sg_raw -s 108 -i /tmp/list ${node} 83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00`
      await must(two, copy('$L'), RESERVATION_CONFLICT)
      await must(two, copy('$M'), [RESERVATION_CONFLICT, COPY_ABORTED])
    },
  },
  {
    test: 'PREEMPT under load: the other host is told, and its I/O ends',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 5)}`)
      await must(two, register('0xb'))
      await must(one, LOAD)
      await must(two, 'out preempt --param-rk=0xb --param-sark=0xa --prout-type=5')
      await must(two, 'sg_persist -r $L', GOOD, /Key=0xb[\s\S]*Write Exclusive, registrants only/i)
      await must(two, 'sg_persist -k $L', GOOD, /1 registered reservation key/)
      await must(one, LOAD_HAS_FAILED)
      await must(one, 'calm $L; sg_raw -s 512 -i /tmp/block $L 2a 00 00 00 00 00 00 00 01 00', RESERVATION_CONFLICT)
      await must(one, 'sg_read if=$L bs=512 count=1')
    },
  },
  {
    test: 'PREEMPT: unit attention REGISTRATIONS PREEMPTED for who loses the registration',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 1)}`)
      await must(two, register('0xb'))
      await must(two, 'out preempt --param-rk=0xb --param-sark=0xa --prout-type=1; quiet $L')
      await must(one, 'attention $L "Registrations preempted"; quiet $L')
      await must(one, reserve('0xa', 1), RESERVATION_CONFLICT)
    },
  },
  {
    test: 'PREEMPT AND ABORT under load: nothing of the other host is written afterwards',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 3)}`)
      await must(two, register('0xb'))
      await must(one, LOAD)
      await must(
        two,
        `out preempt-abort --param-rk=0xb --param-sark=0xa --prout-type=3
         sg_write_same --16 --ndob --lba=0 --num=0 $L`,
      )
      await must(one, LOAD_HAS_FAILED)
      await must(two, 'zero $L 0 65536')
      await must(two, 'sg_persist -r $L', GOOD, /Key=0xb/)
      await must(one, 'calm $L; sg_read if=$L bs=512 count=1', RESERVATION_CONFLICT_OF_SG_READ)
    },
  },
  {
    test: 'CLEAR: RESERVATIONS PREEMPTED for the other registrants alone',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 6)}`)
      await must(two, register('0xb'))
      await must(two, 'out clear --param-rk=0xb; quiet $L')
      await must(one, 'attention $L "Reservations preempted"; quiet $L')
      await must(one, 'sg_persist -k $L', GOOD, /NO registered reservation keys/i)
      await must(one, 'sg_persist -r $L', GOOD, /NO reservation held/i)
      await must(one, 'sg_write_same --16 --ndob --lba=0 --num=8 $L')
    },
  },
  {
    test: 'RELEASE of a reservation for registrants: RESERVATIONS RELEASED for the others',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 5)}`)
      await must(two, register('0xb'))
      await must(one, 'out release --param-rk=0xa --prout-type=5; quiet $L')
      await must(two, 'attention $L "Reservations released"; quiet $L')
    },
  },
  {
    test: 'the last registrant of all: the reservation goes with it',
    async run({ one, two }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 7)}`)
      await must(two, register('0xb'))
      await must(one, register('0'))
      await must(two, 'calm $L; sg_persist -r $L', GOOD, /Write Exclusive, all registrants/i)
      await must(two, register('0'))
      await must(two, 'sg_persist -r $L', GOOD, /NO reservation held/i)
    },
  },
  {
    test: 'APTPL over the death of the array: both registrations and the reservation hold',
    async run({ one, two, restart }) {
      await must(one, `${register('0xa', '--param-aptpl')}; ${reserve('0xa', 6)}`)
      await must(two, register('0xb', '--param-aptpl'))
      await restart()
      for (const host of [one, two]) {
        await must(host, 'wait_until 30 sg_turs $L; calm $L $M')
        await must(host, 'sg_persist -k $L', GOOD, /0xa[\s\S]*0xb|0xb[\s\S]*0xa/)
        await must(host, 'sg_persist -r $L', GOOD, /Key=0xa[\s\S]*Exclusive Access, registrants only/i)
        await must(host, 'sg_raw -s 512 -i /tmp/block $L 2a 00 00 00 00 00 00 00 01 00')
      }
      await must(two, register('0', '--param-aptpl'))
      await restart()
      await must(one, 'wait_until 30 sg_turs $L; calm $L $M; sg_persist -k $L', GOOD, /0xa/)
      await must(two, 'wait_until 30 sg_turs $L; calm $L $M')
      await must(two, 'sg_raw -s 512 -i /tmp/block $L 2a 00 00 00 00 00 00 00 01 00', RESERVATION_CONFLICT)
    },
  },
  {
    test: 'without APTPL: a restart forgets reservations and registrations',
    async run({ one, two, restart }) {
      await must(one, `${register('0xa')}; ${reserve('0xa', 3)}`)
      await must(two, 'sg_raw -s 512 -i /tmp/block $L 2a 00 00 00 00 00 00 00 01 00', RESERVATION_CONFLICT)
      await restart()
      for (const host of [one, two]) {
        await must(host, 'wait_until 30 sg_turs $L; calm $L $M')
        await must(host, 'sg_persist -k $L', GOOD, /NO registered reservation keys/i)
        await must(host, 'sg_raw -s 512 -i /tmp/block $L 2a 00 00 00 00 00 00 00 01 00')
      }
    },
  },
]

/** Writes to the whole LUN with 32 commands under way until it fails; it runs when the command ends. */
const LOAD = `
  fio --name=load --filename=$l --rw=randwrite --bs=16k --size=32m --time_based --runtime=60 --ioengine=libaio --direct=1 \\
    --iodepth=32 --eta=never --thread > /tmp/load 2>&1 < /dev/null & echo $! > /tmp/load.pid
  sleep 2
  kill -0 $(cat /tmp/load.pid) || { cat /tmp/load; fail 'the load should run'; }`
const LOAD_HAS_FAILED = `
  gone() { ! kill -0 $(cat /tmp/load.pid) 2> /dev/null; }
  wait_until 20 gone || fail 'the load should end'
  grep -E 'Input/output error|Invalid exchange|err=' /tmp/load`
const RESERVATION_CONFLICT_OF_SG_READ = [RESERVATION_CONFLICT, 99]

export const SCENARIOS: readonly Scenario[] = [
  ...([1, 3, 5, 6, 7, 8] as const).flatMap((type) => [reservedFor(type, false), reservedFor(type, true)]),
  reservedBy('RESERVE(6)', '16 00 00 00 00 00', '17 00 00 00 00 00'),
  reservedBy('RESERVE(10)', '56 00 00 00 00 00 00 00 00 00', '57 00 00 00 00 00 00 00 00 00'),
  ...EVENTS,
]
