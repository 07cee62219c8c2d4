# fork in a threaded program, both sides go on to allocate
# needs: gcc=gcc
gcc -O1 -pthread "$HERE/fork.c" -o fork
./fork 300
