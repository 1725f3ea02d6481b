// Memory of the module for all of its threads: the C library's allocator is made for one.
#pragma once
#include <cstddef>

namespace splitmask {

// Null where the memory can grow no further.
void* allocateBytes(size_t bytes, size_t alignment);
void freeBytes(void* memory);

}  // namespace splitmask
