# redis-server under redis-benchmark: strings, lists, hashes and sorted sets over a socket
# needs: redis-server=redis-server redis-benchmark=redis-tools
# used: installed
# threads: 2
# The server alone has the library; the peak is its own, since the client is smaller.
socket=$(mktemp -u /tmp/bench-redis-XXXXXX)
env LD_PRELOAD="$LIBRARY" redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no >/dev/null &
server=$!
until redis-cli -s "$socket" ping >/dev/null 2>&1; do sleep 0.01; done
redis-benchmark -s "$socket" -q -n $((600 * SCALE)) -r 100000 -P 16 -d 200 \
    -t set,get,incr,lpush,rpop,sadd,hset,zadd >/dev/null
redis-cli -s "$socket" --raw dbsize | grep -q '[1-9]'
redis-cli -s "$socket" shutdown nosave
wait "$server"
echo served
