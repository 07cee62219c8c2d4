# python3: threads, subprocess, json, sqlite3
# needs: python3=python3
# used: demo
python3 "$HERE/python.py"
