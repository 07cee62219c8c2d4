# Makes a repository `made` of $1 commits, each of a file of $2 lines more than the last.
git init -q -b main made
cd made
for number in $(seq 1 "$1"); do
    mkdir -p "folder$((number % 7))"
    seq "$number" $((number * $2)) >"folder$((number % 7))/file$((number % 13))"
    git add -A
    at="@$((1700000000 + number)) +0000"
    GIT_AUTHOR_DATE=$at GIT_COMMITTER_DATE=$at git -c user.name=a -c user.email=a@example.org \
        commit -q -m "Change number $number"
done
cd ..
