# a process with 64 MiB of blocks in a control group of 180 MB, block size after block size
# needs: gcc=gcc
gcc -O1 "$HERE/pressure.c" -o pressure
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/accept.$$ limit=memory.max
else
    group=/sys/fs/cgroup/memory/accept.$$ limit=memory.limit_in_bytes
fi
# Whether this shell may put itself there; a subshell of it, to be out again at once.
can_enter() {
    mkdir "$group" && echo 180000000 >"$group/$limit" && (echo "$BASHPID" >"$group/cgroup.procs")
}
if ! can_enter 2>/dev/null; then
    rmdir "$group" 2>/dev/null || true
    echo "no control group can be made here"
    exit
fi
trap 'rmdir "$group" || true' EXIT
(echo "$BASHPID" >"$group/cgroup.procs" && exec ./pressure 64 30 7)
