# What must be true after everything else.

test_kernel_log() { # all: the initiator's kernel has reported no error of a disk or a file system
  attach
  if dmesg | grep -E 'I/O error|Medium Error|Hardware Error|EXT4-fs (error|warning)|XFS .*(corrupt|error)|BUG:|Call Trace'; then
    fail 'the kernel log should hold none of these'
  fi
}

test_logout() { # all: the session ends and the disks go
  attach
  detach
  ! iscsiadm -m session 2> /dev/null || fail 'no session should be left'
}
