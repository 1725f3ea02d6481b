#include "memory_pool.h"

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>

namespace splitmask {

static constexpr size_t alignment = 64;
static constexpr size_t hugePage = size_t{2} << 20;

// From here on blocks are mapped by themselves, so that they go back to the system whole.
static constexpr size_t mapFrom = size_t{1} << 20;

// The cache is never called stale below this size.
static constexpr size_t worthKeeping = size_t{64} << 20;

MemoryPool::~MemoryPool() {
  for (Block block : drain()) returnToSystem(block);
}

size_t MemoryPool::classOf(size_t bytes) {
  if (bytes <= 8 * alignment) return bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
  const size_t step = (size_t{1} << (63 - __builtin_clzll(bytes - 1))) / 8;  // eight classes between powers of two
  return (bytes + step - 1) / step * step;
}

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
    if (start + mapped > aligned + bytes) munmap(reinterpret_cast<void*>(aligned + bytes), start + mapped - aligned - bytes);
    madvise(reinterpret_cast<void*>(aligned), bytes, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(aligned);
  }
#endif
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

Block MemoryPool::fromSystem(size_t bytes) {
  const size_t whole = classOf(bytes);
  return {map(whole), whole};
}

void MemoryPool::returnToSystem(Block block) {
  if (block.bytes < mapFrom) std::free(block.memory);
  else munmap(block.memory, block.bytes);
}

Block MemoryPool::take(size_t bytes) {
  Block block{nullptr, classOf(bytes)};
  auto found = free_.find(block.bytes);
  if (found != free_.end() && !found->second.empty()) {
    block.memory = found->second.back();
    found->second.pop_back();
    cachedBytes -= block.bytes;
  } else {
    block = fromSystem(bytes);
    if (block.memory == nullptr) return block;
  }
  liveBytes += block.bytes;
  liveBlocks += 1;
  if (liveBytes > peakLiveBytes) peakLiveBytes = liveBytes;
  return block;
}

void MemoryPool::giveBack(Block block) {
  liveBytes -= block.bytes;
  liveBlocks -= 1;
  cachedBytes += block.bytes;
  free_[block.bytes].push_back(block.memory);
}

bool MemoryPool::isStale(size_t bytes) const {
  if (cachedBytes < peakLiveBytes || cachedBytes < worthKeeping) return false;
  const auto found = free_.find(classOf(bytes));
  return found == free_.end() || found->second.empty();
}

std::vector<Block> MemoryPool::drain() {
  std::vector<Block> blocks;
  for (auto& [bytes, memory] : free_)
    for (void* each : memory) blocks.push_back({each, bytes});
  free_.clear();
  cachedBytes = 0;
  return blocks;
}

}  // namespace splitmask
