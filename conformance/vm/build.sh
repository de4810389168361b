#!/usr/bin/env bash
# Builds the guest of the suites in virtual machines: a stock Debian kernel and an initramfs that holds open-iscsi,
# sg3_utils, fio, vmfs-tools and the ext4 and xfs tools of this machine. The kernel is unpacked, never installed.
#
#   build.sh        prints the directory that holds vmlinuz and initrd
#
# The result is kept in conformance/.cache under a hash of this file and of every package version in it, so
# that a change of either builds a new one and drops the old. Installs nothing: see conformance/install.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../.cache
packages=(busybox-static coreutils ddpt dash e2fsprogs fio kmod libc6 open-iscsi sg3-utils util-linux vmfs-tools vmfs6-tools xfsprogs)
modules=(virtio_pci virtio_net iscsi_tcp sd_mod sg ext4 xfs fuse crc32c_generic crc32c_intel)
binaries=(dash dd iscsid iscsiadm fio mke2fs e2fsck mkfs.xfs xfs_repair blkdiscard fstrim ddpt ddptctl ddpt_sgl)
binaries+=(debugvmfs debugvmfs6 fsck.vmfs vmfs-fuse vmfs6-fuse)

die() { echo "build.sh: $*" >&2; exit 1; }

kernel_package() { apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }'; }

for program in busybox cpio depmod "${binaries[@]}"; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$program" > /dev/null || die "$program is missing: run conformance/install.sh"
done
kernel=$(kernel_package)
if [ -z "$kernel" ]; then
  apt-get update -qq
  kernel=$(kernel_package)
fi
[ -n "$kernel" ] || die 'apt knows no linux-image-amd64: is this Debian amd64?'

versions=$(dpkg-query -W -f '${Package} ${Version}\n' "${packages[@]}" 2> /dev/null | sort; apt-cache policy "$kernel" | grep Candidate)
key=$({ cat "$here/build.sh"; echo "$versions"; } | sha256sum | cut -c 1-16)
out=$cache/vm-$key
if [ -e "$out/initrd" ]; then
  echo "$out"
  exit 0
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/building-XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "building the guest: $kernel" >&2
chmod 777 "$work"   # apt's download user writes here
(cd "$work" && { apt-get download -qq "$kernel" || { apt-get update -qq && apt-get download -qq "$kernel"; }; } >&2)
dpkg -x "$work"/*.deb "$work/kernel"
rm "$work"/*.deb
version=$(ls "$work/kernel/lib/modules")

root=$work/root
mkdir -p "$root"/{bin,usr/bin,etc/iscsi,proc,sys,dev,run,tmp,var/lock,var/lib,mnt}
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
  case $applet in
    busybox | sh | ash | dd | mke2fs | mkfs.ext2 | fstrim | blkdiscard) ;;   # the real tools are used
    *) ln -s busybox "$root/bin/$applet" ;;
  esac
done
for name in "${binaries[@]}" $(dpkg -L sg3-utils | sed -n 's,^/usr/bin/,,p'); do
  path=$(PATH=/usr/sbin:/sbin:/usr/bin:/bin command -v "$name")
  cp -L "$path" "$root/usr/bin/$name"
  { ldd "$path" 2> /dev/null || true; } | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | while read -r library; do
    [ -e "$root$library" ] || { mkdir -p "$root${library%/*}"; cp -L "$library" "$root$library"; }
  done
done
ln -s ../usr/bin/dash "$root/bin/sh"   # busybox's own shell prefers its applets to the tools in PATH
ln -s mke2fs "$root/usr/bin/mkfs.ext4"
ln -s e2fsck "$root/usr/bin/fsck.ext4"

depmod -b "$work/kernel" "$version"
for module in "${modules[@]}"; do
  modprobe -d "$work/kernel" -S "$version" --show-depends "$module" 2> /dev/null | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | while read -r file; do
  inside=${file#"$work/kernel"}
  mkdir -p "$root${inside%/*}"
  cp "$file" "$root$inside"
  echo "$inside" >> "$root/etc/modules.list"
done

grep -vE '^ *(#|$)' /etc/iscsi/iscsid.conf > "$root/etc/iscsi/iscsid.conf"
cp /etc/mke2fs.conf "$root/etc/"
printf 'root:x:0:0:root:/:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\n' > "$root/etc/group"
printf 'hosts: files\n' > "$root/etc/nsswitch.conf"
printf '127.0.0.1 localhost\n' > "$root/etc/hosts"

mkdir "$work/done"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$work/done/initrd"
cp "$work/kernel/boot/vmlinuz-$version" "$work/done/vmlinuz"
chmod 755 "$work/done"
rm -rf "$cache"/vm-*
mv "$work/done" "$out"
echo "built $out ($version, $(du -h "$out/initrd" | cut -f1))" >&2
echo "$out"
