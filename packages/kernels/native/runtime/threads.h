// Threads, locks and waiting: those of the C++ library, or of ../wasm/threads.h in WebAssembly, where it has none.
#pragma once
#if defined(__wasm__)
#include "../wasm/threads.h"
#else
#include <condition_variable>
#include <mutex>
#include <thread>

namespace splitmask {

using Mutex = std::mutex;
using Lock = std::unique_lock<Mutex>;
using Condition = std::condition_variable;
using Thread = std::thread;

// Lets another thread have the core.
inline void yieldThread() { std::this_thread::yield(); }

// Tells the core that this is a spin loop.
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace splitmask
#endif
