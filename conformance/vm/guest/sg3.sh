# What the lines of the sg3 suite share, beside lib.sh.

# listed OPCODE[,SERVICE_ACTION] [SG]: REPORT SUPPORTED OPERATION CODES has it.
listed() { sg_opcodes --opcode="$1" "${2:-$D}" 2> /dev/null | grep -q 'Command is supported'; }

# unlisted OPCODE[,SERVICE_ACTION]: the status of a command that is not listed: 5 (invalid field in CDB) where the operation
# code has other service actions, 9 (invalid operation code) else.
unlisted() {
  code=$(printf '%02x' $((${1%,*})))
  if sg_opcodes -u "$D" | awk '{ print $1 }' | grep -qx "$code"; then echo 5; else echo 9; fi
}

# as_listed OPCODE[,SERVICE_ACTION] COMMAND...: 0 where it is listed, and refused as unknown where it is not.
as_listed() {
  asked=$1
  shift
  if listed "$asked"; then expect 0 "$@"; else expect "$(unlisted "$asked")" "$@"; fi
}

# attention SG TEXT: the next command ends with a unit attention that says TEXT.
attention() {
  found=0
  sg_raw "$1" 00 00 00 00 00 00 > /tmp/attention 2>&1 || found=$?
  cat /tmp/attention
  [ "$found" -eq 6 ] || fail "$1 should have a unit attention ($2) and ends with $found"
  grep -qi -- "$2" /tmp/attention || fail "the unit attention of $1 should say $2"
}

# quiet SG: no unit attention waits.
quiet() { expect 0 sg_turs "$1"; }

# pages_listed SG: the page codes of the SUPPORTED VPD PAGES page, two hex digits each, a line each.
pages_listed() { sg_vpd -p sv -r "$1" | od -An -v -tx1 | tr -s ' ' '\n' | sed '/^$/d' | tail -n +5; }

# same SG LBA SG LBA BLOCKS: two ranges hold the same, read by READ(16) in pieces.
same() {
  sg_dd if="$1" skip="$2" of=/tmp/same.1 bs=$block count="$5" blk_sgio=1 cdbsz=16 bpt=512 2> /dev/null
  sg_dd if="$3" skip="$4" of=/tmp/same.2 bs=$block count="$5" blk_sgio=1 cdbsz=16 bpt=512 2> /dev/null
  cmp /tmp/same.1 /tmp/same.2 || fail "$5 blocks at $2 of $1 and at $4 of $3 should be the same"
}

# put SG LBA FILE, get SG LBA BLOCKS: by WRITE and READ through the SCSI generic node.
put() { sg_dd if="$3" of="$1" seek="$2" bs=$block cdbsz=16 2> /dev/null; }
get() { sg_dd if="$1" skip="$2" count="$3" of=- bs=$block cdbsz=16 2> /dev/null; }
# has SG LBA BLOCKS FILE: what is read is the file; zero SG LBA BLOCKS: it is zeroes.
has() { get "$1" "$2" "$3" | cmp -s -n $(($3 * block)) - "$4" || fail "$3 blocks at $2 of $1 should hold $4"; }
zero() { get "$1" "$2" "$3" | cmp -n $(($3 * block)) - /dev/zero || fail "$3 blocks at $2 of $1 should be zero"; }

# around LBA BLOCKS: noise there, one block before it and one after; untouched LBA BLOCKS: those two are as they were.
around() {
  noise $(($2 + 2)) > /tmp/around
  put "$D" $(($1 - 1)) /tmp/around
}
untouched() {
  get "$D" $(($1 - 1)) 1 > /tmp/edges
  get "$D" $(($1 + $2)) 1 >> /tmp/edges
  { head -c $block /tmp/around; tail -c $block /tmp/around; } | cmp - /tmp/edges || fail "the blocks around $1 + $2 should stay"
}

# repeated FILE TIMES: the file again and again.
repeated() { for _ in $(seq "$2"); do cat "$1"; done; }

# status SG LBA: the provisioning status by GET LBA STATUS: 0 mapped, 1 deallocated, 2 anchored.
status() { sg_get_lba_status -bb --lba="$2" "$1"; }

# anchored SG LBA: it keeps its place on the medium: it is told as anchored or as mapped.
anchored() { case $(status "$1" "$2") in 0 | 2) ;; *) fail "block $2 should be anchored or mapped" ;; esac; }

# set_mode SG PAGE BYTE MASK VALUE OPTION...: the bits of one byte of a mode page; byte SG PAGE BYTE: what it is.
set_mode() {
  node=$1 page=$2 at=$3
  length=$(sg_modes --page="0x$page" -r "$node" | tail -c +17 | wc -c)
  mask=$(for i in $(seq 0 $((length - 1))); do if [ "$i" -eq "$at" ]; then echo "$4"; else echo 0; fi; done | paste -sd,)
  contents=$(sg_modes --page="0x$page" -r "$node" | tail -c +17 | od -An -v -tx1 | tr -s ' \n' ',' | sed 's/^,//; s/,$//' |
    awk -F, -v at=$((at + 1)) -v value="$5" 'BEGIN { OFS = "," } { $at = value; print }')
  shift 5
  sg_wr_mode --page="$page" --contents="$contents" --mask="$mask" "$@" "$node"
}
byte() { echo $((0x$(sg_modes --page="0x$2" "${4:---control=0}" -r "$1" | tail -c +17 | od -An -v -tx1 -j"$3" -N1 | tr -d ' '))); }

# compare_and_write LBA OLD NEW [SG [OPTION...]]: COMPARE AND WRITE of one block.
compare_and_write() {
  cat "$2" "$3" > /tmp/caw.$$
  at=$1 node=${4:-$D}
  shift 3
  [ $# -eq 0 ] || shift
  sg_compare_and_write --quiet --in=/tmp/caw.$$ --lba="$at" --num=1 "$@" "$node"
}

# bytes HEX...: the bytes themselves.
bytes() { for byte in "$@"; do printf "\\$(printf '%03o' "0x$byte")"; done; }

# naa_of SG: the logical unit's NAA designator, 32 hex digits; spaced HEX: two digits a word.
naa_of() { sg_vpd -p di_lu "$1" | sed -n 's/^ *0x\(6[0-9a-f]\{31\}\)$/\1/p' | head -n 1; }
spaced() { echo "$1" | sed 's/../& /g'; }

# copy_list FROM_NAA TO_NAA BLOCKS: an EXTENDED COPY (LID1) parameter list of one segment 02h from LBA 0 to LBA 0.
copy_list() {
  # shellcheck disable=SC2046 # words
  bytes 01 10 00 40 00 00 00 00 00 00 00 1c 00 00 00 00 \
    e4 00 00 00 01 03 00 10 $(spaced "$1") 00 00 00 00 00 00 02 00 \
    e4 00 00 00 01 03 00 10 $(spaced "$2") 00 00 00 00 00 00 02 00 \
    02 00 00 18 00 00 00 01 00 00 $(spaced "$(printf '%04x' "$3")") 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
}
