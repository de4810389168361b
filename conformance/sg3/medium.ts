// What writes and reads the medium: WRITE SAME, UNMAP, GET LBA STATUS, COMPARE AND WRITE, VERIFY, WRITE AND VERIFY, the other
// writes, READ, PRE-FETCH, SYNCHRONIZE CACHE.

import { ends, good, type Row, rowsOf, STATUS, type Step } from './row.ts'

const { ILLEGAL_REQUEST, MISCOMPARE, OUT_OF_RANGE } = STATUS
/** Blocks of LUN 0. */
const CAPACITY = 1048576

const writeSame = (options: string, after: string): Step[] => [
  good(`around 2048 64; sg_write_same ${options} --lba=2048 --num=64 $D`),
  good(`${after}; untouched 2048 64`),
]
const zeroed = 'zero $D 2048 64'

const WRITE_SAME: readonly Row[] = [
  ...rowsOf('thin512', {
    sg_write_same: [
      ...writeSame('--10 --in=/dev/zero --xferlen=512', zeroed),
      ...writeSame('--16 --in=/dev/zero --xferlen=512', zeroed),
      ...writeSame(
        '--16 --in=/tmp/block --xferlen=512',
        'repeated /tmp/block 64 > /tmp/wanted; has $D 2048 64 /tmp/wanted',
      ),
      ...writeSame('--16 --ndob', zeroed),
      ...writeSame('--16 --unmap --xferlen=512', `${zeroed}; [ "$(status $D 2048)" = 1 ]`),
      ...writeSame('--16 --unmap --anchor --xferlen=512', `${zeroed}; anchored $D 2048`),
      good('as_listed 0x7f,0xd sg_write_same --32 --ndob --lba=2048 --num=64 $D'),
    ],
    'sg_write_same, to the end of the LUN': [
      good(
        `noise 8 > /tmp/end; put $D ${CAPACITY - 8} /tmp/end; sg_write_same --16 --ndob --lba=${CAPACITY - 4} --num=0 $D`,
      ),
      good(`zero $D ${CAPACITY - 4} 4; head -c 2048 /tmp/end > /tmp/before; has $D ${CAPACITY - 8} 4 /tmp/before`),
    ],
    'sg_write_same, refused': [
      ends(ILLEGAL_REQUEST, 'sg_write_same --16 --lba=0 --num=1 --xferlen=512 --wrprotect=1 $D'),
      ends(ILLEGAL_REQUEST, 'sg_write_same --16 --anchor --lba=0 --num=1 --xferlen=512 $D'),
      ends(OUT_OF_RANGE, `sg_write_same --16 --lba=${CAPACITY} --num=1 --xferlen=512 $D`),
      ends(OUT_OF_RANGE, `sg_write_same --10 --lba=${CAPACITY - 1} --num=2 --xferlen=512 $D`),
    ],
  }),
  ...rowsOf('limited', {
    'sg_write_same, within its limits': [
      good('sg_write_same --16 --lba=0 --num=2048 --xferlen=512 $N'),
      ends(ILLEGAL_REQUEST, 'sg_write_same -v --16 --lba=0 --num=2049 --xferlen=512 $N', /Invalid field in cdb/i),
      ends(ILLEGAL_REQUEST, 'sg_write_same -v --16 --lba=0 --num=0 --xferlen=512 $N', /Invalid field in cdb/i),
      ends(
        ILLEGAL_REQUEST,
        'sg_write_same -v --16 --unmap --anchor --lba=0 --num=8 --xferlen=512 $N',
        /Invalid field in cdb/i,
      ),
    ],
  }),
]

const THICK = rowsOf('thick512', {
  'a thick LUN cannot unmap': [
    good('sg_readcap --long --16 $T', /lbpme=0/),
    good('! listed 0x42 $T'),
    ends(STATUS.INVALID_OPCODE, 'sg_unmap --force --lba=0 --num=8 $T'),
    ends(ILLEGAL_REQUEST, 'sg_write_same --16 --unmap --lba=0 --num=8 --xferlen=512 $T'),
    ends(ILLEGAL_REQUEST, 'sg_sanitize --block --quick --wait $T'),
    good('put $T 0 /tmp/noise; sg_get_lba_status -bb --lba=0 $T', /^0$/m),
    good('sg_write_same --16 --ndob --lba=0 --num=64 $T; zero $T 0 64; [ "$(status $T 0)" = 0 ]'),
  ],
})

