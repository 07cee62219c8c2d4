# jq: a document of records parsed, filtered, grouped and printed
# needs: jq=jq
if [ "${1-}" = prepare ]; then
    seq 1 20000 | awk '{ printf "{\"id\":%d,\"name\":\"record %d\",\"tags\":[\"a%d\",\"b%d\"],\"place\":{\"x\":%d,\"y\":null}}\n", $1, $1 * 7919 % 10007, $1 % 97, $1 % 13, $1 % 1009 }' >records.json
    exit
fi
head -n $((200 * SCALE)) records.json |
    env LD_PRELOAD="$LIBRARY" jq -s 'group_by(.tags[1]) | map({tag: .[0].tags[1], ids: map(.id), text: (map(.name) | join(",")), far: map(select(.place.x > 500) | .place)})' |
    cksum
