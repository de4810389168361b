// What a LUN says of itself: INQUIRY, VPD, capacity, LUNs, sense, supported operation codes, modes, logs, identifying
// information, timestamp.

import { ends, good, type Row, restart, rowsOf, STATUS } from './row.ts'

const { ILLEGAL_REQUEST, INVALID_OPCODE } = STATUS

/** Pages by sg_vpd's acronym. */
const PAGES = [
  ['sv', '00'],
  ['sn', '80'],
  ['di', '83'],
  ['ei', '86'],
  ['mpp', '87'],
  ['sp', '88'],
  ['tpc', '8f'],
  ['pspo', '90'],
  ['pslu', '91'],
  ['sfs', '92'],
  ['bl', 'b0'],
  ['bdc', 'b1'],
  ['lbpv', 'b2'],
  ['ref', 'b3'],
  ['bdce', 'b5'],
  ['ble', 'b7'],
  ['cpr', 'b9'],
] as const

const eachPage = PAGES.map(
  ([acronym, code]) =>
    `case $listed in *" ${code} "*) expect 0 sg_vpd -f -p ${acronym} $D ;; *) expect 5 sg_vpd -f -p ${acronym} $D ;; esac`,
)

export const IDENTITY: readonly Row[] = rowsOf('thin512', {
  sg_inq: [
    good('sg_inq $D', /version=0x06/, /3PC=1/, /CmdQue=1/, /Vendor identification: LUNETTE/, /Unit serial number: \S/),
    good('sg_inq -d $D', /SPC-4/, /SBC-3/, /iSCSI/),
    good('sg_inq --export --page=di $D', /^SCSI_IDENT_LUN_NAA\w*=6[\da-f]{31}$/m),
  ],
  'sg_inq, a page that is not there': [
    ends(ILLEGAL_REQUEST, 'sg_inq --force --page=0x99 $D'),
    ends(ILLEGAL_REQUEST, 'sg_raw -r 96 $D 12 01 99 00 60 00', /Invalid field in cdb/i, /byte 2\b/),
    ends(ILLEGAL_REQUEST, 'sg_raw -r 96 $D 12 00 01 00 60 00', /Invalid field in cdb/i, /byte 2\b/),
  ],
  'sg_vpd, every page': [
    good('sg_vpd --all $D', /Supported VPD pages/, /Block limits/, /Device Identification/),
    good(
      'pages_listed $D > /tmp/pages; sort -c /tmp/pages; cat /tmp/pages',
      /^00$/m,
      /^80$/m,
      /^83$/m,
      /^b0$/m,
      /^b2$/m,
    ),
    good(`listed=" $(tr '\\n' ' ' < /tmp/pages)"; ${eachPage.join('; ')}`),
  ],
  'sg_vpd, designators and limits': [
    good('sg_vpd -p di_lu $D', /0x6[\da-f]{31}/),
    good('sg_vpd -p ei $D', /SIMPSUP=1/, /LUICLR=\d/),
    good(
      'sg_vpd -p tpc $D',
      /Third party copy/i,
      /Populate token/i,
      /Write using token/i,
      /Receive ROD token information/i,
    ),
    good(
      'sg_vpd -p bl $D',
      /Maximum compare and write length: 255/,
      /Maximum unmap LBA count: (4294967295|-1|unbounded)/,
    ),
    good('sg_vpd -f -p bl --maxlen=8 -r $D | wc -c', /^8$/m),
  ],
  sg_readcap: [
    good('sg_readcap $D', /Last LBA=1048575 /),
    good('sg_readcap --16 $D', /Last LBA=1048575 /),
    good('sg_readcap --long --16 $D', /lbpme=1, lbprz=1/, /Logical blocks per physical block exponent=0/),
    good('sg_vpd -p lbpv $D', /LBPU\): 1/, /LBPRZ\): 1/, /Provisioning type: 2/),
    ends([0, ILLEGAL_REQUEST], 'sg_readcap --pmi --lba=0 $D'),
  ],
  sg_luns: [
    good('sg_luns $D', /Lun list length = 56 /, /Report luns/),
    good('sg_luns --select=1 $D', /Lun list length = 0 /),
    good('sg_luns --select=2 $D', /Lun list length = 56 /),
    ends([0, ILLEGAL_REQUEST], 'sg_luns --select=0x10 $D'),
    ends(ILLEGAL_REQUEST, 'sg_luns --select=0xff $D'),
    good('sg_luns --linux $D', /\[\s*7\s*\]|7 /),
  ],
  'sg_turs, sg_requests': [
    good('sg_turs -n 1000 -t $D', /time to perform commands/),
    good('sg_requests $D', /Fixed format/i),
    good('sg_requests --desc $D', /Descriptor format/i),
  ],
  sg_opcodes: [
    good('sg_opcodes $D', /Compare and write/i, /Extended copy/i, /Populate token/i, /Unmap/i, /Write same\(16\)/i),
    good('sg_opcodes --rctd $D', /Compare and write/i),
    good('sg_opcodes --opcode=28h $D', /Command is supported/, /Usage data: 28/),
    good('sg_opcodes --opcode=9eh,10h $D', /Command is supported/),
    ends(ILLEGAL_REQUEST, 'sg_opcodes --opcode=9eh $D'),
    good('sg_opcodes --tmf --repd $D', /Abort task/i, /Logical unit reset/i),
  ],
  'sg_opcodes: what is not listed is refused as unknown': [
    good(
      `sg_opcodes -u $D | awk '$1 ~ /^[0-9a-f][0-9a-f]$/ { print $1 }' | sort -u > /tmp/codes; wc -l < /tmp/codes`,
      /^([5-9]\d|1\d\d)$/m,
    ),
    good(
      `bad=
       for code in $(for n in $(seq 0 255); do printf '%02x ' "$n"; done); do
         if grep -qx "$code" /tmp/codes; then continue; fi
         found=0; sg_raw --cmdset=1 $D $code 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 > /dev/null 2>&1 || found=$?
         [ $found -eq 9 ] || bad="$bad $code:$found"
       done
       [ -z "$bad" ] || fail "these should end with 9:$bad"`,
    ),
  ],
  sg_modes: [
    good('sg_modes -a $D', /Caching/, /Control/, /Read-Write error recovery/i),
    good('sg_modes -6 -a $D', /Caching/, /Control/),
    good('sg_modes --control=1 --page=0xa -H $D'),
    good('sg_modes --control=1 -a $D', /Control/),
    good('sg_modes --control=2 -a $D', /Control/),
    ends([0, ILLEGAL_REQUEST], 'sg_modes --control=3 -a $D'),
    good('sg_modes --page=0xa,1 $D', /Control extension/i),
    good('sg_modes --page=0x1c,2 $D', /Logical block provisioning/i),
    good('sg_modes --page=0x3f,0xff $D', /Control extension/i, /Logical block provisioning/i),
    good('sg_modes --llbaa -a $D', /Long LBA data=1|longlba=1|block length=512|DpoFua=1/i),
  ],
  'sg_modes: what can be changed': [
    // Byte 2 of the caching page: WCE. Bytes 2 and 4 of the control page: D_SENSE and SWP.
    good('[ $(($(byte $D 8 2 --control=1) & 4)) -eq 4 ]'),
    good('[ $(($(byte $D a 2 --control=1) & 4)) -eq 4 ] && [ $(($(byte $D a 4 --control=1) & 8)) -eq 8 ]'),
  ],
  'sg_wr_mode: WCE': [
    good('set_mode $D 8 2 4 0; [ $(($(byte $D 8 2) & 4)) -eq 0 ]'),
    good('attention $D2 "Mode parameters changed"; quiet $D'),
    good('set_mode $D 8 2 4 4; [ $(($(byte $D 8 2) & 4)) -eq 4 ]; calm $D2'),
  ],
  'sg_wr_mode --six: D_SENSE': [
    good('set_mode $D a 2 4 4 --six'),
    ends(ILLEGAL_REQUEST, 'sg_raw -r 96 $D 12 01 99 00 60 00', /Descriptor format/i),
    good('set_mode $D a 2 4 0 --six'),
    ends(ILLEGAL_REQUEST, 'sg_raw -r 96 $D 12 01 99 00 60 00', /Fixed format/i),
    good('calm $D2'),
  ],
  'sg_wr_mode: SWP': [
    good('set_mode $D a 4 8 8; sg_modes -a $D', /WP=1/),
    ends(STATUS.DATA_PROTECT, 'sg_write_same --16 --lba=0 --num=1 --xferlen=512 $D'),
    good('set_mode $D a 4 8 0; sg_write_same --16 --lba=0 --num=1 --xferlen=512 $D; calm $D2'),
  ],
  'sg_wr_mode: a bit that cannot be changed': [
    // RCD of the caching page.
    good('calm $D $D2'),
    ends(ILLEGAL_REQUEST, 'set_mode $D 8 2 1 1 -v', /Invalid field in parameter list/i),
    good('quiet $D; quiet $D2'),
  ],
  'sg_wr_mode --save survives a restart': [
    good('set_mode $D a 2 4 4 --save; [ $(($(byte $D a 2 --control=3) & 4)) -eq 4 ]'),
    restart('SIGKILL'),
    good('[ $(($(byte $D a 2) & 4)) -eq 4 ]'),
    good('set_mode $D a 2 4 0 --save; [ $(($(byte $D a 2) & 4)) -eq 0 ]; calm $D2'),
  ],
  sg_logs: [
    good('sg_logs -a $D', /Supported log pages/i),
    good('sg_logs -ll $D', /Supported log pages and subpages/i),
    good(
      'sg_logs -p 0xc $D',
      /Logical block provisioning/i,
      /Available LBA mapping (threshold )?resource count/i,
      /Used LBA mapping (threshold )?resource count/i,
    ),
    good('sg_logs -p 0x19 $D', /General statistics/i),
    good('sg_logs -p 0x2f $D', /Informational exceptions/i),
    ends(ILLEGAL_REQUEST, 'sg_logs -p 0xf $D'),
    good('sg_logs --reset $D'),
  ],
  'sg_logs: the count of used resources follows UNMAP': [
    good(`cat >> /tmp/environment <<'EOF'
used() { sg_logs -p 0xc $D | sed -n '/Used LBA mapping/,$ s/.*resource count: *\\([0-9]*\\).*/\\1/p' | head -n 1; }
EOF`),
    good('noise 8192 > /tmp/many; put $D 100000 /tmp/many; used > /tmp/used; [ "$(cat /tmp/used)" -gt 0 ]'),
    good('sg_unmap --force --lba=100000 --num=8192 $D; [ "$(used)" -lt "$(cat /tmp/used)" ]'),
  ],
  sg_ident: [
    good('sg_ident --clear $D; calm $D2'),
    good('printf "volume seven" | sg_ident --set $D'),
    good('attention $D2 "identifier changed"'),
    good('sg_ident --ascii $D', /volume seven/),
    good('sg_ident --clear $D; [ -z "$(sg_ident --raw $D)" ]; calm $D2'),
    ends([0, ILLEGAL_REQUEST], 'sg_ident --itype=127 $D'),
  ],
  'sg_timestamp, sg_rep_pip': [
    good('first=$(sg_timestamp $D); sleep 0.1; second=$(sg_timestamp $D); [ "$second" -gt "$first" ]'),
    good('sg_timestamp --milliseconds=1000000000000 $D'),
    good('attention $D2 "Timestamp changed"'),
    good('now=$(sg_timestamp $D); [ "$now" -ge 1000000000000 ] && [ "$now" -lt 1000000060000 ]'),
    good('sg_timestamp --origin --origin $D', /2/),
    good(
      'if listed 0xa3,0x1d; then expect 0 sg_rep_pip $D; else found=0; sg_rep_pip $D || found=$?; [ $found -eq 9 ] || [ $found -eq 5 ]; fi',
    ),
  ],
  'sg_senddiag and what a disk need not have': [
    good('sg_senddiag --test $D'),
    ends([0, ILLEGAL_REQUEST], 'sg_senddiag --list $D'),
    good('as_listed 0x9e,0x13 sg_referrals $D'),
    good('as_listed 0x9e,0x16 sg_stream_ctl --get $D'),
    good('as_listed 0x9e,0x17 sg_get_elem_status $D'),
    good('as_listed 0x95,0 sg_rep_zones $D'),
  ],
  sg_raw: [
    good('sg_raw $D 00 00 00 00 00 00'),
    ends(INVALID_OPCODE, 'sg_raw $D ff 00 00 00 00 00', /Invalid command operation code/i),
    ends(ILLEGAL_REQUEST, 'sg_raw $D 00 00 00 00 00 04', /Invalid field in cdb/i),
    ends(STATUS.OUT_OF_RANGE, 'sg_raw -r 512 $D 28 00 00 10 00 00 00 00 01 00', /Info fld=0x100000|Info.*100000/i),
  ],
})
