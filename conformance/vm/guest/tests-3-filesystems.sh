# File systems on the disks, with verified load at queue depth 16; the checker must find nothing.

# load DIRECTORY FIO_OPTIONS...: random writes, each block verified by its CRC32C afterwards.
load() {
  folder=$1
  shift
  fio --name=load --directory="$folder" --rw=randwrite --bs=4k --size=32m --ioengine=libaio --direct=1 --iodepth=16 \
    --verify=crc32c --do_verify=1 --verify_fatal=1 --end_fsync=1 --eta=never --thread "$@" > /tmp/fio 2>&1 ||
    { cat /tmp/fio; fail 'fio'; }
}

# filesystem DISK MKFS CHECK: each of the two a command that takes the disk as its last argument.
filesystem() {
  # shellcheck disable=SC2086 # commands with options
  $2 "$1" > /tmp/mkfs 2>&1 || { cat /tmp/mkfs; fail "$2"; }
  mount "$1" /mnt
  load /mnt
  noise 4096 > /mnt/kept
  sum=$(sha256sum < /mnt/kept)
  rm /mnt/load*
  sync
  says '^/mnt: .*[1-9][0-9]* bytes\)? trimmed' fstrim -v /mnt
  umount /mnt
  # shellcheck disable=SC2086
  $3 "$1" > /tmp/check 2>&1 || { cat /tmp/check; fail "$3"; }
  mount "$1" /mnt
  [ "$(sha256sum < /mnt/kept)" = "$sum" ] || fail 'a file should outlive trim and unmount'
  umount /mnt
}

test_ext4() { # thin512: mkfs, mount, fio with verification, fstrim, umount, fsck -fn
  attach
  filesystem "$(disk 0)" 'mkfs.ext4 -q -F' 'e2fsck -fn'
}

test_xfs() { # thin512: the same with XFS and xfs_repair -n
  attach
  filesystem "$(disk 1)" 'mkfs.xfs -q -f' 'xfs_repair -n'
}

test_xfs_with_digests() { # thin4Kn: once more on 4096-byte blocks, in a session with CRC32C header and data digests
  ! iscsiadm -m session > /dev/null 2>&1 || detach
  attach 'node.conn[0].iscsi.HeaderDigest=CRC32C' 'node.conn[0].iscsi.DataDigest=CRC32C'
  says '^1$' cat /sys/class/iscsi_connection/connection*/header_digest
  says '^1$' cat /sys/class/iscsi_connection/connection*/data_digest
  filesystem "$(disk 2)" 'mkfs.xfs -q -f' 'xfs_repair -n'
  detach
  iscsiadm -m node -T "$iqn" -p "$portal" -o delete
}
