// What JavaScript calls of a module, which has the memory of one device: src/backends/wasm/wasmModule.ts names the same
// functions. Those of `host` are JavaScript's. A thread is another instance of the module on the same memory.
#include <algorithm>
#include <cstddef>
#include <memory>

#include "../runtime/device_blocks.h"
#include "../runtime/executor.h"
#include "../runtime/xxh64.h"
#include "allocation.h"

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

namespace splitmask {

__attribute__((import_module("host"), import_name("completed"))) void completed();

namespace {

std::unique_ptr<Executor> executor;
DeviceBlocks* blocks;
bool hasThreads;
std::vector<double> words;
std::vector<Completion> completions;  // that JavaScript has not taken yet, the last one first

// Without threads the queue runs here and now.
void proceed() {
  if (!hasThreads) executor->runQueued();
}

void waitForSpace(size_t bytes = 0) {
  while (executor->isFull(bytes)) yieldThread();
}

char* at(double id, double byteOffset) { return blocks->memoryOf(id) + static_cast<int64>(byteOffset); }

}  // namespace

EXPORT(kernelCount) int countKernels() { return kernelCount; }
EXPORT(kernelName) const char* kernelName(int kernel) { return kernelInfos[kernel].name; }
EXPORT(kernelSignature) const char* kernelSignature(int kernel) { return kernelInfos[kernel].signature; }
// How many words the buffers and numbers of a call or of one of its items are.
EXPORT(wordsOfCall) int wordsOfCall(int kernel) {
  return 2 * kernelInfos[kernel].buffers + kernelInfos[kernel].numbers;
}
EXPORT(wordsOfItem) int wordsOfItem(int kernel) {
  return 2 * kernelInfos[kernel].eachBuffers + kernelInfos[kernel].eachNumbers;
}

EXPORT(open)
void open(int threads, bool ownThreads, bool fast, double first, double second, double last) {
  std::vector<Kernel> float32, float64;
  for (int i = 0; i < kernelCount; ++i) {
    const Kernel kernel = fast ? instructionSets[0].kernels[i] : nullptr;
    float32.push_back(kernel != nullptr ? kernel : kernelInfos[i].naiveFloat32);
    float64.push_back(kernelInfos[i].naiveFloat64);
  }
  hasThreads = ownThreads;
  blocks = new DeviceBlocks();
  const auto size = [](double bytes) { return static_cast<int64>(bytes); };
  executor = std::make_unique<Executor>(threads, CacheSizes{size(first), size(second), size(last)}, std::move(float32),
                                        std::move(float64), completed, ownThreads);
}

// What a worker runs, until the host ends it.
EXPORT(runThread) void runThread(std::function<void()>* entry) { (*entry)(); }
// Memory for a worker's stack, or its variables of one thread; 64-byte aligned. 0: there is none left.
EXPORT(allocateMemory) void* allocateMemory(size_t bytes) { return allocateBytes(bytes, 64); }
EXPORT(freeMemory) void freeMemory(void* memory) { freeBytes(memory); }

// Space for the words of a call, at least `count`.
EXPORT(reserveWords) double* reserveWords(size_t count) {
  if (words.size() < count) words.resize(count);
  return words.data();
}
EXPORT(run) void run() {
  waitForSpace();
  blocks->run(*executor, words.data());
  proceed();
}

// −1: there is no memory left.
EXPORT(allocate) double allocate(double bytes) {
  size_t id = 0;
  return blocks->allocate(*executor, static_cast<size_t>(bytes), id) ? static_cast<double>(id) : -1;
}
EXPORT(release) void release(double id) { blocks->release(static_cast<size_t>(id)); }
// Memory that is not the pool's, for JavaScript to write into before the next call reads it; −1: there is none left.
EXPORT(allocateOutside) double allocateOutside(size_t bytes) {
  void* memory = allocateBytes(bytes, 64);
  return memory == nullptr ? -1 : static_cast<double>(blocks->add({memory, bytes}));
}
EXPORT(releaseOutside) void releaseOutside(double id) {
  executor->release(std::shared_ptr<void>(at(id, 0), freeBytes));
  blocks->remove(static_cast<size_t>(id));
  proceed();
}
EXPORT(addressOf) void* addressOf(double id) { return at(id, 0); }
EXPORT(checksum) uint64_t checksum(const char* bytes, size_t count) { return Xxh64::of(bytes, count); }
// live, peak of live and cached bytes, and live blocks.
EXPORT(memoryState) const double* memoryState() {
  static double state[4];
  const MemoryPool& pool = blocks->pool;
  state[0] = static_cast<double>(pool.liveBytes);
  state[1] = static_cast<double>(pool.peakLiveBytes);
  state[2] = static_cast<double>(pool.cachedBytes);
  state[3] = static_cast<double>(pool.liveBlocks);
  return state;
}
EXPORT(releaseCache) void releaseCache() {
  executor->returnToSystem(blocks->pool.drain());
  proceed();
}

// Where JavaScript writes the bytes of an upload, before endUpload. Null: there is no memory left.
EXPORT(beginUpload) void* beginUpload(double id, double byteOffset, size_t bytes) {
  waitForSpace(bytes);
  return executor->uploadsNow() ? at(id, byteOffset) : allocateBytes(bytes, alignof(std::max_align_t));
}
EXPORT(endUpload) void endUpload(double id, double byteOffset, void* written, size_t bytes) {
  if (written != at(id, byteOffset)) executor->uploadStaged(at(id, byteOffset), written, bytes);
  proceed();
}
// Copies into `destination` when the queue gets there.
EXPORT(download) void download(double id, double byteOffset, void* destination, size_t bytes, uint32_t ticket) {
  waitForSpace();
  executor->download(destination, at(id, byteOffset), bytes, ticket);
  proceed();
}
EXPORT(synchronize) void synchronize(uint32_t ticket) {
  waitForSpace();
  executor->synchronize(ticket);
  proceed();
}
EXPORT(startProfile) void startProfile(int simulatedThreads) {
  waitForSpace();
  executor->startProfile(simulatedThreads);
  proceed();
}
EXPORT(stopProfile) void stopProfile(uint32_t ticket) {
  waitForSpace();
  executor->stopProfile(ticket);
  proceed();
}

// What has completed next: ticket, address and bytes of its error, address and length of its profile; null: nothing.
EXPORT(takeCompletion) const uint32_t* takeCompletion() {
  static Completion current;
  static uint32_t fields[5];
  if (completions.empty()) {
    completions = executor->takeCompletions();
    std::reverse(completions.begin(), completions.end());
  }
  if (completions.empty()) return nullptr;
  current = std::move(completions.back());
  completions.pop_back();
  fields[0] = current.ticket;
  fields[1] = reinterpret_cast<uint32_t>(current.error.data());
  fields[2] = current.error.size();
  fields[3] = reinterpret_cast<uint32_t>(current.profile.data());
  fields[4] = current.profile.size();
  return fields;
}

}  // namespace splitmask
