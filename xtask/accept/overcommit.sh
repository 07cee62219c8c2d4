# programs on a system that promises no memory it lacks (vm.overcommit_memory=2)
# needs: python3=python3 perl=perl gcc=gcc
# used: system
# The system may promise 16 GiB beyond what it has promised so far: less than one area of address space,
# and enough for what else runs.
vm=/proc/sys/vm
if [ -w "$vm/overcommit_memory" ]; then
    before=$(cat "$vm/overcommit_memory") ratio=$(cat "$vm/overcommit_ratio") bytes=$(cat "$vm/overcommit_kbytes")
    restore() {
        echo "$before" >"$vm/overcommit_memory"
        if [ "$bytes" = 0 ]; then echo "$ratio" >"$vm/overcommit_ratio"; else echo "$bytes" >"$vm/overcommit_kbytes"; fi
    }
    trap restore EXIT
    promised=$(sed -n 's/^Committed_AS: *\([0-9]*\) kB/\1/p' /proc/meminfo)
    { echo $((promised + (16 << 20))) >"$vm/overcommit_kbytes" && echo 2 >"$vm/overcommit_memory"; } 2>/dev/null || true
fi
gcc -O1 -pthread "$HERE/threads.c" -o threads
./threads in-turn 500
./threads at-once 100
python3 -c 'print(sum(len(str(n) * 3) for n in range(300_000)))'
perl -e 'my %h = map { $_ => "x" x ($_ % 50) } 1 .. 200_000; print scalar(keys %h), "\n"'
