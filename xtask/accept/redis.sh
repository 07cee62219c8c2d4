# redis under redis-benchmark, with a snapshot and a restart
# needs: redis-server=redis-server redis-benchmark=redis-tools
# used: asked demo
start() {
    redis-server --unixsocket "$PWD/socket" --port 0 --dir "$PWD" --io-threads 2 --save '' --dbfilename data.rdb >log 2>&1 &
    until [ "$(ask ping 2>/dev/null)" = PONG ]; do sleep 0.05; done
}
ask() { redis-cli -s "$PWD/socket" "$@"; }
# Waited for, so that its memory counts.
trap 'ask shutdown nosave 2>/dev/null || true; wait' EXIT
start
redis-benchmark -s "$PWD/socket" -q -n 40000 -c 20 -P 8 -d 100 -t set,get,incr,lpush,rpop,sadd,hset,zadd,mset >/dev/null
seq 1 50000 | sed 's/\(.*\)/SET key:\1 value-\1-value/' | ask --pipe >/dev/null
seq 1 20000 | sed 's/\(.*\)/HSET hash:\1 a \1 b value/' | ask --pipe >/dev/null
ask eval 'local n = 0 for i = 1, 20000 do n = n + #redis.call("GET", "key:" .. i) end return n' 0
ask dbsize >size
ask save
ask shutdown save
start
[ "$(ask dbsize)" = "$(cat size)" ] && echo "the snapshot is whole"
ask get key:777
ask memory doctor >/dev/null
ask flushall
