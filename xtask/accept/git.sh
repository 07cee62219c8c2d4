# git: commits, clone, log, gc, fsck
# needs: git=git
# used: demo
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
source "$HERE/git_history.bash" 60 90
git -C made -c gc.auto=0 gc -q --aggressive
git clone -q --no-local made copy
cd copy
git log --stat --format='%H %s'
git gc -q
git fsck --strict
git blame -s folder3/file3 | tail -20
git diff --stat HEAD~30
