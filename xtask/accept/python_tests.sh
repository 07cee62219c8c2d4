# python3's own tests: threads, ctypes, subprocess, json, gc, multiprocessing
# needs: python3=python3 /var/lib/dpkg/info/libpython3.11-testsuite.list=libpython3.11-testsuite gcc=gcc
# used: asked
export HOME=$PWD PYTHONDONTWRITEBYTECODE=1
python=python3
# The system's, whose tests the package has; elsewhere whatever comes first on PATH.
[ -x /usr/bin/python3 ] && python=/usr/bin/python3
for name in thread threading threading_local ctypes subprocess json gc multiprocessing_fork dynamicclassattribute fork1 wait4 mmap queue; do
    if "$python" -m test "test_$name" >log 2>&1; then
        # Skipped as a whole counts as run, in both ways alike.
        echo "$name passes"
    else
        echo "$name fails: $(grep -E '^(FAIL|ERROR):' log | sort -u | tr '\n' ' ')"
    fi
done
