# clang: a C++ file of templates and containers, to the same object
# needs: clang++=clang
# used: asked
cat >templates.cc <<'CC'
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>
template <int N> struct Tree { Tree<N - 1> left, right; int value = N; };
template <> struct Tree<0> { int value = 0; };
int main() {
    std::map<std::string, std::vector<int>> lists;
    for (int i = 0; i < 20000; i++) lists[std::to_string(i % 97)].push_back(i);
    for (auto &[name, list] : lists) std::reverse(list.begin(), list.end());
    std::cout << lists.size() << ' ' << lists["13"].front() << ' ' << sizeof(Tree<8>) << '\n';
}
CC
clang++ -std=c++17 -O2 -c templates.cc -o templates.o
clang++ templates.o -o templates
./templates
sha256sum templates.o
