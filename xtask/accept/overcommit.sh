# programs on a system that promises no memory it lacks (vm.overcommit_memory=2)
# needs: python3=python3 perl=perl gcc=gcc
# used: system
setting=/proc/sys/vm/overcommit_memory
if [ -w "$setting" ]; then
    before=$(cat "$setting")
    trap 'echo "$before" >"$setting"' EXIT
    echo 2 >"$setting" 2>/dev/null || true
fi
gcc -O1 -pthread "$HERE/threads.c" -o threads
./threads in-turn 500
./threads at-once 100
python3 -c 'print(sum(len(str(n) * 3) for n in range(300_000)))'
perl -e 'my %h = map { $_ => "x" x ($_ % 50) } 1 .. 200_000; print scalar(keys %h), "\n"'
