// What changes the state of a LUN: sanitize and format, media that come and go, write protection, buffers, defects, resets,
// target port groups, and what Linux does with a disk by itself.

import { ends, good, type Row, rowsOf, STATUS } from './row.ts'

const { ILLEGAL_REQUEST, NOT_READY, DATA_PROTECT } = STATUS

const READY = 'wait_until 40 sg_turs $S; calm $S $S2'

const SANITIZE = rowsOf('sanitize', {
  'sg_sanitize --overwrite': [
    good(READY),
    good('put $S 0 /tmp/noise; sg_sanitize --overwrite --zero --quick --wait $S; zero $S 0 8192'),
    good(
      `printf '\\125\\252\\001\\002' > /tmp/pattern; repeated /tmp/pattern 128 > /tmp/plain
       tr '\\125\\252\\001\\002' '\\252\\125\\376\\375' < /tmp/plain > /tmp/inverted`,
    ),
    good('sg_sanitize --overwrite --pattern=/tmp/pattern --ipl=4 --count=1 --quick --wait $S; has $S 100 1 /tmp/plain'),
    // Inverted between consecutive passes.
    good(
      'sg_sanitize --overwrite --pattern=/tmp/pattern --ipl=4 --count=2 --invert --quick --wait $S; get $S 100 1 > /tmp/got',
    ),
    good('cmp -s /tmp/got /tmp/plain || cmp /tmp/got /tmp/inverted'),
  ],
  'sg_sanitize --block, --crypto': [
    good(READY),
    good('put $S 0 /tmp/noise; sg_sanitize --block --quick --wait $S; zero $S 0 8192; [ "$(status $S 0)" = 1 ]'),
    good('put $S 0 /tmp/noise; sg_sanitize --crypto --quick --wait $S; ! get $S 0 8192 | cmp -s - /tmp/noise'),
  ],
  'sg_sanitize --early: progress, and not ready meanwhile': [
    good(READY),
    good('sg_sanitize --overwrite --zero --quick --early $S'),
    ends(NOT_READY, 'sg_raw -r 512 $S 28 00 00 00 00 00 00 00 01 00', /sanitize in progress/i),
    ends(NOT_READY, 'sg_read if=$S bs=512 count=8'),
    ends(NOT_READY, 'sg_turs $S'),
    good('sg_inq $S'),
    good('sg_requests --progress --num=1 $S', /Progress indication: *\d/i),
    good(
      `progress() { sg_requests --progress $S | sed -n 's/.*[Pp]rogress indication: *\\([0-9.]*\\).*/\\1/p'; }
       first=$(progress); sleep 1.5; second=$(progress); echo "$first $second"
       [ "$(echo "$second > $first" | bc)" = 1 ]`,
    ),
    good('wait_until 30 sg_turs $S'),
  ],
  'sg_sanitize --fail, --znr': [
    good(READY),
    good('sg_sanitize --fail --quick --wait $S'),
    // sg_sanitize 1.46 knows no --znr, though its help has it.
    ends(ILLEGAL_REQUEST, 'sg_raw -s 8 -i /tmp/noise $S 48 41 00 00 00 00 00 00 08 00', /byte 1 bit 6/),
  ],
  sg_format: [
    good(READY),
    good('sg_format $S', /Number of blocks=32768/i),
    good('sg_format --format --dry-run --quick $S'),
    good('put $S 0 /tmp/noise; sg_format --format --quick --wait $S; zero $S 0 8192'),
    good('put $S 0 /tmp/noise; sg_format --format --six --quick --wait $S; zero $S 0 8192'),
    ends(ILLEGAL_REQUEST, 'sg_format --format --fmtpinfo=2 --quick --wait $S'),
    ends([0, ILLEGAL_REQUEST], 'sg_format --resize --count=16384 --quick $S'),
    ends(ILLEGAL_REQUEST, 'sg_format --format --size=4096 --quick --wait $S'),
    good('calm $S $S2; sg_readcap $S', /block length=512/i),
  ],
})

const REMOVABLE = rowsOf('removable', {
  sg_start: [
    good('sg_inq $R', /RMB=1/),
    good('sg_start --start $R; sg_start --stop $R; sg_start --start $R'),
    good('sg_start --eject $R'),
    ends(NOT_READY, 'sg_turs $R'),
    ends(NOT_READY, 'sg_raw $R 00 00 00 00 00 00', /Medium not present/i),
    ends(NOT_READY, 'sg_readcap $R'),
    good('sg_start --load $R; calm $R $R2; sg_turs $R'),
  ],
  sg_prevent: [
    good('sg_prevent --prevent=1 $R'),
    ends(ILLEGAL_REQUEST, 'sg_start --eject $R', /removal prevented|Illegal request/i),
    ends(ILLEGAL_REQUEST, 'sg_start --eject $R2'),
    good('sg_turs $R; sg_prevent --allow $R; sg_start --eject $R; sg_start --load $R; calm $R $R2; sg_turs $R'),
  ],
})