const UNMAP: readonly Row[] = [
  ...rowsOf('thin512', {
    sg_unmap: [
      good('around 2048 8; sg_unmap --lba=2048 --num=8 --force $D'),
      good('zero $D 2048 8; untouched 2048 8; [ "$(status $D 2048)" = 1 ]'),
      good('noise 80 > /tmp/around; put $D 4096 /tmp/around; sg_unmap --force --lba=4096,4160 --num=8,8 $D'),
      good(
        'zero $D 4096 8; zero $D 4160 8; tail -c +4097 /tmp/around | head -c 28672 > /tmp/between; has $D 4104 56 /tmp/between',
      ),
      good('around 2048 8; sg_unmap --anchor --lba=2048 --num=8 --force $D; zero $D 2048 8; anchored $D 2048'),
      ends(OUT_OF_RANGE, `sg_unmap --lba=${CAPACITY} --num=1 --force $D`),
      ends(OUT_OF_RANGE, `sg_unmap --lba=${CAPACITY - 1} --num=2 --force $D`),
    ],
    'sg_unmap --all': [
      good('put $D 1000000 /tmp/noise; sg_unmap --all=0,2048 --force $D'),
      good('zero $D 1000000 8192; sg_get_lba_status --lba=0 --brief $D', /0x0+\s+0x0*100000\s+1/),
    ],
  }),
  ...rowsOf('limited', {
    'sg_unmap, more descriptors than the LUN takes': [
      good('sg_unmap --force --lba=0,8,16,24 --num=1,1,1,1 $N'),
      ends(
        ILLEGAL_REQUEST,
        'sg_unmap -v --force --lba=0,8,16,24,32 --num=1,1,1,1,1 $N',
        /Invalid field in parameter list/i,
      ),
    ],
  }),
]

const GET_LBA_STATUS = rowsOf('thin512', {
  sg_get_lba_status: [
    good('put $D 16384 /tmp/noise; [ "$(status $D 16384)" = 0 ]'),
    good('sg_get_lba_status --lba=16384 --maxlen=1024 $D', /0x0*4000 .*mapped/),
    good('sg_unmap --force --lba=16384 --num=8192 $D; [ "$(status $D 16384)" = 1 ]'),
    good('sg_unmap --anchor --force --lba=16384 --num=8192 $D; anchored $D 16384'),
    ends(OUT_OF_RANGE, `sg_get_lba_status --lba=${CAPACITY} $D`),
    good('as_listed 0x7f,0x12 sg_get_lba_status --32 --lba=0 $D'),
  ],
  'sg_get_lba_status, report types': [
    good(
      `put $D 16384 /tmp/noise
       for type in 0 1 2 3 4; do
         found=0; sg_get_lba_status --report-type=$type --lba=0 --brief $D || found=$?
         [ $found -eq 0 ] || [ $found -eq 5 ] || fail "report type $type ends with $found"
       done`,
    ),
  ],
})

