# the same python3 program with every object from malloc (PYTHONMALLOC=malloc)
# needs: python3=python3
env LD_PRELOAD="$LIBRARY" PYTHONMALLOC=malloc python3 "$HERE/objects.py" "$SCALE"
