/* What is freed isn't the start of a block. */
#include "cases.h"

static char in_data[256] = "x";
static _Thread_local char in_thread_data[256];
static char *volatile start;

/* Frees an address; blocks of `size` bytes are probed. */
static void wrong(char *address, size_t size) {
    start = address;
    free(start);
    done();
    probe(size);
}

static void inside(void) { wrong(block(100) + 16, 100); }
static void inside_a_page(void) { wrong(block(4000) + 16, 4000); }
static void half(void) { wrong(block(512) + 256, 512); }
static void last_words(void) { wrong(block(1024) + 1008, 1024); }
static void odd(void) { wrong(block(100) + 1, 100); }
static void off_by_a_word(void) { wrong(block(100) + 8, 100); }
static void inside_large(void) { wrong(block(1 << 20) + 64, 1 << 20); }
static void page_of_large(void) { wrong(block(1 << 20) + 4096, 1 << 20); }
static void before(void) { wrong(block(100) - 16, 100); }
static void before_large(void) { wrong(block(1 << 20) - 4096, 1 << 20); }
static void past_the_end(void) { wrong(block(112) + 112, 112); }
static void page_past(void) { wrong(block(8) + 4096, 8); }
static void stack(void) {
    char on_stack[256] = "x";
    wrong(on_stack + 32, 100);
}
static void data(void) { wrong(in_data + 32, 100); }
static void data_of_thread(void) { wrong(in_thread_data + 32, 100); }
static void literal(void) { wrong("a string that nobody allocated", 100); }
static void code(void) { wrong((char *)wrong, 100); }
static void environment(void) { wrong(getenv("PATH"), 100); }
static void low(void) { wrong((char *)16, 100); }
static void wild(void) { wrong((char *)0x1234567890abcde0, 100); }
static void surroundings(void) {
    wrong((char *)((uintptr_t)block(100) & ~(((uintptr_t)1 << 36) - 1)) + 64, 100);
}

static void inside_huge(void) {
    char *huge = malloc((size_t)5 << 30);
    if (huge == NULL) {
        not_there();
    }
    wrong(huge + 4096, 100);
}

static void mapping(void) {
    wrong(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 100);
}

static void inside_a_mapping(void) {
    char *mapping =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    wrong(mapping + 128, 100);
}

static void resized_inside(void) {
    start = block(200);
    start = realloc(start + 16, 2000);
    done();
    probe(200);
}

static void resized_stack(void) {
    char on_stack[256] = "x";
    start = realloc(on_stack + 32, 2000);
    done();
    probe(100);
}

static void free_inside(void) {
    free(start + 16);
    done();
}

static void inside_of_another_thread(void) {
    start = block(100);
    in_thread(free_inside);
    probe(100);
}

CASES({"inside", inside},
      {"inside-a-page", inside_a_page},
      {"half", half},
      {"last-words", last_words},
      {"odd", odd},
      {"off-by-a-word", off_by_a_word},
      {"inside-large", inside_large},
      {"page-of-large", page_of_large},
      {"inside-huge", inside_huge},
      {"before", before},
      {"before-large", before_large},
      {"past-the-end", past_the_end},
      {"page-past", page_past},
      {"stack", stack},
      {"data", data},
      {"data-of-thread", data_of_thread},
      {"literal", literal},
      {"code", code},
      {"environment", environment},
      {"low", low},
      {"wild", wild},
      {"surroundings", surroundings},
      {"mapping", mapping},
      {"inside-a-mapping", inside_a_mapping},
      {"resized-inside", resized_inside},
      {"resized-stack", resized_stack},
      {"inside-of-another-thread", inside_of_another_thread})
