# jq: a document of 60,000 records parsed, grouped and printed
# needs: jq=jq
# used: asked demo
seq 1 60000 | awk '{ printf "{\"id\":%d,\"name\":\"record %d\",\"tags\":[\"a%d\",\"b%d\"],\"place\":{\"x\":%d,\"y\":null}}\n", $1, $1 * 7919 % 10007, $1 % 97, $1 % 13, $1 % 1009 }' >records.json
jq -s 'group_by(.tags[1]) | map({tag: .[0].tags[1], ids: map(.id), far: map(select(.place.x > 500) | .place)})' records.json | sha256sum
jq -r 'select(.tags[0] == "a7") | [.id, .name, (.tags | join("+"))] | @csv' records.json | sha256sum