const COMPARE_AND_WRITE: readonly Row[] = [
  ...rowsOf('thin512', {
    sg_compare_and_write: [
      good(
        'noise 1 > /tmp/old; noise 1 > /tmp/new; put $D 100 /tmp/old; compare_and_write 100 /tmp/old /tmp/new; has $D 100 1 /tmp/new',
      ),
      ends(MISCOMPARE, 'compare_and_write 100 /tmp/old /tmp/new'),
      good('has $D 100 1 /tmp/new'),
      good('compare_and_write 100 /tmp/new /tmp/old $D --dpo --fua; has $D 100 1 /tmp/old'),
      good('sg_compare_and_write --inc=/tmp/old --inw=/tmp/new --lba=100 --num=1 $D; has $D 100 1 /tmp/new'),
      good('head -c 130560 /tmp/noise > /tmp/old255; tail -c 130560 /tmp/noise > /tmp/new255; put $D 200 /tmp/old255'),
      good(
        'cat /tmp/old255 /tmp/new255 > /tmp/both; sg_compare_and_write --in=/tmp/both --lba=200 --num=255 $D; has $D 200 255 /tmp/new255',
      ),
    ],
    'sg_compare_and_write, where it differs': [
      // Byte 300 of the block: INFORMATION is the offset of the first byte that differs.
      good(
        `{ head -c 300 /dev/zero; printf '\\377'; head -c 211 /dev/zero; } > /tmp/one
         put $D 100 /tmp/zeroes; cat /tmp/one /tmp/one > /tmp/both`,
      ),
      ends(
        MISCOMPARE,
        'sg_raw -s 1024 -i /tmp/both $D 89 00 00 00 00 00 00 00 00 64 00 00 00 01 00 00',
        /Info fld=0x12c|Info.*300/i,
      ),
      good('has $D 100 1 /tmp/zeroes'),
    ],
    'sg_compare_and_write, eight at a time in two sessions': [
      good(
        `put $D 100 /tmp/zeroes; : > /tmp/race
         for i in 1 2 3 4 5 6 7 8; do
           head -c 512 /dev/zero | tr '\\000' "$i" > /tmp/new.$i; cat /tmp/zeroes /tmp/new.$i > /tmp/race.$i
           if [ $((i % 2)) -eq 0 ]; then node=$D; else node=$D2; fi
           { found=0; sg_compare_and_write --quiet --in=/tmp/race.$i --lba=100 --num=1 $node 2> /dev/null || found=$?; echo "$i $found" >> /tmp/race; } &
         done
         wait; cat /tmp/race
         [ "$(grep -c ' 0$' /tmp/race)" = 1 ] && [ "$(grep -c ' 14$' /tmp/race)" = 7 ] || fail 'exactly one should win'
         has $D 100 1 /tmp/new.$(sed -n 's/ 0$//p' /tmp/race)`,
      ),
    ],
  }),
  ...rowsOf('limited', {
    'sg_compare_and_write, within its limits': [
      good('head -c 4096 /dev/zero > /tmp/both; sg_compare_and_write --in=/tmp/both --lba=0 --num=4 $N'),
      good('head -c 5120 /dev/zero > /tmp/both'),
      ends(ILLEGAL_REQUEST, 'sg_compare_and_write --in=/tmp/both --lba=0 --num=5 $N'),
      ends(ILLEGAL_REQUEST, 'sg_compare_and_write --in=/tmp/both --lba=0 --num=1 --dpo $N'),
      ends(ILLEGAL_REQUEST, 'sg_compare_and_write --in=/tmp/both --lba=0 --num=1 --fua $N'),
    ],
  }),
]

const VERIFY = rowsOf('thin512', {
  sg_verify: [
    good('put $D 0 /tmp/noise; sg_verify --lba=0 --count=1024 $D; sg_verify --16 --lba=0 --count=1024 $D'),
    good('sg_verify --lba=0 --ndo=4096 --count=8 --ebytchk=1 --in=/tmp/eight $D'),
    ends(MISCOMPARE, 'sg_verify --lba=1 --ndo=4096 --count=8 --ebytchk=1 --in=/tmp/eight $D'),
    good('sg_verify --16 --lba=0 --ndo=4096 --count=8 --in=/tmp/eight --ebytchk=1 $D'),
    good('repeated /tmp/block 64 > /tmp/same; put $D 8192 /tmp/same'),
    good('sg_verify --16 --ebytchk=3 --ndo=512 --in=/tmp/block --lba=8192 --count=64 $D'),
    ends(MISCOMPARE, 'sg_verify --16 --ebytchk=3 --ndo=512 --in=/tmp/block --lba=8192 --count=65 $D'),
    ends(OUT_OF_RANGE, `sg_verify --lba=${CAPACITY} --count=1 $D`),
    ends(ILLEGAL_REQUEST, 'sg_verify --vrprotect=1 --lba=0 --count=1 $D'),
  ],
  sg_write_verify: [
    good('sg_write_verify --lba=64 --num=8 --in=/tmp/eight --bytchk=1 $D; has $D 64 8 /tmp/eight'),
    good('sg_write_verify --16 --lba=128 --num=8 --in=/tmp/eight --bytchk=1 $D; has $D 128 8 /tmp/eight'),
    good('sg_write_verify --16 --lba=256 --num=8 --in=/tmp/eight --dpo $D; has $D 256 8 /tmp/eight'),
    ends(OUT_OF_RANGE, `sg_write_verify --lba=${CAPACITY - 4} --num=8 --in=/tmp/eight $D`),
  ],
})

const writeX = (options: string, code: string, after: string) =>
  good(
    `if listed ${code}; then expect 0 sg_write_x ${options} $D; ${after}; else expect "$(unlisted ${code})" sg_write_x ${options} $D; fi`,
  )

