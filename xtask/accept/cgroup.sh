# a process at half of what its control group may hold, block size after block size
# needs: gcc=gcc
# used: system asked
gcc -O1 "$HERE/pressure.c" -o pressure
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/accept.$$ limit=memory.max
else
    group=/sys/fs/cgroup/memory/accept.$$ limit=memory.limit_in_bytes
fi
if ! mkdir "$group" 2>/dev/null || ! echo 150000000 >"$group/$limit" 2>/dev/null; then
    rmdir "$group" 2>/dev/null || true
    echo "no control group can be made here"
    exit
fi
trap 'rmdir "$group"' EXIT
(echo "$BASHPID" >"$group/cgroup.procs" && exec ./pressure 64 30 7)
