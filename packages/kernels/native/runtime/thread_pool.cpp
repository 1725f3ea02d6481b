#include "thread_pool.h"

#include <chrono>

namespace splitmask {

// How long a worker looks for more tasks before it sleeps: the parts of a kernel, and the kernels of a step, follow
// each other faster than a thread can be woken.
static constexpr auto watchful = std::chrono::microseconds(200);

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_.store(true);
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

bool ThreadPool::claimAndRun(int thread) {
  int64 remaining = remaining_.load(std::memory_order_acquire);
  while (remaining > 0) {
    if (remaining_.compare_exchange_weak(remaining, remaining - 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
      body_(context_, tasks_ - remaining, thread);
      finished_.fetch_add(1, std::memory_order_release);
      return true;
    }
  }
  return false;
}

void ThreadPool::run(int64 tasks, void (*body)(void*, int64, int), void* context) {
  if (tasks <= 0) return;
  body_ = body;
  context_ = context;
  tasks_ = tasks;
  finished_.store(0, std::memory_order_relaxed);
  remaining_.store(tasks);  // sequentially consistent, as is the read of sleepers_: a worker going to sleep sees one or
                            // is seen by the other
  if (sleepers_.load() > 0) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
    }
    if (tasks > 2)
      wake_.notify_all();
    else
      wake_.notify_one();
  }
  while (claimAndRun(0)) {
  }
  if (!measuring) return waitForOthers(tasks);
  const auto start = std::chrono::steady_clock::now();
  waitForOthers(tasks);
  waited += std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

void ThreadPool::waitForOthers(int64 tasks) const {
  for (int spin = 0; finished_.load(std::memory_order_acquire) < tasks; ++spin) {
    if (spin < 2000)
      pause();
    else
      std::this_thread::yield();  // more threads than free cores: let the straggler run
  }
}

void ThreadPool::work(int thread) {
  for (;;) {
    while (claimAndRun(thread)) {
    }
    const auto idle = std::chrono::steady_clock::now();
    for (int spin = 1; remaining_.load(std::memory_order_relaxed) <= 0; ++spin) {
      if (spin % 64 == 0 && std::chrono::steady_clock::now() - idle > watchful) break;
      pause();
    }
    if (remaining_.load(std::memory_order_relaxed) > 0) continue;
    std::unique_lock<std::mutex> lock(mutex_);
    if (stopping_.load()) return;
    sleepers_.fetch_add(1);
    wake_.wait(lock, [this] { return stopping_.load() || remaining_.load() > 0; });
    sleepers_.fetch_sub(1);
  }
}

}  // namespace splitmask
