# python3 as it is: its own allocator serves small objects, the library what is above 512 bytes
# needs: python3=python3
env LD_PRELOAD="$LIBRARY" python3 "$HERE/objects.py" "$SCALE"
