// What a kernel sees of one queued call. No standard library here: this header is compiled once per instruction set.
#pragma once

namespace splitmask {

using int64 = long long;

// Splits [0, tasks) over the pool's threads; runs body(context, task) for each. Tasks must not depend on each other, and what a task
// computes must depend on its index only, never on the thread that runs it: results are the same for any thread count.
struct Parallel {
  void (*run)(void* pool, int64 tasks, void (*body)(void* context, int64 task, int thread), void* context);
  void* pool;
  int threads;
};

// Arguments in the order of kernelTable.ts: buffers, then numbers; for kernels with `each`, `eachCount` items follow.
struct Call {
  void* const* buffers;       // null where an optional buffer was not given
  const double* numbers;
  int64 eachCount;
  void* const* eachBuffers;   // item i's buffers start at eachBuffers[i * eachBufferStride]
  const double* eachNumbers;  // likewise with eachNumberStride
  int eachBufferStride;
  int eachNumberStride;
  const Parallel* parallel;
  // Scratch memory of `bytes` for one thread of this call (0 ≤ thread < threads), 64-byte aligned, undefined content, valid until the call ends.
  // One block per (thread): asking again for no more bytes gives the same block, for more a new one (the old stays valid until the call ends).
  void* (*scratch)(const Call& call, int thread, int64 bytes);
  // Reports what can only be seen on the device; the text (kernel's words: what was found, what was expected; {given} and
  // {expected} in it stand for the numbers) reaches the next await with the kernel's name in front. The first one wins; a kernel that fails writes nothing out of range.
  void (*fail)(const Call& call, const char* text, double given, double expected);
  void* device;

  template <class T> T* buffer(int index) const { return static_cast<T*>(buffers[index]); }
  int64 integer(int index) const { return static_cast<int64>(numbers[index]); }
  double number(int index) const { return numbers[index]; }
};

using Kernel = void (*)(const Call& call);

}  // namespace splitmask
