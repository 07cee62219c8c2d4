# 10,000 threads, one after another
# needs: gcc=gcc
gcc -O1 -pthread "$HERE/threads.c" -o threads
./threads in-turn 10000