const START_STOP = rowsOf('thin512', {
  'sg_start on a disk that is no medium': [
    good('sg_start --start $E'),
    good(
      'sg_start --stop $E; found=0; sg_turs $E || found=$?; [ $found -eq 0 ] || [ $found -eq 2 ]; sg_start --start $E; calm $E; sg_turs $E',
    ),
    ends([0, ILLEGAL_REQUEST], 'sg_start --pc=1 $E'),
    ends([0, ILLEGAL_REQUEST], 'sg_start --pc=2 $E'),
    ends([0, ILLEGAL_REQUEST], 'sg_start --pc=3 $E'),
    good('sg_start --start $E; calm $E; sg_turs $E'),
    ends([0, ILLEGAL_REQUEST], 'sg_start --eject $E'),
    good('sg_start --start $E; calm $E; sg_turs $E'),
  ],
})

const PROTECTED = rowsOf('readOnly', {
  'writes to a write-protected LUN': [
    good('sg_modes -a $P', /WP=1/),
    ends(DATA_PROTECT, 'sg_write_same --16 --lba=0 --num=8 --xferlen=512 $P'),
    ends(DATA_PROTECT, 'sg_write_same --16 --ndob --unmap --lba=0 --num=8 $P'),
    good('head -c 1024 /dev/zero > /tmp/both'),
    ends(DATA_PROTECT, 'sg_compare_and_write --in=/tmp/both --lba=0 --num=1 $P'),
    ends(DATA_PROTECT, 'sg_unmap --force --lba=0 --num=8 $P'),
    ends(DATA_PROTECT, 'sg_sanitize --overwrite --zero --quick --wait $P'),
    ends(DATA_PROTECT, 'sg_format --format --quick --wait $P'),
    good('sg_read if=$P bs=512 count=64; sg_verify --lba=0 --count=64 $P; sg_seek --pre-fetch --lba=0 $P'),
  ],
})

/** sg_read_buffer 1.46 sends an ALLOCATION LENGTH of 0 whatever --length is: what comes back is read by sg_raw. */
const readBuffer = (mode: string, length: number) =>
  `sg_raw -r ${length} -o /tmp/buffer $D 3c ${mode} 00 00 00 00 00 00 ${length.toString(16).padStart(2, '0')} 00`

const BUFFERS = rowsOf('thin512', {
  'sg_read_buffer, sg_write_buffer: echo': [
    good(
      `sg_read_buffer --mode=echo_desc $D; ${readBuffer('0b', 4)}; od -An -tx1 /tmp/buffer`,
      /^ 0\d [01][\da-f] [\da-f]{2} [\da-f]{2}$/m,
    ),
    good('sg_reset --device --no-esc $D; calm $D $D2 $Q'),
    ends(ILLEGAL_REQUEST, readBuffer('0a', 64), /Command sequence error|Invalid field/i),
    good('head -c 64 /tmp/noise > /tmp/echo; sg_write_buffer --mode=echo --in=/tmp/echo $D'),
    good(`${readBuffer('0a', 64)}; cmp /tmp/buffer /tmp/echo`),
  ],
  'sg_read_buffer, sg_write_buffer: data': [
    good(`sg_read_buffer --mode=desc $D; ${readBuffer('03', 4)}; od -An -tx1 /tmp/buffer`, /^( [\da-f]{2}){4}$/m),
    good(
      `head -c 64 /tmp/noise > /tmp/echo; found=0; sg_write_buffer --mode=data --in=/tmp/echo $D || found=$?
       if [ $found -eq 0 ]; then ${readBuffer('02', 64)}; cmp /tmp/buffer /tmp/echo; else [ $found -eq 5 ]; fi`,
    ),
    ends([0, ILLEGAL_REQUEST], 'sg_read_buffer --mode=0x1c $D'),
    ends(ILLEGAL_REQUEST, 'sg_write_buffer -v --mode=5 --in=/tmp/echo $D', /Invalid field in cdb/i),
    ends(ILLEGAL_REQUEST, 'sg_raw -r 64 $D 3c 1f 00 00 00 00 00 00 40 00', /Invalid field in cdb/i, /byte 1\b/),
  ],
})

const DEFECTS = rowsOf('thin512', {
  'sg_reassign, sg_read_long, sg_write_long': [
    good('sg_reassign --grown $D', /0/),
    good('sg_reassign --primary $D', /0/),
    good('as_listed 0x07 sg_reassign --address=0 $D'),
    good('as_listed 0x3e sg_read_long --lba=0 --xfer_len=512 $D'),
    good(
      'if listed 0x3f; then expect 0 sg_write_long --wr_uncor --lba=5000 $D; expect 3 sg_read if=$D skip=5000 bs=512 count=1; else expect 9 sg_write_long --wr_uncor --lba=5000 $D; fi',
    ),
  ],
})

