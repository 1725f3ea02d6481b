#include "thread_pool.h"

#include <chrono>

namespace splitmask {

// How long a worker looks for more tasks before it sleeps: the parts of a kernel, and the kernels of a step, follow
// each other faster than a thread can be woken.
static constexpr auto watchful = std::chrono::microseconds(200);

ThreadPool::ThreadPool(int threads) : threads_(threads), shares_(static_cast<size_t>(threads)) {
  for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
}

ThreadPool::~ThreadPool() {
  {
    Lock lock(mutex_);
    stopping_.store(true);
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

bool ThreadPool::claimFrom(Share& share, bool fromTheEnd, int64& task) {
  uint64_t range = share.range.load(std::memory_order_acquire);
  for (;;) {
    const uint64_t begin = range >> 32, end = range & 0xffffffff;
    if (begin == end) return false;
    const uint64_t rest = fromTheEnd ? begin << 32 | (end - 1) : (begin + 1) << 32 | end;
    task = static_cast<int64>(fromTheEnd ? end - 1 : begin);
    if (share.range.compare_exchange_weak(range, rest, std::memory_order_acq_rel, std::memory_order_acquire))
      return true;
  }
}

bool ThreadPool::claim(int thread, int64& task) {
  if (claimFrom(shares_[static_cast<size_t>(thread)], false, task)) return true;
  for (int i = 1; i < threads_; ++i)
    if (claimFrom(shares_[static_cast<size_t>((thread + i) % threads_)], true, task)) return true;
  return false;
}

void ThreadPool::runTasks(int thread) {
  int64 done = 0;
  for (int64 task = 0; claim(thread, task); ++done) body_(context_, task, thread);
  if (done > 0) finished_.fetch_add(done, std::memory_order_release);
}

void ThreadPool::run(int64 tasks, void (*body)(void*, int64, int), void* context) {
  if (tasks <= 0) return;
  body_ = body;
  context_ = context;
  finished_.store(0, std::memory_order_relaxed);
  for (int64 thread = 0; thread < threads_; ++thread) {
    const auto from = [&](int64 share) { return static_cast<uint64_t>(tasks * share / threads_); };
    shares_[static_cast<size_t>(thread)].range.store(from(thread) << 32 | from(thread + 1), std::memory_order_release);
  }
  job_.fetch_add(1);  // sequentially consistent, as is the read of sleepers_: a worker going to sleep sees one or is
                      // seen by the other
  if (sleepers_.load() > 0) {
    {
      Lock lock(mutex_);
    }
    if (tasks > 2)
      wake_.notify_all();
    else
      wake_.notify_one();
  }
  runTasks(0);
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
      yieldThread();  // more threads than free cores: let the straggler run
  }
}

void ThreadPool::work(int thread) {
  for (;;) {
    const uint64_t job = job_.load(std::memory_order_acquire);
    runTasks(thread);
    const auto idle = std::chrono::steady_clock::now();
    for (int spin = 1; job_.load(std::memory_order_relaxed) == job; ++spin) {
      if (spin % 64 == 0 && std::chrono::steady_clock::now() - idle > watchful) break;
      pause();
    }
    if (job_.load(std::memory_order_relaxed) != job) continue;
    Lock lock(mutex_);
    if (stopping_.load()) return;
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return stopping_.load() || job_.load() != job; });
    sleepers_.fetch_sub(1);
  }
}

}  // namespace splitmask
