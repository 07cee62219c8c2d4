# git: log with patches, blame, and a repack of a history of 200 commits
# needs: git=git
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
if [ "${1-}" = prepare ]; then
    source "$HERE/../../xtask/accept/git_history.bash" 200 20
    exit
fi
cd made
export LD_PRELOAD=$LIBRARY
git log -n $((2 * SCALE)) --patch --stat --format=%H | cksum
git blame -s "folder$((199 % 7))/file$((199 % 13))" | cksum
git pack-objects --all --revs --stdout --no-reuse-delta --threads=1 --window=$((SCALE / 10)) </dev/null 2>/dev/null | wc -l >/dev/null
