# a core dump of 100 threads, of reasonable size, that gdb can read
# needs: gcc=gcc gdb=gdb
# used: asked
gcc -g -O0 -pthread "$HERE/core.c" -o crash
pattern=$(cat /proc/sys/kernel/core_pattern)
case $pattern in
    '|'* | /*) echo "no core file: the system takes it elsewhere ($pattern)"; exit ;;
esac
ulimit -c unlimited
./crash 2>/dev/null || true
core=$(ls | grep '^core' | head -1)
[ "$(du -m --apparent-size "$core" | cut -f 1)" -lt 12800 ] && echo "its length is under 128 MiB a thread, holes counted"
[ "$(du -m "$core" | cut -f 1)" -lt 120 ] && echo "what it takes on disk is under 120 MiB"
gdb -q -batch -nx -ex 'info threads' ./crash "$core" 2>/dev/null | grep -c 'Thread 0x'
rm -f "$core"
