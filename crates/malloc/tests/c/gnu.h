/* What the GNU C library's header declares, for a C library whose header doesn't: the functions are ours. */
#ifndef GNU_H
#define GNU_H

#include <stddef.h>
#include <stdio.h>

#define M_TRIM_THRESHOLD (-1)
#define M_MMAP_THRESHOLD (-3)

struct mallinfo {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

void *pvalloc(size_t size);
int mallopt(int parameter, int value);
int malloc_trim(size_t kept);
int malloc_info(int options, FILE *stream);
void malloc_stats(void);
struct mallinfo mallinfo(void);
struct mallinfo2 mallinfo2(void);

#endif
