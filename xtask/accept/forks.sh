# 10,000 forks while other threads allocate
# needs: gcc=gcc
# used: asked
gcc -O1 -pthread "$HERE/fork.c" -o fork
./fork 10000
