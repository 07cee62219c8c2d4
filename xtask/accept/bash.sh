# bash: pipelines, substitutions, arrays
declare -A counts
for number in $(seq 1 3000); do
    key="k$((number * 7919 % 101))"
    counts[$key]=$((${counts[$key]:-0} + number))
done
for key in "${!counts[@]}"; do echo "$key ${counts[$key]}"; done | sort | head -40
seq 1 200000 | sed 's/\(.*\)7/\1seven/' | grep -c seven
seq 1 100000 | tr '0-9' 'a-j' | rev | sort -u | awk '{ n += length($0) } END { print n, NR }'
diff <(seq 1 1000) <(seq 1 1000 | sed 's/^500$/x/') || true
text=""
for number in $(seq 1 2000); do text+="word$number "; done
echo "${#text} ${text//word1/W}" | cksum
find / -maxdepth 1 -type d 2>/dev/null | sort | xargs -n 2 echo | tail -n +1 | wc -w
