#include "allocation.h"

#include <cstdlib>
#include <new>

#include "threads.h"

namespace splitmask {

static Mutex mutex;

void* allocateBytes(size_t bytes, size_t alignment) {
  Lock lock(mutex);
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, bytes == 0 ? 1 : bytes) == 0 ? memory : nullptr;
}

void freeBytes(void* memory) {
  Lock lock(mutex);
  std::free(memory);
}

// The module has no exceptions: who does not ask for null cannot go on without memory.
static void* allocateOrEnd(size_t bytes, size_t alignment) {
  void* memory = allocateBytes(bytes, alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace splitmask

using splitmask::allocateBytes;
using splitmask::allocateOrEnd;
using splitmask::freeBytes;

constexpr size_t usual = alignof(std::max_align_t);

void* operator new(size_t bytes) { return allocateOrEnd(bytes, usual); }
void* operator new[](size_t bytes) { return allocateOrEnd(bytes, usual); }
void* operator new(size_t bytes, std::align_val_t alignment) { return allocateOrEnd(bytes, size_t(alignment)); }
void* operator new[](size_t bytes, std::align_val_t alignment) { return allocateOrEnd(bytes, size_t(alignment)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return allocateBytes(bytes, usual); }
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocateBytes(bytes, size_t(alignment));
}
void operator delete(void* memory) noexcept { freeBytes(memory); }
void operator delete[](void* memory) noexcept { freeBytes(memory); }
void operator delete(void* memory, size_t) noexcept { freeBytes(memory); }
void operator delete[](void* memory, size_t) noexcept { freeBytes(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { freeBytes(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { freeBytes(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { freeBytes(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { freeBytes(memory); }
