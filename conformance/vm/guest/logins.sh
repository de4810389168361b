# What the logins suite runs in the guest, beside lib.sh. $way is the address and port at which the array is, as iscsiadm
# writes them.

# node TARGET KEY=VALUE...: the record with which to log in.
node() {
  name=$1
  shift
  iscsiadm -m node -o new -T "$name" -p "$way" > /dev/null
  for option in "$@"; do iscsiadm -m node -T "$name" -p "$way" -o update -n "${option%%=*}" -v "${option#*=}"; done
}

# log_in TARGET, log_out TARGET: the disk of its LUN 0 comes and goes.
log_in() {
  iscsiadm -m node -T "$1" -p "$way" --login
  wait_until 20 disk 0 > /dev/null || fail 'a disk should appear'
}
log_out() {
  iscsiadm -m node -T "$1" -p "$way" --logout
  wait_until 20 no_disk || fail 'the disk should go with the session'
}

# calm_down: whatever a command before this one has left behind is gone.
calm_down() {
  ! iscsiadm -m session > /dev/null 2>&1 || iscsiadm -m node --logoutall=all > /dev/null
  ! iscsiadm -m node > /dev/null 2>&1 || iscsiadm -m node -o delete
  iscsiadm -m discoverydb -t st -p "$way" -o delete > /dev/null 2>&1 || true
}

# digests: the connection has both.
digests() {
  for which in header data; do says '^1$' cat /sys/class/iscsi_connection/connection*/${which}_digest; done
}

# verified: writes two MiB to random places of the disk and reads every block again.
verified() {
  fio --name=load --filename="$(disk 0)" --rw=randwrite --bs=16k --size=2m --ioengine=libaio --direct=1 --iodepth=16 \
    --verify=crc32c --do_verify=1 --verify_fatal=1 --eta=never --thread > /tmp/fio 2>&1 || { cat /tmp/fio; fail 'fio'; }
}

# discover KEY=VALUE...: SendTargets with credentials.
discover() {
  iscsiadm -m discoverydb -t st -p "$way" -o new > /dev/null
  for option in "$@"; do iscsiadm -m discoverydb -t st -p "$way" -o update -n "${option%%=*}" -v "${option#*=}"; done
  iscsiadm -m discoverydb -t st -p "$way" --discover
}
