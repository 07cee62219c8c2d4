# 24 processes that fill and empty memory, block size after block size
# needs: gcc=gcc
gcc -O1 "$HERE/pressure.c" -o pressure
for seed in $(seq 24); do
    ./pressure 24 6 "$seed" &
done | sort | uniq -c
wait