const RESETS = rowsOf('thin512', {
  'sg_reset --device': [
    good('sg_raw $D 16 00 00 00 00 00; sg_reset --device --no-esc $D'),
    good('attention $D2 "occurred"; attention $Q "occurred"; calm $D'),
    good('sg_raw $D2 16 00 00 00 00 00; sg_raw $D2 17 00 00 00 00 00'),
  ],
  'sg_reset --device keeps persistent reservations': [
    good(
      'sg_persist --no-inquiry --out --register-ignore --param-sark=0xa $D; sg_reset --device --no-esc $D; calm $D $D2 $Q',
    ),
    good('sg_persist -k $D', /0xa/),
    good('sg_persist --no-inquiry --out --clear --param-rk=0xa $D; calm $D2 $Q'),
  ],
  'sg_reset --target': [
    good(
      'sg_reset --target --no-esc $D; calm $D $E; attention $D2 "occurred"; attention $Q "occurred"; attention $E2 "occurred"',
    ),
  ],
  'sg_reset in the middle of dd': [
    good(
      `dd if=$d of=/dev/null bs=1M count=128 iflag=direct 2> /tmp/dd & pid=$!
       sleep 0.5; sg_reset --device --no-esc $D; wait $pid || { cat /tmp/dd; fail 'dd should outlive the reset'; }
       calm $D $D2 $Q`,
    ),
  ],
})

const PORT_GROUPS = rowsOf('thin512', {
  'sg_rtpg, sg_stpg': [
    good('sg_rtpg -d $D', /active\/optimized/i, /target port group id : 0x1/i, /target port group id : 0x2/i),
    good('sg_rtpg -d $Q > /tmp/groups.q; sg_rtpg -d $D | cmp - /tmp/groups.q'),
    good('sg_stpg --tp=1 --state=ao $D; calm $D2 $Q'),
    good('sg_stpg --tp=2 --state=s $D'),
    good('attention $D2 "asymmetric access state changed"; calm $Q'),
    ends(NOT_READY, 'sg_raw -r 512 $Q 28 00 00 00 00 00 00 00 01 00', /standby/i),
    good('sg_inq $Q; sg_rtpg -d $Q', /standby/i),
    good('sg_read if=$D bs=512 count=8'),
    good('sg_stpg --tp=2 --state=ao $D; calm $D $D2 $Q $E $E2; sg_read if=$Q bs=512 count=8'),
  ],
})

const LINUX = rowsOf('thin512', {
  'sysfs: discard and write zeroes by the limits of the LUN': [
    good('cat /sys/block/$(basename $e)/device/scsi_disk/*/provisioning_mode', /^(unmap|writesame_16)$/m),
    good('cat /sys/block/$(basename $e)/queue/write_zeroes_max_bytes', /^[1-9]\d{5,}$/m),
    good('cat /sys/block/$(basename $e)/queue/discard_max_bytes', /^[1-9]\d{5,}$/m),
  ],
  'dd, blkdiscard, blkdiscard -z': [
    good(
      'dd if=/tmp/noise of=$e bs=1M oflag=direct; dd if=$e bs=1M count=4 iflag=direct 2> /dev/null | cmp - /tmp/noise',
    ),
    good(
      'blkdiscard -f -o 0 -l 2097152 $e; zero $E 0 4096; [ "$(status $E 0)" = 1 ]; dd if=$e bs=1M skip=2 count=2 iflag=direct 2> /dev/null | cmp - /dev/fd/3 3< /dev/null || true',
    ),
    good('dd if=/tmp/noise of=$e bs=1M oflag=direct; blkdiscard -f -z -o 0 -l 2097152 $e; zero $E 0 4096'),
  ],
  'fio --verify': [
    good(
      'fio --name=f --filename=$e --rw=randwrite --bs=4k --size=16m --ioengine=libaio --direct=1 --iodepth=16 --verify=crc32c --do_verify=1 --verify_fatal=1 --eta=never --thread',
    ),
  ],
  'mkfs.ext4, fstrim': [
    good(
      'mkfs.ext4 -q -F $e; mount $e /mnt; cp /tmp/noise /mnt/; sync; rm /mnt/noise; fstrim -v /mnt; umount /mnt; e2fsck -fn $e',
      /[1-9]\d* bytes\)? trimmed/,
    ),
  ],
})

export const STATES: readonly Row[] = [
  ...SANITIZE,
  ...REMOVABLE,
  ...START_STOP,
  ...PROTECTED,
  ...BUFFERS,
  ...DEFECTS,
  ...RESETS,
  ...PORT_GROUPS,
  ...LINUX,
]
