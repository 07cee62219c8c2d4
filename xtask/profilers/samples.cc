// Writes tcmalloc's samples of what is live as the process ends, to the file that SAMPLES names. tcmalloc has a function
// for that, and no variable.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gperftools/malloc_extension.h>

__attribute__((destructor)) static void write_samples() {
    const char *path = std::getenv("SAMPLES");
    FILE *file = path == nullptr ? nullptr : std::fopen(path, "w");
    if (file == nullptr) return;
    std::string samples;
    MallocExtension::instance()->GetHeapSample(&samples);
    std::fwrite(samples.data(), 1, samples.size(), file);
    std::fclose(file);
}
