/* stratalloc.h: what libstratalloc offers beyond the C library's own malloc functions, which are
 * declared in <stdlib.h> and <malloc.h>.
 *
 * Every function may be called from any thread. SPDX-License-Identifier: Apache-2.0 OR MIT */
#ifndef STRATALLOC_H
#define STRATALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "MAJOR.MINOR.PATCH". Declared weak by a program that runs with and without
 * the library, its address tells which it is. */
const char *stratalloc_version(void);

/* Gives back to the system all memory that serves nothing; how many bytes that were at most. Takes
 * time in proportion to all memory held: for quiet moments. */
size_t stratalloc_trim(void);

/* C23's functions, which older headers don't declare. */
#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);
#endif

#ifdef __cplusplus
}
#endif

#endif
