# programs within 2 GB of address space
# needs: python3=python3 perl=perl gcc=gcc
ulimit -v 2000000
python3 -c 'print(sum(len(str(n) * 3) for n in range(300_000)), len(bytearray(200_000_000)))'
perl -e 'my %h = map { $_ => "x" x ($_ % 50) } 1 .. 200_000; print scalar(keys %h), "\n"'
gcc -O1 -pthread "$HERE/threads.c" -o threads
# A small stack for each: a hundred usual ones would fill the limit by themselves.
ulimit -s 256
./threads in-turn 200
./threads at-once 30
seq 1 200000 | sort -r --parallel=2 | sha256sum
# A limit that a program sets itself counts what it uses: threads and libraries still come.
python3 -c 'import resource, threading
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
ran = []
threads = [threading.Thread(target=ran.append, args=(1,)) for _ in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(ran), "threads")
import decimal, sqlite3
try:
    bytearray(1 << 30)
except MemoryError:
    print("limited")'
ulimit -v 60000
python3 -c 'print(sum(range(100_000)))'
perl -e 'print join(",", sort map { $_ * 3 } 1 .. 100), "\n"'
