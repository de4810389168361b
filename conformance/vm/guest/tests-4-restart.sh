# The array goes away and comes back under load: the session recovers by itself, and nothing is lost.

# restarted SIGNAL: the host ends the array with the signal, in the middle of a load, and starts it again.
restarted() {
  attach
  mkfs.ext4 -q -F "$(disk 0)"
  mount "$(disk 0)" /mnt
  load /mnt --rate_iops=,1000 &
  pid=$!
  sleep 3
  kill -0 $pid 2> /dev/null || { cat /tmp/fio; fail 'the load should still run when the array ends'; }
  ask_host restart "$1"
  kill -0 $pid 2> /dev/null || { cat /tmp/fio; fail 'the load should outlive the restart'; }
  wait $pid || fail 'the load should go on and verify'
  says '^LOGGED_IN$' cat /sys/class/iscsi_session/session*/state
  umount /mnt
  e2fsck -fn "$(disk 0)" > /tmp/check 2>&1 || { cat /tmp/check; fail 'e2fsck -fn'; }
}

test_restart_under_load() { # thin512: SIGTERM and a new start while fio writes: I/O resumes, all verifies, fsck is clean
  restarted SIGTERM
}

test_kill_under_load() { # thin512: the same with SIGKILL
  restarted SIGKILL
}
