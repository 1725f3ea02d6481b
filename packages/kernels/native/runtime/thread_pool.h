// The threads that share the tasks of one kernel. The thread that calls run() takes part as thread 0.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "../call.h"
#include "threads.h"

namespace splitmask {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs body(context, task, thread) for every task in [0, tasks), fewer than 2³²; returns when all are done. Only the
  // executor calls it, and no body may.
  void run(int64 tasks, void (*body)(void* context, int64 task, int thread), void* context);
  int threads() const { return threads_; }

  // While true, `waited` counts the nanoseconds in which run() had no task left and waited for those of other threads.
  bool measuring = false;
  double waited = 0;

 private:
  // Tasks [begin, end) that nobody has claimed yet, in one word, on a cache line of its own.
  struct alignas(64) Share {
    std::atomic<uint64_t> range{0};
  };

  static bool claimFrom(Share& share, bool fromTheEnd, int64& task);
  bool claim(int thread, int64& task);
  void runTasks(int thread);
  void waitForOthers(int64 tasks) const;
  void work(int thread);

  const int threads_;
  std::vector<Thread> workers_;

  // The job in hand. Each thread has a share of its tasks, those that follow each other, so that it finds in its cache
  // what it wrote when the kernel before was cut alike; it takes from the ends of the others' shares when its own is
  // empty. A successful claim proves that the job is the one described here, because the executor waits until every
  // claimed task is finished before it describes the next.
  void (*body_)(void*, int64, int) = nullptr;
  void* context_ = nullptr;
  std::vector<Share> shares_;
  alignas(64) std::atomic<uint64_t> job_{0};  // counts the jobs
  alignas(64) std::atomic<int64> finished_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  Condition wake_;
};

}  // namespace splitmask
