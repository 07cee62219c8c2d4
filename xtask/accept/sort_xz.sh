# sort and xz on 100 MB
# needs: xz=xz-utils
# used: demo
awk 'BEGIN { s = 1; for (i = 0; i < 6500000; i++) { s = (s * 69069 + 1) % 4294967296; printf "%010d %d\n", s, i % 1000 } }' >lines
stat -c %s lines
sort -S 64M --parallel=2 lines >sorted
sha256sum sorted
xz -0 -T2 --block-size=8MiB -c sorted >sorted.xz
sha256sum sorted.xz
xz -dc sorted.xz | sha256sum
rm lines sorted sorted.xz
