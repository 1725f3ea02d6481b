// The caching pool of device memory: blocks of size classes, 64-byte aligned, kept when they are given back. Used by one thread (JavaScript's).
#pragma once
#include <cstddef>
#include <unordered_map>
#include <vector>

namespace splitmask {

struct Block {
  void* memory = nullptr;
  size_t bytes = 0;
};

class MemoryPool {
 public:
  ~MemoryPool();
  // The class that a request is served from: at most an eighth larger, and at least 64 bytes.
  static size_t classOf(size_t bytes);
  // A block of class classOf(bytes), from the cache where there is one; memory is null when the system has none left.
  Block take(size_t bytes);
  void giveBack(Block block);
  // Whether take(bytes) would ask the system although more is cached than was ever live: then the cache holds sizes that are not used any more.
  bool isStale(size_t bytes) const;
  // Empties the cache; the caller returns the blocks to the system (when the queue has passed every use of them).
  std::vector<Block> drain();
  // Straight from and to the system, past the cache.
  static Block fromSystem(size_t bytes);
  static void returnToSystem(Block block);

  size_t liveBytes = 0, peakLiveBytes = 0, cachedBytes = 0, liveBlocks = 0;

 private:
  std::unordered_map<size_t, std::vector<void*>> free_;
};

}  // namespace splitmask
