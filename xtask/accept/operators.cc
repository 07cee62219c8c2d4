// Every form of C++'s new and delete, and what happens when memory is out.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <malloc.h>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <thread>
#include <vector>

static volatile std::size_t too_much = PTRDIFF_MAX;
static int handled;

static bool is_aligned(const void *block, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

// One block of each size: allocated by one form, written, freed by another that may take it.
template <class New, class Delete>
static void pairs(const char *name, std::size_t alignment, New allocate, Delete deallocate) {
    bool good = true;
    for (std::size_t size = 1; size < 300'000; size = size * 3 / 2 + 1) {
        void *block = allocate(size);
        good &= block && is_aligned(block, alignment) && malloc_usable_size(block) >= size;
        std::memset(block, 1, size);
        deallocate(block, size);
    }
    std::printf("%s: %s\n", name, good ? "good" : "BAD");
}

static void plain() {
    pairs("new", 16, [](auto size) { return ::operator new(size); },
          [](void *block, auto) { ::operator delete(block); });
    pairs("new, delete of a size", 16, [](auto size) { return ::operator new(size); },
          [](void *block, auto size) { ::operator delete(block, size); });
    pairs("new[]", 16, [](auto size) { return ::operator new[](size); },
          [](void *block, auto size) { ::operator delete[](block, size); });
    pairs("new that returns null", 16, [](auto size) { return ::operator new(size, std::nothrow); },
          [](void *block, auto) { ::operator delete(block, std::nothrow); });
}

static void aligned() {
    for (std::size_t alignment = 32; alignment <= 1 << 21; alignment *= 4) {
        std::align_val_t align{alignment};
        std::string name = "aligned to " + std::to_string(alignment);
        pairs(name.c_str(), alignment, [=](auto size) { return ::operator new(size, align); },
              [=](void *block, auto size) { ::operator delete(block, size, align); });
        pairs((name + ", may be null").c_str(), alignment,
              [=](auto size) { return ::operator new[](size, align, std::nothrow); },
              [=](void *block, auto) { ::operator delete[](block, align); });
    }
}

template <class Act>
static void expect_bad_alloc(const char *name, Act act) {
    try {
        act();
        std::printf("%s: went through\n", name);
    } catch (const std::bad_alloc &error) {
        std::printf("%s: %s, after %d calls of the handler\n", name, error.what(), handled);
    }
    handled = 0;
}

static void out_of_memory() {
    std::printf("null: %s\n", ::operator new(too_much, std::nothrow) ? "NO" : "yes");
    expect_bad_alloc("new", [] { return ::operator new(too_much); });
    expect_bad_alloc("aligned", [] { return ::operator new(too_much, std::align_val_t{4096}); });
    expect_bad_alloc("vector", [] { return std::vector<char>(too_much).size(); });
    std::set_new_handler([] {
        if (++handled == 3) std::set_new_handler(nullptr);
    });
    expect_bad_alloc("with a handler", [] { return ::operator new(too_much); });
}

struct alignas(256) Wide {
    char bytes[256] = {};
};

static void containers() {
    std::vector<Wide> wide;
    bool good = true;
    for (int i = 0; i < 1000; i++) {
        wide.emplace_back();
        good &= is_aligned(&wide.back(), 256);
    }
    std::pmr::monotonic_buffer_resource monotonic(std::pmr::new_delete_resource());
    std::pmr::vector<std::pmr::string> strings(&monotonic);
    for (int i = 0; i < 10'000; i++) strings.emplace_back(std::string(i % 100, 'x'));
    std::vector<std::shared_ptr<Wide>> shared(1000);
    std::thread([&] {
        for (auto &each : shared) each = std::make_shared<Wide>();
    }).join();
    for (auto &each : shared) good &= is_aligned(each.get(), 256);
    std::printf("containers: %s, %zu strings\n", good ? "good" : "BAD", strings.size());
}

int main() {
    plain();
    aligned();
    out_of_memory();
    containers();
    // Each exception is allocated, and may be freed by another thread.
    std::exception_ptr caught;
    std::thread([&] {
        try {
            throw std::string(1000, 'e');
        } catch (...) {
            caught = std::current_exception();
        }
    }).join();
    try {
        std::rethrow_exception(caught);
    } catch (const std::string &text) {
        std::printf("caught %zu letters\n", text.size());
    }
}
