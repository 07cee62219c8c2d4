# git: commits, clone, log, gc, fsck
# needs: git=git
# used: demo
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git init -q -b main made
cd made
for number in $(seq 1 60); do
    mkdir -p "folder$((number % 7))"
    seq "$number" $((number * 90)) >"folder$((number % 7))/file$((number % 13))"
    export GIT_AUTHOR_DATE="@$((1700000000 + number)) +0000" GIT_COMMITTER_DATE="@$((1700000000 + number)) +0000"
    git add -A
    git commit -q -m "Change number $number"
done
git -c gc.auto=0 gc -q --aggressive
cd ..
git clone -q --no-local made copy
cd copy
git log --stat --format='%H %s'
git gc -q
git fsck --strict
git blame -s folder3/file3 | tail -20
git diff --stat HEAD~30
