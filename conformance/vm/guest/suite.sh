# The script of the open-iscsi suite: runs the tests that $tests names, each in a shell of its own and bounded in time,
# and reports to the host:  begin NAME,  | LINE of output of a failed test,  end NAME STATUS.
# A test may ask the host for something on file descriptors 3 and 4 (ask_host in lib.sh).
# Parameters: iqn, port, first_lun, tests.

exec 3<&0 4>&1
for name in $tests; do
  echo "begin $name"
  timeout -k 5 150 /bin/sh -eu /guest/one.sh "$name" < /dev/null > /tmp/output 2>&1
  status=$?
  { echo "== $name: $status"; cat /tmp/output; } >&2
  [ "$status" -eq 0 ] || tail -n 30 /tmp/output | sed 's/^/| /'
  echo "end $name $status"
done
