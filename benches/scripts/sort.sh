# sort: lines by words, by numbers, and one of each word, in one thread of coreutils
# needs: sort=coreutils
if [ "${1-}" = prepare ]; then
    seq 1 $((2000 * SCALE)) | awk '{ print ($1 * 7919) % 1000003, "word" ($1 * 104729) % 15013 }' >words
    exit
fi
export LD_PRELOAD="$LIBRARY"
sort --parallel=1 --buffer-size=64M --key=2 words | cksum
sort --parallel=1 --buffer-size=64M --numeric-sort words | cksum
sort --parallel=1 --buffer-size=1M --unique --key=2,2 words | cksum
