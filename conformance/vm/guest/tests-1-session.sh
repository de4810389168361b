# Discovery and login. Each test's first line tells the kind of LUN and what it shows.

test_discovery() { # all: SendTargets names the target and the portal at which the target was addressed
  says "^127\.0\.0\.1:$port,1 $iqn\$" iscsiadm -m discovery -t sendtargets -p "$portal"
  iscsiadm -m node -o delete
}

test_login() { # all: the session is up, and the disks have the size, block size and discard of their LUNs
  attach
  says "^tcp: \[[0-9]+\] $portal,1 $iqn" iscsiadm -m session
  says '^LOGGED_IN$' cat /sys/class/iscsi_session/session*/state
  for lun in 0 1; do
    says "^$((512 * 1024 * 1024))\$" blockdev --getsize64 "$(disk $lun)"
    says '^512$' blockdev --getss "$(disk $lun)"
  done
  says '^4096$' blockdev --getss "$(disk 2)"
  for lun in 0 1 2; do
    queue=/sys/block/$(basename "$(disk $lun)")/queue
    says '^[1-9]' cat "$queue/discard_max_bytes"
  done
}

test_inquiry() { # thin512: standard data and the device identification page
  attach
  says 'version=0x06' sg_inq "$(sg 0)"
  says '3PC=1' sg_inq "$(sg 0)"
  says 'CmdQue=1' sg_inq "$(sg 0)"
  says 'Vendor identification: LUNETTE' sg_inq "$(sg 0)"
  says 'SPC-4' sg_inq -d "$(sg 0)"
  says 'SCSI_IDENT_LUN_NAA' sg_inq --export --page=di "$(sg 0)"
  expect 5 sg_raw -r 96 "$(sg 0)" 12 01 99 00 60 00
}

test_vpd_pages() { # thin512: supported pages, block limits, block device characteristics, logical block provisioning
  attach
  for page in sv sn di bl bdc lbpv; do expect 0 sg_vpd -p "$page" "$(sg 0)"; done
  says 'Block limits' sg_vpd -p sv "$(sg 0)"
  says 'Maximum compare and write length: 255' sg_vpd -p bl "$(sg 0)"
  says 'Maximum unmap LBA count: (4294967295|-1|unbounded)' sg_vpd -p bl "$(sg 0)"
  says 'Unmap command supported \(LBPU\): 1' sg_vpd -p lbpv "$(sg 0)"
  says 'Logical block provisioning read zeros \(LBPRZ\): 1' sg_vpd -p lbpv "$(sg 0)"
  says 'Provisioning type: 2' sg_vpd -p lbpv "$(sg 0)"
}

test_capacity() { # thin512: READ CAPACITY (10) and (16) agree, and LBPME and LBPRZ are set
  attach
  says 'Last LBA=1048575 ' sg_readcap "$(sg 0)"
  says 'Last LBA=1048575 ' sg_readcap --16 "$(sg 0)"
  says 'lbpme=1, lbprz=1' sg_readcap --long --16 "$(sg 0)"
  says 'block length=4096 ' sg_readcap --16 "$(sg 2)"
}

test_supported_opcodes() { # thin512: REPORT SUPPORTED OPERATION CODES names the primitives, in all three forms
  attach
  for name in 'Compare and write' 'Extended copy' 'Unmap' 'Write same\(10\)' 'Write same\(16\)' 'Get LBA status'; do
    says "$name" sg_opcodes "$(sg 0)"
  done
  expect 0 sg_opcodes --rctd "$(sg 0)"
  expect 0 sg_opcodes --opcode=0x28 "$(sg 0)"
  expect 0 sg_opcodes --opcode=0x9e,0x10 "$(sg 0)"
  expect 5 sg_opcodes --opcode=0x9e "$(sg 0)"
}
