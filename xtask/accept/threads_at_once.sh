# 1,000 threads at once
# needs: gcc=gcc
gcc -O1 -pthread "$HERE/threads.c" -o threads
./threads at-once 1000
