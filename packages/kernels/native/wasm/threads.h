// Threads of WebAssembly: workers that the host starts, and locks on shared memory. The thread that calls the functions
// of host.cpp never waits here, because a browser's main thread may not.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

namespace splitmask {

// The host starts a worker that calls runThread(entry); it may begin later than this returns.
__attribute__((import_module("host"), import_name("startThread"))) void startThread(std::function<void()>* entry);

// Lets another thread have the core; a browser's main thread goes on at once.
__attribute__((import_module("host"), import_name("yieldThread"))) void yieldThread();

inline void pause() {}

// Held for less than a microsecond everywhere, so whoever finds it taken spins.
class Mutex {
 public:
  bool try_lock() { return !taken_.exchange(true, std::memory_order_acquire); }
  void lock() {
    while (!try_lock()) pause();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

class Lock {
 public:
  Lock() = default;
  explicit Lock(Mutex& mutex) : mutex_(&mutex), owns_(true) { mutex.lock(); }
  Lock(Mutex& mutex, std::defer_lock_t) : mutex_(&mutex) {}
  Lock(Lock&& other) noexcept : mutex_(other.mutex_), owns_(std::exchange(other.owns_, false)) {}
  Lock& operator=(Lock&& other) noexcept {
    if (owns_) unlock();
    mutex_ = other.mutex_;
    owns_ = std::exchange(other.owns_, false);
    return *this;
  }
  ~Lock() {
    if (owns_) unlock();
  }
  bool try_lock() { return owns_ = mutex_->try_lock(); }
  void lock() {
    mutex_->lock();
    owns_ = true;
  }
  void unlock() {
    mutex_->unlock();
    owns_ = false;
  }

 private:
  Mutex* mutex_ = nullptr;
  bool owns_ = false;
};

class Condition {
 public:
  void wait(Lock& lock) {
    const int seen = signals_.load();
    lock.unlock();
    __builtin_wasm_memory_atomic_wait32(word(), seen, -1);
    lock.lock();
  }
  template <class Holds> void wait(Lock& lock, const Holds& holds) {
    while (!holds()) wait(lock);
  }
  void notify_one() { notify(1); }
  void notify_all() { notify(0x7fffffff); }

 private:
  int* word() { return reinterpret_cast<int*>(&signals_); }
  void notify(unsigned count) {
    signals_.fetch_add(1);
    __builtin_wasm_memory_atomic_notify(word(), count);
  }
  std::atomic<int> signals_{0};
};

class Thread {
 public:
  template <class Body> explicit Thread(Body body) { startThread(new std::function<void()>(std::move(body))); }
  // The host ends the workers of a device that is closed.
  void join() {}
};

}  // namespace splitmask
