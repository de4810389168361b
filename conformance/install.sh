#!/usr/bin/env bash
# Installs, on Debian and as root, every public tool that the conformance suites, the tests and the benchmarks use.
# Asks nothing, starts no daemon, changes nothing and is done at once when everything is there.
set -euo pipefail

packages=(
  libiscsi-bin                                  # iscsi-test-cu, iscsi-ls, iscsi-inq, iscsi-perf
  qemu-utils qemu-block-extra                   # qemu-img and qemu-io with their iSCSI driver
  qemu-system-x86 seabios                       # the virtual machine of the open-iscsi suite
  open-iscsi sg3-utils ddpt fio                 # what runs in it
  e2fsprogs xfsprogs util-linux coreutils dash
  busybox-static cpio kmod
  vmfs-tools vmfs6-tools                        # other people's readers of VMFS-5 and VMFS-6 volumes
  tgt                                           # the target to compare with
  tshark                                        # a second opinion on what is on the wire
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "conformance tools: all ${#packages[@]} packages are installed"
  exit 0
fi

if ! command -v apt-get > /dev/null; then
  echo "install.sh: this is not Debian; install by hand what holds: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "install.sh: run it as root; it would install: ${missing[*]}" >&2
  exit 1
fi

echo "conformance tools: installing ${missing[*]}"
# Neither tgt nor iscsid is to run on the host: the suites start what they need.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 < /dev/null; then
  tail -n 20 "$log" >&2
  echo "install.sh: apt-get failed; its whole output is in $log" >&2
  exit 1
fi
rm -f "$log"
echo 'conformance tools: installed'
