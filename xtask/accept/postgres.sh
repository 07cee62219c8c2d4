# PostgreSQL: a cluster made, pgbench by four clients, a dump
# needs: /var/lib/dpkg/info/postgresql.list=postgresql setpriv=util-linux
# used: asked
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
# The server refuses to run as root, and the folder here is root's.
data=$(mktemp -d)
as_nobody=()
if [ "$(id -u)" = 0 ]; then
    chown 65534:65534 "$data"
    as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
run() { HOME=$data "${as_nobody[@]}" "$bin/$1" "${@:2}"; }
trap 'run pg_ctl -D "$data/db" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$data"' EXIT
cd "$data"
run initdb -D "$data/db" -U me --no-sync >/dev/null
run pg_ctl -D "$data/db" -w -o "-k $data -c listen_addresses='' -c fsync=off" -l "$data/log" start >/dev/null
connection=(-h "$data" -U me)
run pgbench "${connection[@]}" -i -s 5 -q postgres >/dev/null 2>&1
run pgbench "${connection[@]}" -c 4 -j 2 -t 1500 postgres 2>/dev/null | grep 'actually processed'
run psql "${connection[@]}" -Atq postgres <<'SQL'
SELECT count(*), sum(delta) = (SELECT sum(abalance) FROM pgbench_accounts) FROM pgbench_history;
CREATE TABLE words AS SELECT n, md5(n::text) AS word FROM generate_series(1, 100000) n;
CREATE INDEX ON words (word);
SELECT count(DISTINCT substr(word, 1, 3)), min(word), string_agg(substr(word, 1, 1), '' ORDER BY n) FILTER (WHERE n < 40) FROM words;
SELECT jsonb_object_agg(k, c) FROM (SELECT substr(word, 1, 1) AS k, count(*) AS c FROM words GROUP BY 1 ORDER BY 1) t;
SQL
run pg_dump "${connection[@]}" -t words postgres | grep -v '^--\|restrict' | sha256sum
