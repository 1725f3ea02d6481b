// The blocks of one device's memory by their ids, and calls on them. Used by one thread (JavaScript's).
#pragma once
#include <cstddef>
#include <vector>

#include "executor.h"
#include "memory_pool.h"

namespace splitmask {

class DeviceBlocks {
 public:
  // The id of a block of at least `bytes` bytes; false where the system has no memory left.
  bool allocate(Executor& queue, size_t bytes, size_t& id);
  // The id of memory that is not the pool's.
  size_t add(Block block);
  // The id may be handed out again; remove leaves the memory alone.
  void release(size_t id);
  void remove(size_t id);
  char* memoryOf(double id) const { return static_cast<char*>(blocks_[static_cast<size_t>(id)].memory); }
  // Enqueues the call that the words describe: kernel, float64?, items, [id, byteOffset] a buffer (id −1: null),
  // numbers, the items' buffers, then the items' numbers, then the count of checks and for each [id, byteOffset, rows,
  // columns, leading, bytes of an element].
  void run(Executor& queue, const double* words);
  // All of them; `isPools(id)` says which are the pool's.
  template <class IsPools> void releaseAll(const IsPools& isPools) {
    for (size_t id = 0; id < blocks_.size(); ++id)
      if (blocks_[id].memory != nullptr && isPools(id)) pool.giveBack(blocks_[id]);
    blocks_.clear();
  }

  MemoryPool pool;

 private:
  std::vector<Block> blocks_;
  std::vector<size_t> freeIds_;
  std::vector<void*> buffers_, eachBuffers_;
  std::vector<double> numbers_, eachNumbers_;
  std::vector<Executor::Check> checks_;
};

}  // namespace splitmask
