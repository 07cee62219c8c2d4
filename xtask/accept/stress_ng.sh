# stress-ng: its malloc, memory and thread stressors, each verified
# needs: stress-ng=stress-ng
# used: asked
stress() {
    stress-ng --quiet --temp-path "$PWD" --verify --timeout 60 --oomable "$@" >log 2>&1 || { cat log; exit 1; }
    echo "verified: $*"
}
stress --malloc 2 --malloc-bytes 64M --malloc-max 20000 --malloc-ops 30000
stress --malloc 2 --malloc-bytes 16M --malloc-max 5000 --malloc-pthreads 3 --malloc-touch --malloc-ops 15000
stress --malloc 1 --malloc-bytes 32M --malloc-zerofree --malloc-ops 8000
stress --vm 2 --vm-bytes 32M --vm-ops 150
stress --mremap 2 --mremap-bytes 8M --mremap-ops 2000
stress --pthread 2 --pthread-max 200 --pthread-ops 2000
stress --fork 2 --fork-ops 1500
stress --bsearch 1 --bsearch-ops 20 --qsort 1 --qsort-ops 5 --str 1 --str-ops 300 --tree 1 --tree-ops 20 --tree-size 100000
