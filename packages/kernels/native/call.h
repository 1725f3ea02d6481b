// What every kernel is called with besides its own arguments: threads, scratch memory, and a way to fail. The structs
// of named arguments in generated/ are Calls. No standard library here: this header is compiled once per instruction
// set.
#pragma once

namespace splitmask {

using int64 = long long;

// Splits [0, tasks) over the pool's threads; runs body(context, task) for each. Tasks must not depend on each other,
// and what a task computes must depend on its index only, never on the thread that runs it: results are the same for
// any thread count.
struct Parallel {
  void (*run)(void* pool, int64 tasks, void (*body)(void* context, int64 task, int thread), void* context);
  void* pool;
  int threads;
};

// Sizes of the caches in bytes; for a level that cores share, one core's share. Blocks may be cut by them where results
// do not depend on the cut.
struct CacheSizes {
  int64 first, second, last;
};

struct Call {
  const Parallel* parallel;
  // Scratch memory of `bytes` for one thread of this call (0 ≤ thread < threads), 64-byte aligned, undefined content,
  // valid until the call ends. One block per (thread): asking again for no more bytes gives the same block, for more a
  // new one (the old stays valid until the call ends).
  void* (*scratch)(const Call& call, int thread, int64 bytes);
  // Reports what can only be seen on the device; the text (kernel's words: what was found, what was expected; {given}
  // and {expected} in it stand for the numbers) reaches the next await with the kernel's name in front. The first one
  // wins; a kernel that fails writes nothing out of range.
  void (*fail)(const Call& call, const char* text, double given, double expected);
  void* device;
  const CacheSizes* caches;
};

}  // namespace splitmask
