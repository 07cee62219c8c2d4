# git: log with patches, blame, and a repack of a history of 200 commits
# needs: git=git
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
if [ "${1-}" = prepare ]; then
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
    git init -q -b main made
    cd made
    for number in $(seq 1 200); do
        mkdir -p "folder$((number % 7))"
        seq "$number" $((number * 20)) >"folder$((number % 7))/file$((number % 13))"
        export GIT_AUTHOR_DATE="@$((1700000000 + number)) +0000" GIT_COMMITTER_DATE="@$((1700000000 + number)) +0000"
        git add -A
        git commit -q -m "Change number $number"
    done
    exit
fi
cd made
export LD_PRELOAD=$LIBRARY
git log -n $((2 * SCALE)) --patch --stat --format=%H | cksum
git blame -s "folder$((199 % 7))/file$((199 % 13))" | cksum
git pack-objects --all --revs --stdout --no-reuse-delta --threads=1 --window=$((SCALE / 10)) </dev/null 2>/dev/null | wc -l >/dev/null
