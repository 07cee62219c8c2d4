// Memory of one size taken up to a peak and given up, then of another size, many times over: what was given up
// must not weigh on what is asked for. Arguments: megabytes at the peak, rounds, the random seed.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments) {
    if (count != 4) return 2;
    size_t peak = (size_t)atoi(arguments[1]) << 20;
    unsigned state = (unsigned)atoi(arguments[3]);
    int rounds = atoi(arguments[2]);
    for (int round = 0; round < rounds; round++) {
        state = state * 1103515245u + 12345u;
        size_t size = (size_t)24 << (state >> 16) % 14, blocks = peak / size;
        char **held = malloc(blocks * sizeof *held);
        if (!held) return 1;
        for (size_t i = 0; i < blocks; i++) {
            held[i] = malloc(size);
            if (!held[i]) return 1;
            memset(held[i], (int)(i & 127), size);
        }
        for (size_t i = 0; i < blocks; i++) {
            if (held[i][0] != (char)(i & 127) || held[i][size - 1] != (char)(i & 127)) return 1;
            free(held[i]);
        }
        free(held);
    }
    puts("every byte was what was written");
    return 0;
}
