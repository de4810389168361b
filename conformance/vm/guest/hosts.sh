# What the two guests of the reservations suite share, beside lib.sh and sg3.sh. $L is the LUN, $l its disk, $M another LUN.

# probe NUMBER SEND RECEIVE CDB...: prints the number and the status with which the command ends.
probe() {
  number=$1 send=$2 receive=$3
  shift 3
  found=0
  if [ "$send" -gt 0 ]; then
    sg_raw --cmdset=1 -s "$send" -i /tmp/block "$L" "$@" > /dev/null 2>&1 || found=$?
  elif [ "$receive" -gt 0 ]; then
    sg_raw --cmdset=1 -r "$receive" "$L" "$@" > /dev/null 2>&1 || found=$?
  else
    sg_raw --cmdset=1 "$L" "$@" > /dev/null 2>&1 || found=$?
  fi
  echo "$number $found"
}

# out SERVICE_ACTION OPTION...: PERSISTENT RESERVE OUT.
out() {
  action=$1
  shift
  sg_persist --no-inquiry --out --"$action" "$@" "$L"
}

# release_all: no registration and no reservation is left.
release_all() {
  calm "$L"
  out register-ignore --param-sark=0xfff > /dev/null
  out clear --param-rk=0xfff > /dev/null
  sg_raw "$L" 17 00 00 00 00 00 > /dev/null 2>&1
}

reserve6() { sg_raw "$L" 16 00 00 00 00 00; }
release6() { sg_raw "$L" 17 00 00 00 00 00; }
