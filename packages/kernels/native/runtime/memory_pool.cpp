#include "memory_pool.h"

#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#elif !defined(__wasm__)
#include <sys/mman.h>
#endif
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <new>

namespace splitmask {

static constexpr size_t alignment = 64;
static constexpr size_t hugePage = size_t{2} << 20;

// From here on a block is large.
static constexpr size_t mapFrom = size_t{1} << 20;

static constexpr size_t page = 4096;

// Only what is touched of a segment takes memory.
static constexpr size_t segmentSize = size_t{64} << 20;

// The cache is never called stale below this size.
static constexpr size_t worthKeeping = size_t{64} << 20;

MemoryPool::~MemoryPool() {
  for (Block block : drain()) returnToSystem(block);
}

static size_t roundUp(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

size_t MemoryPool::sizeOf(size_t bytes) {
  if (bytes >= mapFrom) return roundUp(bytes, page);
  if (bytes <= 8 * alignment) return bytes == 0 ? alignment : roundUp(bytes, alignment);
  const size_t step = (size_t{1} << (63 - __builtin_clzll(bytes - 1))) / 8;  // eight classes between powers of two
  return roundUp(bytes, step);
}

#if defined(_WIN32)

// Not in large pages: Windows gives them only to users with a privilege that nobody has by default.
static void* map(size_t bytes) {
  if (bytes < mapFrom) return _aligned_malloc(bytes, alignment);
  return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

static void unmap(Block block) {
  if (block.bytes < mapFrom)
    _aligned_free(block.memory);
  else
    VirtualFree(block.memory, 0, MEM_RELEASE);
}

#elif defined(__wasm__)

static void* map(size_t bytes) { return ::operator new(bytes, std::align_val_t{alignment}, std::nothrow); }

static void unmap(Block block) { ::operator delete(block.memory, std::align_val_t{alignment}); }

#else

static void* map(size_t bytes) {
  if (bytes < mapFrom) {
    void* memory = nullptr;
    return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
  }
#ifdef MADV_HUGEPAGE
  if (bytes >= hugePage) {
    // Map a huge page more than asked and cut both ends, so that the block starts on a huge page.
    const size_t mapped = bytes + hugePage;
    void* raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    const uintptr_t start = reinterpret_cast<uintptr_t>(raw);
    const uintptr_t aligned = (start + hugePage - 1) / hugePage * hugePage;
    if (aligned > start) munmap(raw, aligned - start);
    if (start + mapped > aligned + bytes)
      munmap(reinterpret_cast<void*>(aligned + bytes), start + mapped - aligned - bytes);
    madvise(reinterpret_cast<void*>(aligned), bytes, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(aligned);
  }
#endif
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

static void unmap(Block block) {
  if (block.bytes < mapFrom)
    std::free(block.memory);
  else
    munmap(block.memory, block.bytes);
}

#endif

Block MemoryPool::fromSystem(size_t bytes) {
  const size_t whole = sizeOf(bytes);
  return {map(whole), whole};
}

void MemoryPool::returnToSystem(Block block) { unmap(block); }

Block MemoryPool::take(size_t bytes) {
  const size_t size = sizeOf(bytes);
  Block block{nullptr, size};
  const auto kept = small_.find(size);
  if (size >= mapFrom) {
    block = cut(size);
  } else if (kept == small_.end() || kept->second.empty()) {
    block.memory = map(size);
  } else {
    block.memory = kept->second.back();
    kept->second.pop_back();
    cachedBytes -= size;
  }
  if (block.memory == nullptr) return block;
  liveBytes += size;
  liveBlocks += 1;
  if (liveBytes > peakLiveBytes) peakLiveBytes = liveBytes;
  return block;
}

// The start of the smallest free range that is large enough, or of a new segment.
Block MemoryPool::cut(size_t bytes) {
  auto found = freeBySize_.lower_bound({bytes, nullptr});
  if (found == freeBySize_.end()) {
    const size_t whole = roundUp(bytes > segmentSize ? bytes : segmentSize, hugePage);
    char* start = static_cast<char*>(map(whole));
    if (start == nullptr) return {nullptr, bytes};
    segments_.emplace(start, whole);
    insertFree(start, whole);
    found = freeBySize_.find({whole, start});
  }
  const auto [size, start] = *found;
  eraseFree(start, size);
  if (size > bytes) insertFree(start + bytes, size - bytes);
  return {start, bytes};
}

void MemoryPool::insertFree(char* start, size_t bytes) {
  free_.emplace(start, bytes);
  freeBySize_.emplace(bytes, start);
  cachedBytes += bytes;
}

void MemoryPool::eraseFree(char* start, size_t bytes) {
  free_.erase(start);
  freeBySize_.erase({bytes, start});
  cachedBytes -= bytes;
}

void MemoryPool::giveBack(Block block) {
  liveBytes -= block.bytes;
  liveBlocks -= 1;
  if (block.bytes < mapFrom) {
    small_[block.bytes].push_back(block.memory);
    cachedBytes += block.bytes;
    return;
  }
  char* start = static_cast<char*>(block.memory);
  size_t bytes = block.bytes;
  const auto segment = std::prev(segments_.upper_bound(start));
  const auto after = free_.find(start + bytes);
  if (after != free_.end() && after->first < segment->first + segment->second) {
    const size_t more = after->second;
    eraseFree(start + bytes, more);
    bytes += more;
  }
  const auto next = free_.lower_bound(start);
  if (next != free_.begin()) {
    const auto [before, size] = *std::prev(next);
    if (before >= segment->first && before + size == start) {
      eraseFree(before, size);
      start = before;
      bytes += size;
    }
  }
  insertFree(start, bytes);
}

bool MemoryPool::isStale(size_t bytes) const {
  if (cachedBytes < peakLiveBytes || cachedBytes < worthKeeping) return false;
  const size_t size = sizeOf(bytes);
  if (size >= mapFrom) return freeBySize_.lower_bound({size, nullptr}) == freeBySize_.end();
  const auto found = small_.find(size);
  return found == small_.end() || found->second.empty();
}

std::vector<Block> MemoryPool::drain() {
  std::vector<Block> blocks;
  for (auto& [bytes, memory] : small_)
    for (void* each : memory) {
      blocks.push_back({each, bytes});
      cachedBytes -= bytes;
    }
  small_.clear();
  for (auto segment = segments_.begin(); segment != segments_.end();) {
    const auto [start, bytes] = *segment;
    const auto range = free_.find(start);
    if (range == free_.end() || range->second != bytes) {
      ++segment;
      continue;
    }
    eraseFree(start, bytes);
    blocks.push_back({start, bytes});
    segment = segments_.erase(segment);
  }
  return blocks;
}

}  // namespace splitmask
