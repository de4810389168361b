# What the guest's tests share. They run under sh -eu: a command that fails ends the test.

portal=10.0.2.2:$port
block=512

fail() { echo "FAILED: $*"; exit 1; }

# expect STATUS COMMAND...: the command must end with that status.
expect() {
  wanted=$1
  shift
  found=0
  "$@" || found=$?
  [ "$found" -eq "$wanted" ] || fail "$* should end with $wanted and ends with $found"
}

# says PATTERN COMMAND...: the command must succeed and print a line that matches the extended regular expression.
says() {
  pattern=$1
  shift
  "$@" > /tmp/says 2>&1 || { found=$?; cat /tmp/says; fail "$* ends with $found"; }
  grep -qE -- "$pattern" /tmp/says || { cat /tmp/says; fail "$* should print $pattern"; }
}

# Logs in, unless a session is there, and waits for the three disks. Discovery cannot name a portal that the guest
# reaches (the target sees 127.0.0.1), so the node record is made by hand.
attach() {
  iscsiadm -m session 2> /dev/null | grep -q "$iqn" && return
  iscsiadm -m node -o new -T "$iqn" -p "$portal" > /dev/null
  for option in "$@"; do iscsiadm -m node -T "$iqn" -p "$portal" -o update -n "${option%=*}" -v "${option#*=}"; done
  iscsiadm -m node -T "$iqn" -p "$portal" --login
  wait_until 20 three_disks || fail 'three disks should appear'
}

detach() {
  iscsiadm -m node -T "$iqn" -p "$portal" --logout
  wait_until 20 no_disk || fail 'the disks should go with the session'
}

three_disks() { disk 0 > /dev/null && disk 1 > /dev/null && disk 2 > /dev/null; }
no_disk() { ! disk 0 > /dev/null; }


# wait_until SECONDS COMMAND...: until the command succeeds.
wait_until() {
  left=$(($1 * 5))
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.2
  done
}

# disk N, sg N: the device node of the array's LUN N (not every target begins at 0).
disk() {
  for entry in /sys/block/sd*; do
    case $(readlink "$entry") in
      *:"$(($1 + first_lun))"/block/*) echo "/dev/${entry##*/}"; return 0 ;;
    esac
  done
  return 1
}
sg() { echo "/dev/$(ls "/sys/block/$(basename "$(disk "$1")")/device/scsi_generic")"; }

# log_in [PORT]: a session with the target; one more where there is one by way of that portal.
log_in() {
  way=10.0.2.2:${1:-$port}
  iscsiadm -m node -T "$iqn" -p "$way" > /dev/null 2>&1 || iscsiadm -m node -o new -T "$iqn" -p "$way" > /dev/null
  sid=$(iscsiadm -m session 2> /dev/null | sed -n "s/^tcp: \[\([0-9]*\)\] $way,.*/\1/p" | head -n 1)
  if [ -n "$sid" ]; then iscsiadm -m session -r "$sid" -o new; else iscsiadm -m node -T "$iqn" -p "$way" --login; fi
}

# sg_at SESSION LUN, disk_at SESSION LUN: the device nodes of a LUN by way of the session, the first of which is 1.
sg_at() { node_at "$1" "$2" scsi_generic; }
disk_at() { node_at "$1" "$2" block; }
node_at() {
  host=$(readlink "/sys/class/iscsi_session/session$1" | sed 's,.*/host\([0-9]*\)/.*,\1,')
  folder=/sys/class/scsi_device/$host:0:0:$(($2 + first_lun))/device/$3
  [ -d "$folder" ] && echo "/dev/$(ls "$folder")"
}

# calm SG...: takes what unit attentions there are.
calm() {
  for node in "$@"; do
    for _ in 1 2 3 4 5 6; do ! sg_turs "$node" > /dev/null 2>&1 || break; done
  done
}

# read_blocks DISK LBA BLOCKS, write_blocks DISK LBA: past the page cache, standard output and input.
read_blocks() { dd if="$1" bs=$block skip="$2" count="$3" iflag=direct 2> /dev/null; }
write_blocks() { dd of="$1" bs=$block seek="$2" oflag=direct iflag=fullblock conv=notrunc 2> /dev/null; }

noise() { dd if=/dev/urandom bs=$block count="$1" 2> /dev/null; }
zeros() { dd if=/dev/zero bs=$block count="$1" 2> /dev/null; }

# holds DISK LBA BLOCKS FILE: the medium holds what the file does.
holds() { read_blocks "$1" "$2" "$3" | cmp - "$4" || fail "$3 blocks at $2 of $1 should hold $4"; }

# ask_host REQUEST...: the host does it and answers; fails when it could not.
ask_host() {
  echo "host $*" >&4
  read -r answer <&3
  [ "$answer" = 'done' ] || fail "the host could not $*: $answer"
}
