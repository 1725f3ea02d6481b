// The caching pool of device memory, 64-byte aligned. Small blocks come in size classes. Large ones are cut from
// segments by best fit, and what is given back grows together with its free neighbors: memory that was used under one
// size serves any other. Used by one thread (JavaScript's).
#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace splitmask {

struct Block {
  void* memory = nullptr;
  size_t bytes = 0;
};

class MemoryPool {
 public:
  ~MemoryPool();
  // What a request takes: a large one whole pages, a small one its class, at most an eighth larger and at least 64
  // bytes.
  static size_t sizeOf(size_t bytes);
  // A block of sizeOf(bytes); memory is null when the system has none left.
  Block take(size_t bytes);
  void giveBack(Block block);
  // Whether take(bytes) would ask the system although more is cached than was ever live: then the cache holds sizes
  // that are not used any more.
  bool isStale(size_t bytes) const;
  // Takes what is free out of the cache, but for parts of segments that hold live blocks; the caller returns the blocks
  // to the system (when the queue has passed every use of them).
  std::vector<Block> drain();
  // Straight from and to the system, past the cache.
  static Block fromSystem(size_t bytes);
  static void returnToSystem(Block block);

  size_t liveBytes = 0, peakLiveBytes = 0, cachedBytes = 0, liveBlocks = 0;

 private:
  Block cut(size_t bytes);
  void insertFree(char* start, size_t bytes);
  void eraseFree(char* start, size_t bytes);

  std::unordered_map<size_t, std::vector<void*>> small_;  // free blocks by class
  std::map<char*, size_t> segments_;                      // start → bytes
  std::map<char*, size_t> free_;                   // free ranges of the segments, never two side by side in one segment
  std::set<std::pair<size_t, char*>> freeBySize_;  // the same ranges
};

}  // namespace splitmask
