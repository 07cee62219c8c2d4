# g++ -O1: a file of templates over the standard library, to assembly
# needs: g++=g++
if [ "${1-}" = prepare ]; then
    cat >words.cc <<'END'
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>
template <int N> struct Table {
    std::map<std::string, std::vector<int>> words;
    std::unordered_map<int, std::unique_ptr<Table<N - 1>>> parts;
    long add(const std::string &word, int n) {
        words[word + std::to_string(N)].push_back(n);
        auto &part = parts[n % N];
        if (!part) part = std::make_unique<Table<N - 1>>();
        long sum = part->add(word, n + 1);
        for (auto &[key, list] : words) { std::sort(list.begin(), list.end()); sum += key.size() + list.front(); }
        return sum;
    }
};
template <> struct Table<0> { long add(const std::string &word, int n) { return word.size() + n; } };
int main(int count, char **words) { Table<DEPTH> table; return table.add(words[0], count) % 100; }
END
    exit
fi
env LD_PRELOAD="$LIBRARY" g++ -std=c++17 -O1 -DDEPTH=$((2 + SCALE / 25)) -S words.cc -o - | cksum
