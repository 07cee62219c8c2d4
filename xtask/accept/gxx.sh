# g++: templates, to the same object and the same output
# needs: g++=g++
# used: demo
cat >words.cc <<'END'
#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>

struct Node { std::string word; std::unique_ptr<Node> next; };

static std::map<std::string, int> count(unsigned seed) {
    std::map<std::string, int> words;
    std::unordered_map<unsigned, std::vector<std::string>> groups;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1103515245u + 12345u;
        std::string word(3 + seed % 20, char('a' + (seed >> 16) % 26));
        words[word + std::to_string(seed % 97)]++;
        groups[seed % 97].push_back(std::move(word));
    }
    for (auto &[key, group] : groups) { std::sort(group.begin(), group.end()); words[group.front()] += int(key); }
    return words;
}

int main() {
    std::vector<std::future<std::map<std::string, int>>> parts;
    for (unsigned seed = 1; seed <= 4; seed++) parts.push_back(std::async(std::launch::async, count, seed));
    std::map<std::string, int> all;
    for (auto &part : parts) for (auto &[word, n] : part.get()) all[word] += n;
    std::regex pattern("([a-m]+)([0-9]{2})");
    long matched = 0;
    for (auto &[word, n] : all) if (std::regex_match(word, pattern)) matched += n;
    std::unique_ptr<Node> list;
    for (auto &[word, n] : all) list = std::make_unique<Node>(Node{word, std::move(list)});
    std::cout << all.size() << ' ' << matched << ' ' << list->word << std::endl;
    while (list) list = std::move(list->next);
}
END
g++ -std=c++17 -O1 -pthread -c words.cc -o words.o
g++ -pthread words.o -o words
./words
sha256sum words.o
