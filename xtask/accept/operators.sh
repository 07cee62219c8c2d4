# C++: every form of new and delete, with libstdc++ in its library and in the program
# needs: g++=g++
g++ -std=c++17 -O1 -Wall -pthread "$HERE/operators.cc" -o shared
./shared
g++ -std=c++17 -O1 -pthread -static-libstdc++ -static-libgcc "$HERE/operators.cc" -o static
./static
