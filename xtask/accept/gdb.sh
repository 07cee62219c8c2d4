# gdb: a threaded program stopped, looked at and continued
# needs: gdb=gdb gcc=gcc
# used: asked
gcc -g -O0 -pthread "$HERE/threads.c" -o threads
gdb -q -batch -nx -ex 'set debuginfod enabled off' -ex 'set print thread-events off' -ex 'set print inferior-events off' \
    -ex 'break main' -ex run -ex 'print argc' -ex 'info line main' -ex 'delete' -ex continue --args ./threads in-turn 50 2>/dev/null |
    grep -v 'libthread_db\|Thread debugging\|0x[0-9a-f]*\|process [0-9]'
