/* The sized forms of C++'s `operator delete`, by the names that they have for the linker. With `REPLACED`, the program has
   forms of its own for `new` and plain `delete`, whose blocks aren't those of `malloc`. */
#include "check.h"

void *_Znwm(size_t size);
void *_Znam(size_t size);
void *_ZnwmSt11align_val_t(size_t size, size_t alignment);
void *_ZnamSt11align_val_t(size_t size, size_t alignment);
void _ZdlPvm(void *block, size_t size);
void _ZdaPvm(void *block, size_t size);
void _ZdlPvmSt11align_val_t(void *block, size_t size, size_t alignment);
void _ZdaPvmSt11align_val_t(void *block, size_t size, size_t alignment);

#ifdef REPLACED
#define HEAD 32

static int news, deletes;

void *_Znwm(size_t size) {
    news++;
    return (char *)malloc(HEAD + size) + HEAD;
}

void _ZdlPv(void *block) {
    deletes++;
    free((char *)block - HEAD);
}

int main(void) {
    CHECK_OURS();
    /* The size is none of ours to compare: what is said is what was asked of the program's own form. */
    _ZdlPvm(_Znwm(100), 100);
    /* The C++ library's array forms call the program's. */
    _ZdaPvm(_Znam(100), 100);
    CHECK(news == 2 && deletes == 2);
    return 0;
}
#else
int main(int count, char **arguments) {
    CHECK_OURS();
    if (count == 2 && strcmp(arguments[1], "wrong") == 0) {
        _ZdlPvm(_Znwm(100), 50);
    } else if (count == 2 && strcmp(arguments[1], "wrong-array") == 0) {
        _ZdaPvm(_Znam(100), 101);
    } else if (count == 2 && strcmp(arguments[1], "wrong-aligned") == 0) {
        _ZdlPvmSt11align_val_t(_ZnwmSt11align_val_t(64, 64), 128, 64);
    } else if (count == 2 && strcmp(arguments[1], "wrong-alignment") == 0) {
        _ZdaPvmSt11align_val_t(_ZnamSt11align_val_t(64, 64), 64, 4096);
    }
    for (size_t size = 0; size < 3000; size += 7) {
        _ZdlPvm(_Znwm(size), size);
        _ZdaPvm(_Znam(size), size);
        _ZdlPvmSt11align_val_t(_ZnwmSt11align_val_t(size, 128), size, 128);
        _ZdaPvmSt11align_val_t(_ZnamSt11align_val_t(size, 64), size, 64);
    }
    _ZdlPvm(_Znwm(1 << 20), 1 << 20);
    _ZdlPvm(NULL, 100);
    _ZdlPvmSt11align_val_t(NULL, 100, 64);
    return 0;
}
#endif
