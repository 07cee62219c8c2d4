# 10 million objects from thread to thread, 1 MiB live, under 16 MiB resident
# needs: gcc=gcc
gcc -O1 -pthread "$HERE/hand_over.c" -o hand_over
./hand_over
