# Runs one test: one.sh NAME. The tests are the functions test_NAME of the files tests-*.sh.
. /guest/lib.sh
for file in /guest/tests-*.sh; do . "$file"; done
trap '! grep -q " /mnt " /proc/mounts || umount /mnt' EXIT   # a failed test leaves nothing behind
"test_$1"
