// Runs calls of kernels, each once and on one thread, on arrays of its own. bench/instructionCounts.mjs compiles it
// with the kernels of AVX2, writes the rows of kernels.def for those that are called to used.def, and runs it where the
// instructions within `measured` are counted. Standard input has the calls, word by word: the kernel's name and the
// items of its list; its numbers; of each buffer its type (f float32, i int32, b uint8, d float64) and elements, or "-"
// where it is not given; then the same of the items: all numbers, all buffers.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../native/generated/groups.h"

#define BFLOAT16_KERNEL FAST_KERNEL

namespace splitmask {

namespace naive {
#define KERNEL(name, Name, ...) template <class T> void name(const Name<T>& call);
#define FAST_KERNEL(...)
#include "used.def"
#undef FAST_KERNEL
#undef KERNEL
}  // namespace naive

namespace avx2 {
#define KERNEL(...)
#define FAST_KERNEL(name, Name, ...) void name(const Name<float>& call);
#include "used.def"
#undef FAST_KERNEL
#undef KERNEL
}  // namespace avx2

// What is counted: callgrind is told its name.
extern "C" __attribute__((noinline)) void measured(Kernel kernel, const QueuedCall& call) { kernel(call); }

namespace {

struct Entry {
  const char* name;
  Kernel run;
  int buffers, numbers, eachBuffers, eachNumbers;
};

// The version that a device with AVX2 runs.
#define ENTRY(space, name, Name, ...) \
  {#name, [](const QueuedCall& queued) { space::name(Name<float>::of(queued)); }, __VA_ARGS__},
#define KERNEL(name, Name, signature, ...) ENTRY(naive, name, Name, __VA_ARGS__)
#define FAST_KERNEL(name, Name, signature, ...) ENTRY(avx2, name, Name, __VA_ARGS__)
const Entry entries[] = {
#include "used.def"
};
#undef FAST_KERNEL
#undef KERNEL

[[noreturn]] void stop(const char* text) {
  std::fprintf(stderr, "replay: %s\n", text);
  std::exit(1);
}

void* allocate(size_t bytes) {
  void* memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory == nullptr) stop("there is no more memory");
  return memory;
}

// The arrays of a call. They hold what every kernel takes: whole numbers are 0, an index of any array; fractions lie
// between 0.5 and 1.5, positive as variances and norms are, and differ, so that the largest has to be looked for.
class Arrays {
 public:
  ~Arrays() {
    for (void* array : all_) std::free(array);
  }

  void* read() {
    char type;
    long long elements;
    if (std::scanf(" %c", &type) != 1) stop("a buffer is missing");
    if (type == '-') return nullptr;
    if (std::scanf("%lld", &elements) != 1) stop("the elements of a buffer are missing");
    void* array = allocate(elements * (type == 'b' ? 1 : type == 'd' ? 8 : 4));
    all_.push_back(array);
    if (type == 'f') fill(static_cast<float*>(array), elements);
    if (type == 'd') fill(static_cast<double*>(array), elements);
    if (type == 'i') std::memset(array, 0, elements * sizeof(int));
    if (type == 'b') std::memset(array, 100, elements);
    return array;
  }

 private:
  // Copies of one block of fractions: making each by itself would take longer than the kernels do.
  template <class T> static void fill(T* array, long long elements) {
    static T block[4096];
    constexpr long long size = sizeof block / sizeof block[0];
    if (block[0] == 0) {
      unsigned state = 1;
      for (T& fraction : block) {
        state = state * 1664525 + 1013904223;  // Numerical Recipes' generator
        fraction = static_cast<T>(0.5 + (state >> 8) * 0x1p-24);
      }
    }
    for (long long start = 0; start < elements; start += size)
      std::memcpy(array + start, block, std::min(size, elements - start) * sizeof(T));
  }

  std::vector<void*> all_;
};

double readNumber() {
  double number;
  if (std::scanf("%lf", &number) != 1) stop("a number is missing");
  return number;
}

// Scratch memory for all calls, so that none is charged for getting it.
constexpr int64 scratchBytes = 64 << 20;
char* scratchMemory;
int64 blockStart, blockBytes;  // of the call's latest block

void* scratch(const Call&, int, int64 bytes) {
  if (bytes > blockBytes) {
    blockStart += blockBytes;
    blockBytes = (bytes + 63) / 64 * 64;
    if (blockStart + blockBytes > scratchBytes) stop("a kernel asks for more scratch memory than there is");
  }
  return scratchMemory + blockStart;
}

void fail(const Call&, const char* text, double, double) { stop(text); }

}  // namespace

}  // namespace splitmask

int main() {
  using namespace splitmask;
  const Parallel parallel{nullptr, nullptr, 1};
  const CacheSizes caches{32 << 10, 1 << 20, 32 << 20};  // the same on every machine
  scratchMemory = static_cast<char*>(allocate(scratchBytes));
  char name[64];
  int64 items;
  while (std::scanf("%63s %lld", name, &items) == 2) {
    const Entry* entry = nullptr;
    for (const Entry& each : entries)
      if (std::strcmp(each.name, name) == 0) entry = &each;
    if (entry == nullptr) stop(name);
    Arrays arrays;
    std::vector<double> numbers(entry->numbers), eachNumbers(items * entry->eachNumbers);
    std::vector<void*> buffers(entry->buffers), eachBuffers(items * entry->eachBuffers);
    for (double& number : numbers) number = readNumber();
    for (void*& buffer : buffers) buffer = arrays.read();
    for (double& number : eachNumbers) number = readNumber();
    for (void*& buffer : eachBuffers) buffer = arrays.read();
    blockStart = blockBytes = 0;
    measured(entry->run, {{&parallel, scratch, fail, nullptr, &caches},
                          buffers.data(),
                          numbers.data(),
                          items,
                          eachBuffers.data(),
                          eachNumbers.data()});
  }
}
