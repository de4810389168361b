# Runs what the host sends, a line of base64 each, as a shell command: a shell of its own with lib.sh and with what earlier
# commands have put into /tmp/environment. Prints, before the first,  ready  and for each  | LINE of output  and  = STATUS.
# 124: it took more than $seconds.

: > /tmp/environment
printf '. /guest/lib.sh\n. /tmp/environment\n. /tmp/command\n' > /tmp/step
exec 3<&0
echo ready
while read -r line <&3; do
  echo "$line" | base64 -d > /tmp/command
  timeout -k 2 "${seconds:-60}" /bin/sh -e /tmp/step < /dev/null > /tmp/output 2>&1
  status=$?
  { echo "\$ $(cat /tmp/command)"; cat /tmp/output; echo "= $status"; } >&2
  sed -e 's/^/| /' -e '$a\' /tmp/output | tr -d '\r\000'
  echo "= $status"
done
