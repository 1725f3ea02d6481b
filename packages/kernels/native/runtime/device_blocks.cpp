#include "device_blocks.h"

namespace splitmask {

bool DeviceBlocks::allocate(Executor& queue, size_t bytes, size_t& id) {
  if (pool.isStale(bytes)) queue.returnToSystem(pool.drain());
  Block block = pool.take(bytes);
  if (block.memory == nullptr && pool.cachedBytes > 0) {
    queue.returnToSystem(pool.drain());
    while (queue.pending() > 0) yieldThread();
    block = pool.take(bytes);
  }
  if (block.memory == nullptr) return false;
  id = add(block);
  return true;
}

size_t DeviceBlocks::add(Block block) {
  size_t id = blocks_.size();
  if (freeIds_.empty()) {
    blocks_.push_back(block);
  } else {
    id = freeIds_.back();
    freeIds_.pop_back();
    blocks_[id] = block;
  }
  return id;
}

void DeviceBlocks::release(size_t id) {
  pool.giveBack(blocks_[id]);
  remove(id);
}

void DeviceBlocks::remove(size_t id) {
  blocks_[id] = Block{};
  freeIds_.push_back(id);
}

void DeviceBlocks::run(Executor& queue, const double* word) {
  const int kernel = static_cast<int>(*word++);
  const bool float64 = *word++ != 0;
  const int64 eachCount = static_cast<int64>(*word++);
  const KernelInfo& info = kernelInfos[kernel];
  const auto readBuffers = [&](std::vector<void*>& list, int64 count) {
    list.clear();
    for (int64 i = 0; i < count; ++i, word += 2)
      list.push_back(word[0] < 0 ? nullptr : memoryOf(word[0]) + static_cast<int64>(word[1]));
  };
  readBuffers(buffers_, info.buffers);
  numbers_.assign(word, word + info.numbers);
  word += info.numbers;
  readBuffers(eachBuffers_, eachCount * info.eachBuffers);
  eachNumbers_.assign(word, word + eachCount * info.eachNumbers);
  word += eachCount * info.eachNumbers;
  const int64 checkCount = static_cast<int64>(*word++);
  checks_.clear();
  for (int64 i = 0; i < checkCount; ++i, word += 6)
    checks_.push_back({memoryOf(word[0]) + static_cast<int64>(word[1]), static_cast<int64>(word[2]),
                       static_cast<int64>(word[3]), static_cast<int64>(word[4]), static_cast<int64>(word[5])});
  queue.enqueueKernel(kernel, float64, eachCount, buffers_, numbers_, eachBuffers_, eachNumbers_, checks_);
}

}  // namespace splitmask