const WRITES: readonly Row[] = [
  ...rowsOf('thin512', {
    sg_write_x: [
      good('sg_write_x --normal --16 --in=/tmp/eight --lba=512 --num=8 $D; has $D 512 8 /tmp/eight'),
      good(
        `head -c 4096 /dev/zero | tr '\\000' '\\360' > /tmp/f0; head -c 4096 /dev/zero | tr '\\000' '\\017' > /tmp/0f; head -c 4096 /dev/zero | tr '\\000' '\\377' > /tmp/ff
         put $D 600 /tmp/f0; sg_write_x --or --in=/tmp/0f --lba=600 --num=8 $D; has $D 600 8 /tmp/ff`,
      ),
      good('sg_write_x --atomic=0 --in=/tmp/eight --lba=700 --num=8 $D; has $D 700 8 /tmp/eight'),
      ends(ILLEGAL_REQUEST, 'sg_write_x --atomic=0 --in=/tmp/noise --lba=700 --num=257 $D'),
      good('sg_write_x --same=1 --unmap=1 --lba=700 --num=8 $D; zero $D 700 8'),
      writeX('--scattered=2 --in=/tmp/eight --lba=802,864 --num=4,1', '0x9f,0x12', 'true'),
      writeX('--stream=1 --in=/tmp/eight --lba=900 --num=8', '0x9a', 'has $D 900 8 /tmp/eight'),
      writeX('--normal --32 --in=/tmp/eight --lba=1000 --num=8', '0x7f,0xb', 'has $D 1000 8 /tmp/eight'),
      writeX('--or --32 --in=/tmp/eight --lba=1100 --num=8', '0x7f,0xe', 'true'),
      writeX('--atomic=0 --32 --in=/tmp/eight --lba=1200 --num=8', '0x7f,0xf', 'has $D 1200 8 /tmp/eight'),
    ],
    'sg_read, sg_dd': [
      good('for size in 6 10 12 16; do sg_read if=$D bs=512 count=1024 cdbsz=$size || exit 1; done'),
      good('for size in 10 12 16; do sg_read if=$D bs=512 count=1024 cdbsz=$size dpo=1 fua=1 || exit 1; done'),
      good('sg_dd if=$D of=/dev/null bs=512 count=65536 cdbsz=16', /65536\+0 records in/),
    ],
    sg_seek: [
      good('as_listed 0x2b sg_seek --lba=0 $D'),
      good(
        'sg_seek --pre-fetch --10 --lba=0 --num-blocks=64 $D; sg_seek --pre-fetch --lba=0 --num-blocks=64 $D; sg_seek --pre-fetch --immed --lba=0 $D',
      ),
      ends(OUT_OF_RANGE, `sg_seek --pre-fetch --10 --lba=${CAPACITY} $D`),
      ends(OUT_OF_RANGE, `sg_seek --pre-fetch --lba=${CAPACITY} $D`),
    ],
    sg_sync: [good('sg_sync $D; sg_sync --16 --lba=0 --count=64 $D; sg_sync --immed $D')],
  }),
  ...rowsOf('limited', {
    'sg_read with DPO or FUA where DPOFUA is 0': [
      ends(
        [ILLEGAL_REQUEST, 99],
        'sg_read if=$N bs=512 count=8 cdbsz=10 dpo=1',
        /Invalid field in cdb|Illegal request/i,
      ),
      ends(
        [ILLEGAL_REQUEST, 99],
        'sg_read if=$N bs=512 count=8 cdbsz=16 fua=1',
        /Invalid field in cdb|Illegal request/i,
      ),
      good('sg_modes -a $N', /DpoFua=0/i),
    ],
    'sg_write_x --atomic, by the limits of Block Limits': [
      good('sg_write_x --atomic=0 --in=/tmp/noise --lba=8 --num=8 $N; has $N 8 8 /tmp/eight'),
      ends(ILLEGAL_REQUEST, 'sg_write_x --atomic=0 --in=/tmp/noise --lba=1 --num=8 $N'),
      ends(ILLEGAL_REQUEST, 'sg_write_x --atomic=0 --in=/tmp/noise --lba=8 --num=1 $N'),
    ],
  }),
]

export const MEDIUM: readonly Row[] = [
  ...WRITE_SAME,
  ...THICK,
  ...UNMAP,
  ...GET_LBA_STATUS,
  ...COMPARE_AND_WRITE,
  ...VERIFY,
  ...WRITES,
]
