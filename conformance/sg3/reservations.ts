// Persistent reservations by sg_persist, from two sessions of one host. What each type admits from another host is the
// reservations suite's.

import { ends, good, type Row, restart, rowsOf, STATUS } from './row.ts'

const { RESERVATION_CONFLICT } = STATUS
const TYPES = [1, 3, 5, 6, 7, 8]

const out = (action: string, node: string, options: string) =>
  `sg_persist --no-inquiry --out --${action} ${options} ${node}`
const register = (node: string, key: string, options = '') =>
  out('register-ignore', node, `--param-sark=${key} ${options}`)
const clear = `${register('$D', '0xfff')}; ${out('clear', '$D', '--param-rk=0xfff')}; calm $D $D2 $Q`

export const RESERVATIONS: readonly Row[] = rowsOf('thin512', {
  'sg_persist --in': [
    good(clear),
    good('sg_persist -k $D', /there are NO registered reservation keys/i),
    good('sg_persist -r $D', /there is NO reservation held/i),
    good(
      'sg_persist -c $D',
      /Compatible Reservation Handling\(CRH\)|CRH/,
      /PTPL_C\): 1/,
      /ATP_C\): 1/,
      /SIP_C\): 1/,
      /Write Exclusive, all registrants: 1/i,
      /Exclusive Access: 1/i,
    ),
    good('sg_persist -s $D', /No full status descriptors/i),
  ],
  ...Object.fromEntries(
    TYPES.map((type) => [
      `sg_persist, a cycle of type ${type}`,
      [
        good(`${clear}; ${out('register', '$D', '--param-sark=0xa')}; ${out('register', '$D2', '--param-sark=0xb')}`),
        good(out('reserve', '$D', `--param-rk=0xa --prout-type=${type}`)),
        good('sg_persist -r $D2', type > 6 ? /Key=0x0/ : /Key=0xa/),
        ends(type > 6 ? 0 : RESERVATION_CONFLICT, out('reserve', '$D2', `--param-rk=0xb --prout-type=${type}`)),
        ends(RESERVATION_CONFLICT, out('release', '$D', `--param-rk=0xc --prout-type=${type}`)),
        good(out('release', '$D', `--param-rk=0xa --prout-type=${type}`)),
        good('sg_persist -r $D', /there is NO reservation held/i),
        // SPC-4 5.13.11.2.2: the types for registrants tell the others.
        good(type > 3 ? 'attention $D2 "Reservations released"' : 'quiet $D2'),
        good(clear),
      ],
    ]),
  ),
  'sg_persist, a wrong key': [
    good(`${clear}; ${out('register', '$D', '--param-sark=0xa')}`),
    ends(RESERVATION_CONFLICT, out('register', '$D', '--param-rk=0xb --param-sark=0xc')),
    ends(RESERVATION_CONFLICT, out('reserve', '$D', '--param-rk=0xb --prout-type=1')),
    ends(RESERVATION_CONFLICT, out('clear', '$D', '--param-rk=0xb')),
    ends(RESERVATION_CONFLICT, out('reserve', '$D2', '--param-rk=0xa --prout-type=1')),
    good('sg_persist -k $D', /1 registered reservation key|0xa/),
    good(clear),
  ],
  'sg_persist --preempt, --preempt-abort': [
    good(
      `${clear}; ${register('$D', '0xa')}; ${register('$D2', '0xb')}; ${out('reserve', '$D', '--param-rk=0xa --prout-type=5')}`,
    ),
    good(out('preempt', '$D2', '--param-rk=0xb --param-sark=0xa --prout-type=5')),
    good('attention $D "Registrations preempted\\|Reservations preempted"; sg_persist -r $D', /Key=0xb/),
    ends(RESERVATION_CONFLICT, out('reserve', '$D', '--param-rk=0xa --prout-type=5')),
    good(`${register('$D', '0xa')}; ${out('preempt-abort', '$D', '--param-rk=0xa --param-sark=0xb --prout-type=1')}`),
    good('calm $D2; sg_persist -r $D', /Key=0xa/, /Write Exclusive/i),
    good(clear),
  ],
  'sg_persist --clear tells the other registrants': [
    good(`${clear}; ${register('$D', '0xa')}; ${register('$D2', '0xb')}; ${out('clear', '$D', '--param-rk=0xa')}`),
    good('attention $D2 "Reservations preempted"; quiet $D; sg_persist -k $D', /NO registered reservation keys/i),
  ],
  'sg_persist, generation': [
    good(
      `${clear}; sg_persist -k $D | sed -n 's/.*generation=\\(0x[0-9a-f]*\\).*/\\1/p' > /tmp/generation; ${register('$D', '0xa')}`,
    ),
    good(
      `${out('reserve', '$D', '--param-rk=0xa --prout-type=1')}; ${out('release', '$D', '--param-rk=0xa --prout-type=1')}
       now=$(sg_persist -k $D | sed -n 's/.*generation=\\(0x[0-9a-f]*\\).*/\\1/p'); [ $((now)) -eq $(($(cat /tmp/generation) + 1)) ]`,
    ),
    good(
      `${out('clear', '$D', '--param-rk=0xa')}; now=$(sg_persist -k $D | sed -n 's/.*generation=\\(0x[0-9a-f]*\\).*/\\1/p'); [ $((now)) -eq $(($(cat /tmp/generation) + 2)) ]`,
    ),
  ],
  'sg_persist --register-move': [
    good(`${clear}; ${register('$D', '0xa')}; ${out('reserve', '$D', '--param-rk=0xa --prout-type=1')}`),
    good(
      `port=$(sg_persist -s $D | sed -n 's/.*iSCSI world wide unique port id: *//p; s/.*iSCSI name and session id: *//p' | head -n 1)
       other=$(sg_persist --no-inquiry --out --register-ignore --param-sark=0xb $D2 > /dev/null; sg_persist -s $D | grep -i 'iSCSI' | grep -v -F "$port" | sed -n 's/.*\\(iqn[^ ]*\\).*/\\1/p' | head -n 1)
       sg_persist --no-inquiry --out --register-ignore --param-sark=0 $D2 > /dev/null
       echo "from $port to $other"; [ -n "$other" ] || fail 'READ FULL STATUS should name the initiator ports'
       relative=$(sg_vpd -p di_port $D | sed -n 's/.*Relative target port: 0x\\([0-9a-f]*\\).*/\\1/p' | head -n 1)
       ${out('register-move', '$D', '--param-rk=0xa --param-sark=0xb --relative-target-port=$relative --transport-id="$other"')}`,
    ),
    good('sg_persist -r $D', /Key=0xb/),
    good(clear),
  ],
  'sg_persist, all target ports (ALL_TG_PT)': [
    good(`${clear}; ${register('$D', '0xa', '--param-alltgpt')}`),
    good('sg_persist -s $D', /All target ports bit set|Relative port address: 0x1[\s\S]*Relative port address: 0x2/i),
    good(clear),
  ],
  'sg_persist, APTPL survives a restart': [
    good(
      `${clear}; ${register('$D', '0xa', '--param-aptpl')}; ${out('reserve', '$D', '--param-rk=0xa --prout-type=5')}`,
    ),
    restart('SIGKILL'),
    good('sg_persist -r $D', /Key=0xa/, /Write Exclusive, registrants only/i),
    good('sg_persist -k $D', /0xa/),
    good(clear),
    good(`${register('$D', '0xa')}; ${out('reserve', '$D', '--param-rk=0xa --prout-type=5')}`),
    restart('SIGKILL'),
    good('sg_persist -k $D', /NO registered reservation keys/i),
  ],
})
