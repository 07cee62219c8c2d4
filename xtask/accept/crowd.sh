# 10,000 threads at once, twice
# needs: gcc=gcc
# used: asked
gcc -O1 -pthread "$HERE/crowd.c" -o crowd
./crowd 10000
