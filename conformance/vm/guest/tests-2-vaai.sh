# The VAAI primitives by sg3_utils: not only the exit status but what the medium holds afterwards. All on LUN 1.
# 14 is sg3_utils' status for MISCOMPARE, 22 for LBA OUT OF RANGE.

# caw LBA: COMPARE AND WRITE of one block with the contents of /tmp/old and /tmp/new.
caw() {
  cat /tmp/old /tmp/new > /tmp/caw
  sg_compare_and_write --in=/tmp/caw --lba="$1" --num=1 --xferlen=$((2 * block)) "$(sg 1)"
}

test_compare_and_write_match() { # thin512: the block is replaced when it holds what is compared
  attach
  noise 1 > /tmp/old
  noise 1 > /tmp/new
  write_blocks "$(disk 1)" 100 < /tmp/old
  expect 0 caw 100
  holds "$(disk 1)" 100 1 /tmp/new
}

test_compare_and_write_miscompare() { # thin512: MISCOMPARE, and the medium is as it was
  attach
  noise 1 > /tmp/medium
  noise 1 > /tmp/old
  noise 1 > /tmp/new
  write_blocks "$(disk 1)" 100 < /tmp/medium
  expect 14 caw 100
  holds "$(disk 1)" 100 1 /tmp/medium
}

test_write_same() { # thin512: WRITE SAME (10) and (16) repeat one block over the range and no further
  attach
  noise 1 > /tmp/block
  for size in 10 16; do
    zeros 66 | write_blocks "$(disk 1)" 199
    expect 0 sg_write_same --$size --lba=200 --num=64 --xferlen=$block --in=/tmp/block "$(sg 1)"
    zeros 1 > /tmp/wanted
    for i in $(seq 64); do cat /tmp/block; done >> /tmp/wanted
    zeros 1 >> /tmp/wanted
    holds "$(disk 1)" 199 66 /tmp/wanted
  done
  expect 22 sg_write_same --16 --lba=1048576 --num=1 --xferlen=$block --in=/tmp/block "$(sg 1)"
}

test_write_same_unmap() { # thin512: with UNMAP and with NDOB the range reads zero and its neighbours stay
  attach
  zeros 2048 > /tmp/zeros
  noise 1 > /tmp/neighbour
  for option in "--unmap --xferlen=$block" --ndob '--unmap --ndob'; do
    noise 2048 | write_blocks "$(disk 1)" 2048
    write_blocks "$(disk 1)" 2047 < /tmp/neighbour
    write_blocks "$(disk 1)" 4096 < /tmp/neighbour
    # shellcheck disable=SC2086 # two options in one word
    expect 0 sg_write_same --16 $option --lba=2048 --num=2048 "$(sg 1)"
    holds "$(disk 1)" 2048 2048 /tmp/zeros
    holds "$(disk 1)" 2047 1 /tmp/neighbour
    holds "$(disk 1)" 4096 1 /tmp/neighbour
  done
}

test_unmap() { # thin512: one and several ranges read zero afterwards; a range past the end is refused
  attach
  zeros 64 > /tmp/zeros
  noise 192 > /tmp/before
  write_blocks "$(disk 1)" 8192 < /tmp/before
  expect 0 sg_unmap --force --lba=8192 --num=64 "$(sg 1)"
  holds "$(disk 1)" 8192 64 /tmp/zeros
  write_blocks "$(disk 1)" 8192 < /tmp/before
  expect 0 sg_unmap --force --lba=8192,8320 --num=64,64 "$(sg 1)"
  holds "$(disk 1)" 8192 64 /tmp/zeros
  holds "$(disk 1)" 8320 64 /tmp/zeros
  dd if=/tmp/before of=/tmp/between bs=$block skip=64 count=64 2> /dev/null
  holds "$(disk 1)" 8256 64 /tmp/between
  expect 22 sg_unmap --force --lba=1048576 --num=1 "$(sg 1)"
}

test_get_lba_status() { # thin512: a written range is mapped, an unmapped one deallocated
  attach
  noise 8192 | write_blocks "$(disk 1)" 16384
  says '0x0*4000 .*[^a-z]mapped' sg_get_lba_status --lba=16384 "$(sg 1)"
  expect 0 sg_unmap --force --lba=16384 --num=8192 "$(sg 1)"
  says '0x0*4000 .*deallocated' sg_get_lba_status --lba=16384 "$(sg 1)"
  expect 22 sg_get_lba_status --lba=1048576 "$(sg 1)"
}

# xcopy FROM TO SKIP SEEK COUNT
xcopy() { sg_xcopy if="$1" of="$2" bs=$block skip="$3" seek="$4" count="$5" iflag=xcopy oflag=xcopy; }

test_xcopy_between_luns() { # thin512: EXTENDED COPY of 4 MiB to another LUN; the copy is the same, its neighbours stay
  attach
  noise 8192 > /tmp/source
  noise 1 > /tmp/neighbour
  write_blocks "$(disk 0)" 40960 < /tmp/source
  write_blocks "$(disk 1)" 65535 < /tmp/neighbour
  write_blocks "$(disk 1)" 73728 < /tmp/neighbour
  expect 0 xcopy "$(sg 0)" "$(sg 1)" 40960 65536 8192
  holds "$(disk 1)" 65536 8192 /tmp/source
  holds "$(disk 1)" 65535 1 /tmp/neighbour
  holds "$(disk 1)" 73728 1 /tmp/neighbour
}

test_xcopy_within_lun() { # thin512: EXTENDED COPY inside one LUN
  attach
  noise 4096 > /tmp/source
  write_blocks "$(disk 1)" 100000 < /tmp/source
  expect 0 xcopy "$(sg 1)" "$(sg 1)" 100000 200000 4096
  holds "$(disk 1)" 200000 4096 /tmp/source
}

test_copy_operating_parameters() { # thin512: RECEIVE COPY OPERATING PARAMETERS lists the descriptors that are used
  attach
  says 'Maximum segment descriptor count: [1-9]' sg_copy_results --params "$(sg 1)"
}
